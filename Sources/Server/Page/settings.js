// What is asked of the model besides the messages. A field that is empty is not sent; what the server refuses is shown
// beside its field in the server's words.

import { key } from "./api.js";
import { byId, make } from "./dom.js";
import { saveSettings, settings as storedSettings } from "./store.js";

const sections = [
  ["", [
    { name: "system", label: "System prompt", rows: 3, placeholder: "None" },
  ]],
  ["Sampling", [
    { name: "temperature", label: "Temperature", number: "decimal", placeholder: "1" },
    { name: "top_p", label: "Top p", number: "decimal", placeholder: "1" },
    { name: "top_k", label: "Top k", number: "integer", placeholder: "All" },
    { name: "min_p", label: "Min p", number: "decimal", placeholder: "0" },
    { name: "presence_penalty", label: "Presence penalty", number: "decimal", placeholder: "0" },
    { name: "frequency_penalty", label: "Frequency penalty", number: "decimal", placeholder: "0" },
    { name: "seed", label: "Seed", number: "integer", placeholder: "Any" },
    { name: "max_tokens", label: "Longest answer", number: "integer", placeholder: "Tokens" },
    { name: "stop", label: "Stop at (one per line)", rows: 2 },
  ]],
  ["Request", [
    { name: "extra", label: "More fields, as a JSON object", rows: 2, mono: true, placeholder: '{"priority": 1}' },
    { name: "key", label: "API key (forgotten when the tab closes)", secret: true },
  ]],
];
const fields = sections.flatMap(([, group]) => group);

/** The settings, their form, and what of a request comes from them. */
export class Settings {
  #values = storedSettings();
  #inputs = new Map();
  #wrong = new Map();

  /** `keyChanged` is called when another API key was given. */
  constructor(keyChanged) {
    const form = byId("settings-form");
    for (const [title, group] of sections) {
      if (title) form.append(make("h3", {}, title));
      const small = group.filter((field) => field.number);
      if (small.length > 0) form.append(make("div", { class: "pair" }, ...small.map((field) => this.#row(field))));
      form.append(...group.filter((field) => !field.number).map((field) => this.#row(field)));
    }
    form.append(
      make("p", { class: "note" }, "An empty field is not sent: the server then has its own default."),
      make("button", { type: "button", class: "plain", id: "reset-settings", onclick: () => this.#reset() }, "Reset"));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", (event) => {
      if (event.target.name === "key") keyChanged();
    });
    this.#summarize();
  }

  #row(field) {
    const kind = field.rows ? "textarea" : "input";
    const value = field.secret ? key.get() : this.#values[field.name] ?? "";
    const wrong = make("p", { class: "wrong", id: `wrong-${field.name}`, hidden: true });
    const input = make(kind, {
      name: field.name, value, placeholder: field.placeholder ?? "", class: field.mono ? "mono" : "",
      rows: field.rows, type: field.rows ? undefined : field.secret ? "password" : "text", spellcheck: field.name === "system",
      inputMode: field.number === "integer" ? "numeric" : field.number,
      autocomplete: field.secret ? "new-password" : "off",
      "aria-describedby": wrong.id,
      oninput: () => this.#set(field, input.value),
    });
    this.#inputs.set(field.name, input);
    this.#wrong.set(field.name, wrong);
    return make("label", { class: "field" }, make("span", {}, field.label), input, wrong);
  }

  #set(field, value) {
    this.#mark(field.name, null);
    if (field.secret) {
      key.set(value.trim());
      return;
    }
    this.#values[field.name] = value;
    saveSettings(this.#values);
    this.#summarize();
  }

  #reset() {
    this.#values = {};
    saveSettings(this.#values);
    for (const field of fields) {
      if (field.secret) continue;
      this.#inputs.get(field.name).value = "";
      this.#mark(field.name, null);
    }
    this.#summarize();
  }

  #summarize() {
    const shown = ["temperature", "top_p", "top_k", "seed"]
      .filter((name) => this.#values[name]?.trim())
      .map((name) => `${name} ${this.#values[name].trim()}`);
    byId("settings-summary").textContent = shown.length > 0 ? shown.join(", ") : "Settings";
  }

  #mark(name, message) {
    const input = this.#inputs.get(name);
    const wrong = this.#wrong.get(name);
    if (message === null) input.removeAttribute("aria-invalid");
    else input.setAttribute("aria-invalid", "true");
    wrong.textContent = message ?? "";
    wrong.hidden = message === null;
  }

  /** The system prompt, or "". */
  get system() {
    return (this.#values.system ?? "").trim();
  }

  /** The fields of a request, or null if one of them is no number or no JSON; that one is marked. */
  requestFields() {
    const request = {};
    for (const field of fields.filter((candidate) => candidate.number)) {
      const text = (this.#values[field.name] ?? "").trim();
      if (text === "") continue;
      const value = Number(text.replace(",", "."));
      if (!Number.isFinite(value) || (field.number === "integer" && !Number.isSafeInteger(value))) {
        this.#mark(field.name, field.number === "integer" ? "A whole number, please." : "A number, please.");
        return null;
      }
      request[field.name] = value;
    }
    const stops = (this.#values.stop ?? "").split("\n").filter((line) => line !== "");
    if (stops.length > 0) request.stop = stops;
    return this.#extra(request);
  }

  #extra(request) {
    const text = (this.#values.extra ?? "").trim();
    if (text === "") return request;
    try {
      const extra = JSON.parse(text);
      if (typeof extra === "object" && extra !== null && !Array.isArray(extra)) return { ...request, ...extra };
    } catch {
      // Said below.
    }
    this.#mark("extra", "A JSON object, please.");
    return null;
  }

  /** Shows the server's words beside the field that it refused. Says whether there is such a field. */
  refuse(name, message) {
    if (name === "max_completion_tokens") name = "max_tokens";
    const known = this.#inputs.has(name);
    if (known) this.#mark(name, message);
    return known;
  }
}
