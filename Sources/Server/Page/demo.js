// Sixteen requests, so that there is something to see. A browser opens six connections to a server at most, so they
// travel four to a connection, as lists of prompts; the groups begin one after the other and differ in length.

import { ServerError, streamJSON } from "./api.js";

const opening =
  "You are a patient teacher. You answer in plain words, in short sentences, and you give one example from daily life. You " +
  "never assume that the reader knows the field. When something is not known for certain, you say so. When a question has " +
  "two sides, you tell both of them before you say which one is better supported. You do not repeat the question, and you " +
  "end with one sentence that is worth remembering. Question: ";
const groups = [
  { after: 0, tokens: 96, prompts: [
    "Why is the sky blue?", "What is a hash table?", "How do ships float?", "Why do cats purr?",
  ] },
  { after: 500, tokens: 32, prompts: [
    "What is a prime number?", "Name a planet with rings.", "What does TCP do?", "What is salt made of?",
  ] },
  { after: 1_100, tokens: 128, prompts: [
    "Tell the story of a lighthouse keeper who finds a letter. ".repeat(6), "How is glass made?",
    "Explain what a compiler does, from the text to the program that runs. ".repeat(4), "What is music?",
  ] },
  { after: 1_900, tokens: 64, prompts: [
    "What is a semaphore?", "Why does ice float on water?", "How do bees find home?", "What is a checksum?",
  ] },
];

/** Sixteen requests on their way. */
export class Demo {
  #model;
  #report;
  #controller = null;

  /** `model` gives the name of the model; `report` is called with a text, and whether it is a problem. */
  constructor(model, report) {
    this.#model = model;
    this.#report = report;
  }

  /** Whether requests are on their way. */
  get isRunning() {
    return this.#controller !== null;
  }

  /** Cancels all of them. */
  stop() {
    this.#controller?.abort();
  }

  /** Sends them and resolves when all have come back. */
  async run() {
    const controller = new AbortController();
    this.#controller = controller;
    const progress = { landed: 0, tokens: 0, started: performance.now() };
    this.#report("16 requests board in four groups.", false);
    try {
      await Promise.all(groups.map((group, index) => this.#send(group, index, progress, controller.signal)));
      const seconds = (performance.now() - progress.started) / 1000;
      this.#report(`All 16 are back after ${seconds.toFixed(1)} s: ${Math.round(progress.tokens / seconds)} tokens per second ` +
        "together. Send one message in the chat and compare.", false);
    } catch (error) {
      if (controller.signal.aborted) {
        this.#report("The requests were cancelled; their blocks are free again.", false);
      } else {
        controller.abort();
        this.#report(error instanceof ServerError ? error.message : `The page failed: ${error.message}`, true);
      }
    } finally {
      this.#controller = null;
    }
  }

  async #send(group, index, progress, signal) {
    await pause(group.after, signal);
    const request = {
      model: this.#model(),
      prompt: group.prompts.map((prompt) => opening + prompt),
      max_tokens: group.tokens,
      temperature: 0.8,
      seed: index + 1,
      stream: true,
      stream_options: { include_usage: true },
    };
    for await (const event of streamJSON("/v1/completions", request, signal)) {
      progress.tokens += event.usage?.completion_tokens ?? 0;
      const landed = (event.choices ?? []).filter((choice) => choice.finish_reason).length;
      if (landed === 0) continue;
      progress.landed += landed;
      this.#report(`${progress.landed} of 16 are back.`, false);
    }
  }
}

function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
