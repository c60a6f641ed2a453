// Why requests wait, in the engine's own words.

import { waitingReasons } from "./api.js";

const interval = 1_000;
const maximumLength = 300;

/** A line that says why the first of those that wait does so. */
export class WaitingWords {
  #element;
  #count = 0;
  #lastAsked = -Infinity;

  constructor(element) {
    this.#element = element;
  }

  /** So many requests wait now. Asks the server why, at most once a second. */
  update(count) {
    this.#count = count;
    if (count === 0) this.#element.textContent = "";
    else if (performance.now() - this.#lastAsked >= interval) this.#ask();
  }

  async #ask() {
    // Until the answer is there nobody asks again.
    this.#lastAsked = Infinity;
    // A server that cannot say it now will say it later.
    const reasons = await waitingReasons().catch(() => []);
    this.#lastAsked = performance.now();
    if (this.#count > 0) this.#element.textContent = words(reasons);
  }
}

function words(reasons) {
  if (reasons.length === 0) return "";
  const first = reasons[0].slice(0, maximumLength);
  const others = reasons.length - 1;
  const rest = others === 0 ? "" : others === 1 ? " One more waits." : ` ${others} more wait.`;
  return `${first.charAt(0).toUpperCase()}${first.slice(1)}.${rest}`;
}
