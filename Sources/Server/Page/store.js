// What the browser keeps: conversations and settings. Each conversation has a key of its own, so that two tabs do not
// overwrite each other's. What is stored is read as if somebody else had written it.

const prefix = "inflight.conversation.";
const settingsKey = "inflight.settings";
const maximumCount = 200;

function readJSON(name) {
  try {
    return JSON.parse(localStorage.getItem(name));
  } catch {
    return null;
  }
}

function checkedMessage(value) {
  if (!["user", "assistant"].includes(value?.role) || typeof value.content !== "string") return null;
  const message = { role: value.role, content: value.content };
  if (typeof value.stats === "string") message.stats = value.stats;
  if (typeof value.problem === "string") message.problem = value.problem;
  return message;
}

function checkedConversation(value) {
  if (typeof value?.id !== "string" || !Array.isArray(value.messages)) return null;
  return {
    id: value.id,
    title: typeof value.title === "string" ? value.title : "Conversation",
    updated: Number.isFinite(value.updated) ? value.updated : 0,
    messages: value.messages.map(checkedMessage).filter(Boolean),
  };
}

/** All conversations that are stored, the last used first. */
export function conversations() {
  const found = [];
  try {
    for (let index = 0; index < localStorage.length; index += 1) {
      const name = localStorage.key(index);
      if (!name.startsWith(prefix)) continue;
      const conversation = checkedConversation(readJSON(name));
      if (conversation) found.push(conversation);
    }
  } catch {
    // A browser that forbids storage has none.
  }
  return found.sort((a, b) => b.updated - a.updated);
}

/** Whether a key of the storage is a conversation's. */
export function isConversationKey(name) {
  return name === null || name.startsWith(prefix);
}

/** Stores a conversation. If there are too many or the room is used up, the oldest are let go. Says whether it worked. */
export function saveConversation(conversation) {
  const text = JSON.stringify(conversation);
  const others = () => conversations().filter((other) => other.id !== conversation.id);
  try {
    if (localStorage.length > maximumCount) others().slice(maximumCount - 1).forEach((old) => removeConversation(old.id));
    localStorage.setItem(prefix + conversation.id, text);
    return true;
  } catch {
    return saveInPlaceOf(others(), conversation.id, text);
  }
}

/** Removes conversations, the last of these first, until the text finds room. */
function saveInPlaceOf(others, id, text) {
  while (others.length > 0) {
    removeConversation(others.pop().id);
    try {
      localStorage.setItem(prefix + id, text);
      return true;
    } catch {
      // Another one has to go.
    }
  }
  return false;
}

/** Forgets a conversation. */
export function removeConversation(id) {
  try {
    localStorage.removeItem(prefix + id);
  } catch {
    // Nothing was stored.
  }
}

/** The settings, a flat object of texts. */
export function settings() {
  const value = readJSON(settingsKey);
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).filter(([, text]) => typeof text === "string"));
}

/** Stores the settings. */
export function saveSettings(value) {
  try {
    localStorage.setItem(settingsKey, JSON.stringify(value));
  } catch {
    // They then last as long as the page.
  }
}
