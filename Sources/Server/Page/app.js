// The page: the bar, the two views, panels, shortcuts. Everything else is made here and handed what it needs.

import { models } from "./api.js";
import { Chat } from "./chat.js";
import { short } from "./canvas.js";
import { byId, make, throttled } from "./dom.js";
import { EngineView } from "./engine.js";
import { Settings } from "./settings.js";
import { EngineState } from "./state.js";

const views = ["chat", "engine"];
const narrow = matchMedia("(max-width: 1080px)");

/** The model that is chosen; undefined, which is not sent, while the server's models are not known. */
const chosenModel = () => byId("model").value || undefined;
const state = new EngineState(throttled(50, () => engine.update()), throttled(200, showPulse));
const settings = new Settings(() => {
  state.reconnect();
  loadModels();
});
const chat = new Chat({ settings, model: chosenModel, refused: () => showSettings(true) });
const engine = new EngineView(state, chosenModel);

// The bar.

const lost = new Map([[401, "needs an API key"], [404, "no live view"], [503, "not ready"]]);

function showPulse() {
  const { connection, latest } = state;
  const isBusy = connection === "live" && latest.batchSize + latest.waiting > 0;
  byId("pulse").dataset.state = isBusy ? "busy" : connection;
  const words = {
    connecting: "connecting", lost: lost.get(state.status) ?? "no connection", paused: "paused",
    live: isBusy ? `${latest.batchSize} running, ${latest.waiting} waiting, ${short(latest.tokensPerSecond)} tokens/s` : "idle",
  };
  byId("pulse-text").textContent = words[connection];
  // A server that was still loading its model has a list of models now.
  if (connection === "live" && chosenModel() === undefined) loadModels();
}

let isLoadingModels = false;

async function loadModels() {
  if (isLoadingModels) return;
  isLoadingModels = true;
  const select = byId("model");
  const chosen = select.value;
  try {
    const names = await models();
    select.replaceChildren(...names.map((name) => make("option", { value: name }, name)));
    if (names.includes(chosen)) select.value = chosen;
  } catch {
    // Without a list the server is asked for its default; it says itself what is wrong when it is asked.
    select.replaceChildren(make("option", { value: "" }, "the server's model"));
  }
  isLoadingModels = false;
}

// The views.

function showView(name, focusTab = false) {
  for (const view of views) {
    const isShown = view === name;
    byId(`view-${view}`).hidden = !isShown;
    byId(`tab-${view}`).setAttribute("aria-selected", String(isShown));
    byId(`tab-${view}`).tabIndex = isShown ? 0 : -1;
  }
  if (focusTab) byId(`tab-${name}`).focus();
  const hash = name === "chat" ? "" : `#${name}`;
  if (location.hash !== hash) history.replaceState(null, "", hash || location.pathname);
  showPanels({ conversations: false });
  engine.update();
}

function viewOfAddress() {
  return location.hash === "#engine" ? "engine" : "chat";
}

for (const [index, view] of views.entries()) {
  const tab = byId(`tab-${view}`);
  tab.addEventListener("click", () => showView(view));
  tab.addEventListener("keydown", (event) => {
    if (["ArrowLeft", "ArrowRight"].includes(event.key)) showView(views[1 - index], true);
  });
}
addEventListener("hashchange", () => showView(viewOfAddress()));
byId("welcome-engine").addEventListener("click", () => showView("engine", true));

// Panels: settings, and on narrow screens the conversations.

function showPanels({ conversations = isOpen("conversations"), settings: isSettings = !byId("settings").hidden }) {
  byId("conversations").classList.toggle("open", conversations);
  byId("open-conversations").setAttribute("aria-expanded", String(conversations));
  byId("settings").hidden = !isSettings;
  byId("open-settings").setAttribute("aria-expanded", String(isSettings));
  byId("shade").hidden = !(conversations || (isSettings && narrow.matches && !byId("view-chat").hidden));
}

function isOpen(id) {
  return byId(id).classList.contains("open");
}

function showSettings(isShown) {
  showPanels({ settings: isShown, conversations: false });
  const wrong = byId("settings").querySelector("[aria-invalid]");
  if (isShown) (wrong ?? byId("close-settings")).focus();
  else byId("prompt").focus();
}

byId("open-settings").addEventListener("click", () => showSettings(byId("settings").hidden));
byId("close-settings").addEventListener("click", () => showSettings(false));
byId("open-conversations").addEventListener("click", () => {
  const opens = !isOpen("conversations");
  if (opens) showView("chat");
  showPanels({ conversations: opens, settings: false });
  if (opens) byId("new-conversation").focus();
});
byId("shade").addEventListener("click", () => showPanels({ conversations: false, settings: false }));
byId("conversations").addEventListener("click", (event) => {
  if (event.target.closest(".pick, .new")) showPanels({ conversations: false });
});
narrow.addEventListener("change", () => showPanels({}));

// Shortcuts.

function isWriting(target) {
  return target.closest("input, textarea, select") !== null;
}

function escape() {
  if (isOpen("conversations")) showPanels({ conversations: false });
  else if (chat.isAnswering && !byId("view-chat").hidden) chat.stop();
  else if (!byId("settings").hidden) showSettings(false);
}

const withAlt = {
  KeyN: () => {
    showView("chat");
    chat.begin();
  },
  KeyR: () => chat.regenerate(),
  KeyS: () => {
    showView("chat");
    showSettings(byId("settings").hidden);
  },
  Digit1: () => showView("chat"),
  Digit2: () => showView("engine"),
};

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.ctrlKey || event.metaKey || byId("shortcuts").open) return;
  if (event.altKey) {
    const action = withAlt[event.code];
    if (!action) return;
    event.preventDefault();
    action();
  } else if (event.key === "Escape") {
    escape();
  } else if (event.key === "/" && !isWriting(event.target)) {
    event.preventDefault();
    showView("chat");
    byId("prompt").focus();
  } else if (event.key === "?" && !isWriting(event.target)) {
    byId("shortcuts").showModal();
  }
});
byId("open-shortcuts").addEventListener("click", () => byId("shortcuts").showModal());

showView(viewOfAddress());
loadModels();
state.start();
if (!byId("view-chat").hidden && matchMedia("(hover: hover)").matches) byId("prompt").focus();
