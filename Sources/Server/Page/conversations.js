// The list of conversations: which there are, which is open.

import { byId, make } from "./dom.js";
import * as store from "./store.js";

const cross = "M5.5 5.5l9 9M14.5 5.5l-9 9";

/** The conversations and the list at the side. Storing is put off a little while an answer streams. */
export class Conversations {
  #all = store.conversations();
  #timers = new Map();
  #busy;
  #opened;
  #removed;
  /** The conversation that is open. */
  current;

  /**
   * `opened` is called with a conversation that was opened, `removed` with one that was removed; `busy` tells whether one is
   * being answered.
   */
  constructor({ opened, removed, busy }) {
    this.#opened = opened;
    this.#removed = removed;
    this.#busy = busy;
    this.current = this.#all[0] ?? this.#blank();
    addEventListener("storage", (event) => {
      if (store.isConversationKey(event.key)) this.#adopt();
    });
    addEventListener("pagehide", () => this.flush());
  }

  #blank() {
    return { id: crypto.getRandomValues(new Uint32Array(3)).join("-"), title: "New conversation", updated: 0, messages: [] };
  }

  /** Takes over what another tab wrote, but for the conversation that is open here and those being answered. */
  #adopt() {
    const kept = this.#all.filter((one) => one === this.current || this.#busy(one));
    const ids = new Set(kept.map((one) => one.id));
    this.#all = [...kept, ...store.conversations().filter((one) => !ids.has(one.id))].sort((a, b) => b.updated - a.updated);
    this.show();
  }

  /** Opens a new, empty conversation. */
  begin() {
    if (this.current.messages.length > 0) this.current = this.#blank();
    this.show();
    this.#opened(this.current);
  }

  #pick(conversation) {
    this.current = conversation;
    this.show();
    this.#opened(conversation);
  }

  #remove(conversation) {
    const at = this.#all.indexOf(conversation);
    this.#all.splice(at, 1);
    clearTimeout(this.#timers.get(conversation.id));
    this.#timers.delete(conversation.id);
    store.removeConversation(conversation.id);
    this.#removed(conversation);
    if (conversation === this.current) this.#pick(this.#all[Math.min(at, this.#all.length - 1)] ?? this.#blank());
    else this.show();
    (byId("conversation-list").querySelector(".current .pick") ?? byId("new-conversation")).focus();
  }

  /** Notes that a conversation changed: it goes to the top of the list and is stored soon. */
  changed(conversation) {
    conversation.updated = Date.now();
    const first = conversation.messages.find((message) => message.role === "user");
    if (first) conversation.title = first.content.trim().split("\n")[0].slice(0, 80) || "Conversation";
    this.#all = [conversation, ...this.#all.filter((one) => one !== conversation)];
    this.show();
    this.touch(conversation);
  }

  /** Stores a conversation within half a second. */
  touch(conversation) {
    if (this.#timers.has(conversation.id)) return;
    this.#timers.set(conversation.id, setTimeout(() => this.#save(conversation), 500));
  }

  #save(conversation) {
    clearTimeout(this.#timers.get(conversation.id));
    this.#timers.delete(conversation.id);
    if (conversation.messages.length > 0) store.saveConversation(conversation);
  }

  /** Stores now whatever waits to be stored. */
  flush() {
    for (const conversation of this.#all) {
      if (this.#timers.has(conversation.id)) this.#save(conversation);
    }
  }

  /** Shows the list again; the focus stays where it was. */
  show() {
    const list = byId("conversation-list");
    const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute("data-of") : null;
    list.replaceChildren(...this.#all.map((conversation) => this.#item(conversation)));
    if (focused !== null) list.querySelector(`[data-of="${CSS.escape(focused)}"]`)?.focus();
  }

  #item(conversation) {
    const isCurrent = conversation === this.current;
    const remove = make("button", {
      type: "button", class: "icon remove", "aria-label": `Delete ${conversation.title}`,
      onclick: () => this.#remove(conversation),
    }, icon(cross));
    return make("li", { class: isCurrent ? "current" : "" },
      make("button", {
        type: "button", class: this.#busy(conversation) ? "pick busy" : "pick", title: conversation.title,
        "data-of": conversation.id, "aria-current": isCurrent ? "true" : undefined, onclick: () => this.#pick(conversation),
      }, conversation.title),
      remove);
  }
}

function icon(path) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(space, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}
