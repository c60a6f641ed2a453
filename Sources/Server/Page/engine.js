// The live view of the engine: it puts the state into figures, the flight of the batch, the map of blocks and the curves.

import { blockCounts, drawBlocks } from "./blocks.js";
import { short } from "./canvas.js";
import { Curves } from "./curves.js";
import { Demo } from "./demo.js";
import { byId, make, throttled } from "./dom.js";
import { FlightChart } from "./flight.js";
import { WaitingWords } from "./waiting.js";

const wordsInterval = 250;
const figures = [
  ["running", "Running", ""],
  ["waiting", "Waiting", ""],
  ["throughput", "Throughput", "tokens/s"],
  ["ttft", "First token", "ms"],
  ["itl", "Between tokens", "ms"],
  ["cache", "Cache in use", "%"],
];

/** The view of the engine. Nothing is drawn while it is hidden or frozen. */
export class EngineView {
  #state;
  #flight = new FlightChart(byId("flight"), byId("flight-tip"));
  #curves = new Curves(byId("curves"));
  #waiting = new WaitingWords(byId("waiting-words"));
  #numbers = new Map();
  #demo;
  #isFrozen = false;
  #isRequested = false;
  #write = throttled(wordsInterval, () => this.#writeWords());

  /** `state` is the engine's state; `model` gives the name of the model. */
  constructor(state, model) {
    this.#state = state;
    for (const [name, title, unit] of figures) {
      const number = make("span", { id: `figure-${name}` }, "\u2013");
      this.#numbers.set(name, number);
      byId("figures").append(make("div", {}, make("dt", {}, title), make("dd", {}, number, ...(unit ? [make("small", {}, unit)] : []))));
    }
    this.#demo = new Demo(model, (text, isProblem) => {
      byId("demo-report").textContent = text;
      byId("demo-report").classList.toggle("wrong", isProblem);
    });
    byId("demo").addEventListener("click", () => this.#toggleDemo());
    byId("freeze").addEventListener("click", () => {
      this.#isFrozen = !this.#isFrozen;
      byId("freeze").setAttribute("aria-pressed", String(this.#isFrozen));
      byId("freeze").textContent = this.#isFrozen ? "Go on" : "Freeze";
      this.update();
    });
    addEventListener("colours", () => this.update());
    new ResizeObserver(() => this.update()).observe(byId("view-engine"));
    // The curves move on while no state comes.
    setInterval(() => this.update(), 1_000);
  }

  async #toggleDemo() {
    if (this.#demo.isRunning) {
      this.#demo.stop();
      return;
    }
    byId("demo").textContent = "Cancel them";
    await this.#demo.run();
    byId("demo").textContent = "Send 16 requests";
  }

  /** Draws at the next frame, if anybody looks. */
  update() {
    if (this.#isRequested || this.#isFrozen || byId("view-engine").hidden || document.hidden) return;
    this.#isRequested = true;
    requestAnimationFrame(() => {
      this.#isRequested = false;
      this.#draw();
    });
  }

  #draw() {
    const { latest, steps, points, connection, problem } = this.#state;
    const notice = byId("engine-notice");
    notice.hidden = connection !== "lost";
    notice.textContent = problem ? `${problem} Trying again.` : "";
    byId("flight-empty").hidden = steps.length > 0;
    this.#flight.draw(steps);
    this.#curves.draw(points, performance.now() / 1000, connection === "live");
    if (latest === null) return;
    drawBlocks(byId("blocks"), latest.blocks);
    this.#write();
  }

  #writeWords() {
    const { latest } = this.#state;
    if (this.#isFrozen) return;
    const steps = this.#flight.stepsPerColumn;
    byId("flight-sub").textContent = steps >= 1.5 ? `one step of ${Math.round(steps)} is shown` : "";
    this.#writeFigures(latest);
    this.#waiting.update(latest.waiting);
    this.#writeBlocks(latest.blocks);
    if (document.querySelector(".as-table").open) this.#writeTable(latest);
  }

  #writeFigures(state) {
    const { blocks } = state;
    const values = {
      running: state.batchSize,
      waiting: state.waiting,
      throughput: state.tokensPerSecond,
      ttft: state.timeToFirstToken,
      itl: state.interTokenLatency,
      cache: blocks.total > 0 ? Math.round((blocks.used / blocks.total) * 100) : null,
    };
    for (const [name, value] of Object.entries(values)) this.#numbers.get(name).textContent = short(value);
    byId("flight").setAttribute("aria-label", `Step ${state.step}: ${state.batchSize} requests in the batch, ` +
      `${state.batch.filter((run) => run.isContext).length} of them in context, ${state.waiting} waiting.`);
  }

  #writeBlocks(blocks) {
    const counts = blockCounts(blocks);
    byId("blocks-sub").textContent = `${short(blocks.total)} blocks`;
    const words = counts.map(({ name, count }) => `${short(count)} ${name}`);
    byId("blocks").setAttribute("aria-label", `Blocks of the cache: ${words.join(", ")}.`);
    byId("blocks-legend").replaceChildren(...counts.map(({ name }, index) =>
      make("li", {}, make("i", { class: `swatch ${name}` }), words[index])));
  }

  #writeTable(state) {
    byId("batch-table").replaceChildren(...state.batch.map((run) => make("tr", {},
      make("td", {}, run.id), make("td", {}, run.isContext ? "context" : "generation"),
      ...[run.tokens, run.promptTokens, run.generated].map((value) => make("td", { class: "number" }, short(value))))));
  }
}
