// The chat: messages, what can be done with them, and answers as they stream in.

import { ServerError, streamJSON } from "./api.js";
import { Conversations } from "./conversations.js";
import { byId, copyText, make } from "./dom.js";
import { renderMarkdown } from "./markdown.js";

const renderInterval = 60;
const suggestions = [
  "Explain in-flight batching to a ten-year-old.",
  "Write a Swift function that merges two sorted arrays.",
  "Compare TCP and UDP in a table.",
  "Why is the sky blue?",
];

/** The chat view. */
export class Chat {
  #settings;
  #model;
  #answers = new Map();
  #rows = new Map();
  #conversations;
  #follows = true;

  /** `model` gives the name of the model that is chosen, if any; `refused` is called when a setting is marked as wrong. */
  constructor({ settings, model, refused }) {
    this.#settings = settings;
    this.#model = model;
    this.refused = refused;
    this.#conversations = new Conversations({
      opened: () => this.#open(),
      removed: (conversation) => {
        this.stop(conversation);
        conversation.messages = [];
      },
      busy: (conversation) => this.#answers.has(conversation.id),
    });
    this.#listen();
    this.#conversations.show();
    this.#open();
  }

  get #current() {
    return this.#conversations.current;
  }

  /** Whether the conversation that is open is being answered. */
  get isAnswering() {
    return this.#answers.has(this.#current.id);
  }

  #listen() {
    const prompt = byId("prompt");
    byId("composer").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    prompt.addEventListener("input", () => this.#fit());
    prompt.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
        event.preventDefault();
        this.#submit();
      } else if (event.key === "ArrowUp" && prompt.value === "") {
        event.preventDefault();
        this.editLast();
      }
    });
    byId("stop").addEventListener("click", () => {
      this.stop();
      prompt.focus();
    });
    byId("new-conversation").addEventListener("click", () => this.begin());
    byId("to-end").addEventListener("click", () => this.#toEnd());
    byId("scroll").addEventListener("scroll", () => this.#scrolled(), { passive: true });
    byId("suggestions").append(...suggestions.map((text) =>
      make("button", { type: "button", onclick: () => this.#ask(text) }, text)));
  }

  /** Opens a new conversation. */
  begin() {
    this.#conversations.begin();
    byId("prompt").focus();
  }

  #open() {
    this.#rows.clear();
    byId("messages").replaceChildren(...this.#current.messages.map((message) => this.#row(message)));
    this.#refresh();
    this.#toEnd();
  }

  // MARK: messages

  #row(message) {
    const body = make("div", { class: "body" });
    const foot = make("div", { class: "foot" });
    const name = message.role === "user" ? "You" : "Model";
    const element = make("li", { class: `message ${message.role}`, "aria-label": name }, body, foot);
    this.#rows.set(message, { element, body, foot });
    this.#fill(message);
    return element;
  }

  #fill(message) {
    const { element, body, foot } = this.#rows.get(message);
    element.classList.remove("editing");
    body.replaceChildren();
    body.blockSources = [];
    if (message.role === "user") {
      body.textContent = message.content;
    } else {
      body.classList.add("markdown");
      renderMarkdown(message.content, body);
    }
    foot.replaceChildren(...this.#foot(message));
  }

  #foot(message) {
    if (this.#answers.get(this.#current.id)?.message === message) return [];
    const copy = make("button", { type: "button", onclick: () => copyText(message.content, copy) }, "Copy");
    const actions = make("span", { class: "actions" }, copy);
    if (message.role === "user") {
      actions.append(make("button", { type: "button", onclick: () => this.#edit(message) }, "Edit"));
      return [actions];
    }
    actions.append(make("button", { type: "button", onclick: () => this.regenerate(message) }, "Regenerate"));
    const nodes = [actions];
    if (message.stats) nodes.push(make("span", { class: "stats" }, message.stats));
    if (message.problem) {
      const isEmpty = message.content === "";
      if (isEmpty) copy.remove();
      nodes.unshift(make("p", { class: "problem", role: "alert" }, message.problem));
    }
    return nodes;
  }

  /** What depends on the conversation as a whole: the greeting, the buttons, which message is the last. */
  #refresh() {
    const { messages } = this.#current;
    const answering = this.isAnswering;
    byId("welcome").hidden = messages.length > 0;
    byId("send").hidden = answering;
    byId("stop").hidden = !answering;
    for (const [message, { element }] of this.#rows) {
      element.classList.toggle("last", message === messages.at(-1) && !answering);
      element.classList.toggle("streaming", this.#answers.get(this.#current.id)?.message === message);
    }
    this.#fit();
  }

  #edit(message) {
    const row = this.#rows.get(message);
    const field = make("textarea", { value: message.content, "aria-label": "Edit the message" });
    const cancel = () => {
      this.#fill(message);
      byId("prompt").focus();
    };
    const save = () => {
      if (field.value.trim() === "") return;
      this.stop();
      const { messages } = this.#current;
      messages.length = messages.indexOf(message);
      this.#open();
      this.#ask(field.value.trim());
    };
    field.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Escape") {
        event.stopPropagation();
        cancel();
      } else if (event.key === "Enter" && !event.shiftKey) {
        event.preventDefault();
        save();
      }
    });
    row.foot.replaceChildren();
    row.body.replaceChildren(make("div", { class: "editor" }, field, make("div", {},
      make("button", { type: "button", class: "plain", onclick: cancel }, "Cancel"),
      make("button", { type: "button", class: "primary", onclick: save }, "Send"))));
    row.element.classList.add("editing");
    field.focus();
  }

  /** Edits the last message of the person. */
  editLast() {
    const last = this.#current.messages.findLast((message) => message.role === "user");
    if (last && !this.isAnswering) this.#edit(last);
  }

  // MARK: answers

  #submit() {
    const prompt = byId("prompt");
    const text = prompt.value.trim();
    if (text === "" || this.isAnswering) return;
    if (this.#ask(text)) {
      prompt.value = "";
      this.#fit();
    }
  }

  #ask(text) {
    const fields = this.#fields();
    if (fields === null) return false;
    this.#append({ role: "user", content: text });
    this.#answer(fields);
    byId("prompt").focus();
    return true;
  }

  /** Answers again, from this answer on; without one, the last. */
  regenerate(message = this.#current.messages.findLast((one) => one.role === "assistant")) {
    const fields = message ? this.#fields() : null;
    if (fields === null) return;
    this.stop();
    const { messages } = this.#current;
    messages.length = messages.indexOf(message);
    this.#open();
    this.#answer(fields);
  }

  #fields() {
    const fields = this.#settings.requestFields();
    if (fields === null) this.refused();
    return fields;
  }

  #append(message) {
    this.#current.messages.push(message);
    byId("messages").append(this.#row(message));
    this.#conversations.changed(this.#current);
  }

  /** Stops the answer of a conversation; without one, of the one that is open. */
  stop(conversation = this.#current) {
    this.#answers.get(conversation.id)?.controller.abort();
  }

  async #answer(fields) {
    const conversation = this.#current;
    const system = this.#settings.system;
    const history = turns(conversation.messages);
    const request = {
      model: this.#model(),
      messages: system ? [{ role: "system", content: system }, ...history] : history,
      stream: true,
      stream_options: { include_usage: true },
      ...fields,
    };
    const message = { role: "assistant", content: "" };
    const answer = {
      controller: new AbortController(), message, started: performance.now(), first: 0, last: 0, usage: null, reason: null,
    };
    this.#answers.set(conversation.id, answer);
    this.#append(message);
    this.#follows = true;
    this.#refresh();
    this.#toEnd();
    this.#say("The model answers.");
    try {
      await this.#receive(request, answer, conversation);
    } catch (error) {
      if (!answer.controller.signal.aborted) message.problem = this.#problem(error);
    }
    if (answer.controller.signal.aborted) answer.reason = "stopped";
    message.stats = statistics(answer);
    // An answer that took this one's place, after an edit, stays.
    if (this.#answers.get(conversation.id) === answer) this.#answers.delete(conversation.id);
    this.#finish(conversation, message);
  }

  async #receive(request, answer, conversation) {
    for await (const event of streamJSON("/v1/chat/completions", request, answer.controller.signal)) {
      if (event.usage) answer.usage = event.usage;
      const choice = event.choices?.[0];
      if (choice?.finish_reason) answer.reason = choice.finish_reason;
      const text = choice?.delta?.content;
      if (typeof text !== "string" || text === "") continue;
      const now = performance.now();
      if (answer.first === 0) answer.first = now;
      answer.last = now;
      answer.message.content += text;
      this.#conversations.touch(conversation);
      this.#renderSoon(answer);
    }
  }

  #renderSoon(answer) {
    if (answer.timer !== undefined) return;
    answer.timer = setTimeout(() => {
      answer.timer = undefined;
      const row = this.#rows.get(answer.message);
      if (!row || this.#answers.get(this.#current.id) !== answer) return;
      renderMarkdown(answer.message.content, row.body);
      if (this.#follows) this.#toEnd();
    }, renderInterval);
  }

  #finish(conversation, message) {
    if (conversation.messages.includes(message)) this.#conversations.changed(conversation);
    this.#conversations.flush();
    if (conversation !== this.#current || !this.#rows.has(message)) return;
    this.#fill(message);
    this.#refresh();
    if (this.#follows) this.#toEnd();
    this.#say(message.problem ?? `The answer is there. ${message.content.slice(0, 2_000)}`);
  }

  #problem(error) {
    if (!(error instanceof ServerError)) return `The page failed: ${error.message}`;
    if (error.field && this.#settings.refuse(error.field, error.message)) this.refused();
    if (error.status === 401) return `${error.message} Give an API key in the settings.`;
    if (error.status === 429 && error.retryAfter) return `${error.message} Try again in ${error.retryAfter} s.`;
    return error.message;
  }

  // MARK: the field and the scroll position

  #say(text) {
    byId("status").textContent = text;
  }

  #fit() {
    const prompt = byId("prompt");
    prompt.style.height = "auto";
    prompt.style.height = `${prompt.scrollHeight}px`;
    byId("send").disabled = prompt.value.trim() === "";
  }

  #scrolled() {
    const scroll = byId("scroll");
    this.#follows = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
    byId("to-end").hidden = this.#follows;
  }

  #toEnd() {
    const scroll = byId("scroll");
    scroll.scrollTop = scroll.scrollHeight;
    this.#follows = true;
    byId("to-end").hidden = true;
  }
}

/** Messages as a model reads them: templates want turns to alternate, so that two questions, of which the first got no
    answer, are one. */
function turns(messages) {
  const turns = [];
  for (const { role, content } of messages) {
    if (content === "") continue;
    const last = turns.at(-1);
    if (last?.role === role) last.content += `\n\n${content}`;
    else turns.push({ role, content });
  }
  return turns;
}

/** What an answer took, in words: tokens, speed, time to the first token, why it ended if not by itself. */
function statistics(answer) {
  const parts = [];
  const tokens = answer.usage?.completion_tokens;
  if (Number.isFinite(tokens)) {
    parts.push(`${tokens} tokens`);
    const seconds = (answer.last - answer.first) / 1000;
    if (tokens > 2 && seconds > 0) parts.push(`${((tokens - 1) / seconds).toFixed(1)} per second`);
  }
  if (answer.first > 0) parts.push(`first after ${Math.round(answer.first - answer.started)} ms`);
  const cached = answer.usage?.prompt_tokens_details?.cached_tokens;
  if (cached > 0) parts.push(`${cached} of ${answer.usage.prompt_tokens} prompt tokens from the cache`);
  if (answer.reason === "length") parts.push("cut at the longest length");
  else if (answer.reason && answer.reason !== "stop") parts.push(answer.reason);
  return parts.join(" \u00b7 ");
}
