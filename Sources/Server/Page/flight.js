// The batch as it flies: a row for each request, a column for each step, the newest at the right. A column is as wide
// as its longest run of tokens; a run is as wide as its own.

import { fitted, palette, shortId } from "./canvas.js";

const gutter = 68;
const rowHeight = 17;
const maximumRows = 32;
const leastRows = 16;
const waitingHeight = 26;
const axisHeight = 18;

/** The width of a run of tokens, in pixels: 1 is 4, 64 is 14, 256 is 25. */
export function runWidth(tokens) {
  return Math.min(2.6 + 1.4 * Math.sqrt(Math.max(tokens, 1)), 52);
}

/** Gives every request a row: the topmost that is free when it boards. */
export class Rows {
  #rowOf = new Map();
  #lastStep = [];
  #step = 0;

  /** Sets `row` of every run of these steps that has none yet; those without a free row get null. */
  assign(steps) {
    for (const step of steps) {
      if (step.hasRows) continue;
      step.hasRows = true;
      this.#step += 1;
      for (const run of step.batch) run.row = this.#row(run.id);
      // Whoever was not aboard for some steps has left; until then its row is kept for it.
      for (const [id, row] of this.#rowOf) {
        if (this.#step - this.#lastStep[row] > 6) this.#rowOf.delete(id);
      }
    }
  }

  #row(id) {
    let row = this.#rowOf.get(id);
    if (row === undefined) {
      const taken = new Set(this.#rowOf.values());
      row = 0;
      while (taken.has(row)) row += 1;
      if (row >= maximumRows) return null;
      this.#rowOf.set(id, row);
    }
    this.#lastStep[row] = this.#step;
    return row;
  }
}

/** The drawing of the batch. */
export class FlightChart {
  #canvas;
  #tip;
  #rows = new Rows();
  #columns = [];
  #height = 0;
  #shownRows = leastRows;

  constructor(canvas, tip) {
    this.#canvas = canvas;
    this.#tip = tip;
    canvas.addEventListener("pointermove", (event) => this.#point(event));
    canvas.addEventListener("pointerleave", () => {
      tip.hidden = true;
    });
  }

  /** Of how many steps one is drawn, on the average of what is visible: servers may leave some out. */
  get stepsPerColumn() {
    const visible = this.#columns.filter(({ step }) => !step.gap);
    if (visible.length < 2) return 1;
    return Math.max(1, (visible[0].step.step - visible.at(-1).step.step) / (visible.length - 1));
  }

  /** Draws the last of these steps that find room. */
  draw(steps) {
    this.#rows.assign(steps);
    const columns = this.#place(steps);
    const rows = columns.reduce((most, { step }) =>
      step.batch.reduce((highest, run) => Math.max(highest, (run.row ?? -1) + 1), most), leastRows);
    // Rows come quickly and go slowly, so that the drawing does not jump.
    this.#shownRows = rows > this.#shownRows ? rows : Math.max(rows, this.#shownRows - 0.02);
    const shown = Math.ceil(this.#shownRows);
    this.#height = shown * rowHeight;
    const area = fitted(this.#canvas, this.#height + waitingHeight + axisHeight + 6);
    if (area === null) return;
    this.#columns = columns;
    this.#drawFrame(area, shown, columns);
    for (const column of columns) this.#drawColumn(area.context, column);
    this.#drawNames(area.context, columns);
    this.#drawWaiting(area, columns);
  }

  #place(steps) {
    const columns = [];
    let right = this.#canvas.parentElement.clientWidth - 2;
    for (let index = steps.length - 1; index >= 0; index -= 1) {
      const step = steps[index];
      const width = step.batch.reduce((widest, run) => Math.max(widest, runWidth(run.tokens)), 0);
      if (right - width - 1.5 < gutter) break;
      columns.push({ step, left: right - width, width });
      right -= width + 1.5 + (step.gap ? 10 : 0);
    }
    return columns;
  }

  #drawFrame({ context, width }, rows, columns) {
    const colours = palette();
    context.fillStyle = colours.line;
    context.globalAlpha = 0.55;
    for (let row = 0; row <= rows; row += 1) context.fillRect(gutter, row * rowHeight, width - gutter, 1);
    context.globalAlpha = 1;
    context.font = `11px ${colours.sans}`;
    context.fillStyle = colours["ink-3"];
    context.textAlign = "center";
    context.textBaseline = "top";
    let lastLabel = Infinity;
    for (const { step, left, width: columnWidth } of columns) {
      const middle = left + columnWidth / 2;
      if (step.step % 10 !== 0 || lastLabel - middle < 46 || middle > width - 18) continue;
      context.fillText(step.step.toLocaleString("en"), middle, this.#height + waitingHeight + 8);
      lastLabel = middle;
    }
    context.textAlign = "left";
    context.fillText("step", 0, this.#height + waitingHeight + 8);
    context.fillText("waiting", 0, this.#height + waitingHeight - 10);
  }

  #drawColumn(context, { step, left }) {
    const colours = palette();
    for (const run of step.batch) {
      if (run.row === null) continue;
      context.fillStyle = run.isContext ? colours.context : colours.generation;
      context.beginPath();
      context.roundRect(left, run.row * rowHeight + 3, runWidth(run.tokens), rowHeight - 5, 2);
      context.fill();
    }
  }

  /** Names the requests of the newest step. */
  #drawNames(context, columns) {
    const colours = palette();
    context.font = `11px ${colours.mono}`;
    context.fillStyle = colours["ink-2"];
    context.textAlign = "left";
    context.textBaseline = "middle";
    for (const run of columns[0]?.step.batch ?? []) {
      if (run.row !== null) context.fillText(shortId(run.id), 0, run.row * rowHeight + rowHeight / 2 + 0.5, gutter - 10);
    }
  }

  #drawWaiting({ context }, columns) {
    const colours = palette();
    const most = columns.reduce((value, { step }) => Math.max(value, step.waiting), 4);
    context.fillStyle = colours.waiting;
    for (const { step, left, width } of columns) {
      if (step.waiting === 0) continue;
      const height = Math.max((step.waiting / most) * (waitingHeight - 6), 1.5);
      context.fillRect(left, this.#height + waitingHeight - height, width + 1.5, height);
    }
    context.fillStyle = colours["line-2"];
    context.fillRect(gutter, this.#height + waitingHeight, context.canvas.clientWidth - gutter, 1);
  }

  #point(event) {
    const column = this.#columns.find(({ left, width }) => event.offsetX >= left - 1 && event.offsetX < left + width + 1);
    if (!column) {
      this.#tip.hidden = true;
      return;
    }
    const { step } = column;
    const run = step.batch.find((one) => one.row === Math.floor(event.offsetY / rowHeight));
    const lines = [`Step ${step.step.toLocaleString("en")}: ${step.batchSize} aboard, ${step.waiting} waiting`];
    if (step.milliseconds !== null) lines[0] += `, ${step.milliseconds.toFixed(1)} ms`;
    if (run) {
      lines.push(`${run.id}`, run.isContext
        ? `reads ${run.tokens} of ${run.promptTokens} prompt tokens`
        : `writes token ${run.generated}, after a prompt of ${run.promptTokens}`);
    }
    this.#tip.textContent = lines.join("\n");
    this.#tip.hidden = false;
    const room = this.#canvas.clientWidth - this.#tip.offsetWidth - 4;
    this.#tip.style.left = `${Math.max(0, Math.min(event.offsetX + 14, room))}px`;
    this.#tip.style.top = `${event.offsetY + 16}px`;
  }
}
