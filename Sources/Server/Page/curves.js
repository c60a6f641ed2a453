// Curves over the last minute.

import { fitted, palette, roundAxis, short } from "./canvas.js";
import { make } from "./dom.js";
import { curveSeconds } from "./state.js";

const height = 150;
const left = 44;
const bottom = 20;

const charts = [
  {
    id: "throughput", title: "Throughput", unit: "tokens per second",
    lines: [{ of: "throughput", colour: "accent", filled: true }],
    text: "All requests together. It rises with company in the batch, until the arithmetic and not the memory is the limit.",
  },
  {
    id: "requests", title: "Requests", unit: "running and waiting",
    lines: [{ of: "waiting", colour: "waiting", filled: true }, { of: "running", colour: "generation" }],
    text: "Running ones have a seat in the batch. Waiting ones need a seat, or blocks of the cache.",
  },
  {
    id: "itl", title: "Between tokens", unit: "ms",
    lines: [{ of: "interTokenLatency", colour: "generation" }],
    text: "What a reader feels while an answer streams. A full batch makes it longer, but by much less than its size.",
  },
  {
    id: "ttft", title: "To the first token", unit: "ms",
    lines: [{ of: "timeToFirstToken", colour: "context" }],
    text: "Waiting for a seat and reading the prompt. A prompt that the cache knows needs next to nothing.",
  },
];

/** The panels with the curves. */
export class Curves {
  #panels;

  constructor(container) {
    this.#panels = charts.map((chart) => {
      const value = make("span", { id: `curve-${chart.id}-now` });
      const canvas = make("canvas", { id: `curve-${chart.id}`, role: "img", "aria-label": `${chart.title}, ${chart.unit}, over the last minute` });
      container.append(make("div", { class: "panel" },
        make("div", { class: "curve-head" }, make("h2", {}, chart.title), value),
        make("div", { class: "chart" }, canvas),
        make("p", { class: "curve-text" }, chart.text)));
      return { chart, value, canvas };
    });
  }

  /** Draws these points; the right edge is `now`, in seconds. While the connection is live the last point is true until now. */
  draw(points, now, isLive) {
    if (isLive && points.length > 0) points = [...points, { ...points.at(-1), time: now }];
    for (const { chart, value, canvas } of this.#panels) {
      drawChart(canvas, chart, points, now);
      const last = points.at(-1);
      value.textContent = chart.lines.length > 1
        ? `${short(last?.running)} running, ${short(last?.waiting)} waiting`
        : `${short(last?.[chart.lines[0].of])} ${chart.unit}`;
    }
  }
}

function drawChart(canvas, chart, points, now) {
  const area = fitted(canvas, height);
  if (area === null) return;
  const begin = now - curveSeconds;
  const highest = points.reduce((most, point) =>
    chart.lines.reduce((value, line) => (point.time >= begin ? Math.max(value, point[line.of] ?? 0) : value), most), 0);
  const axis = roundAxis(highest || 1);
  const plot = {
    context: area.context,
    width: area.width,
    x: (time) => left + ((time - begin) / curveSeconds) * (area.width - left - 2),
    y: (value) => 6 + (1 - value / axis.end) * (height - bottom - 6),
  };
  drawAxes(plot, axis);
  plot.context.save();
  plot.context.beginPath();
  plot.context.rect(left, 0, area.width - left, height);
  plot.context.clip();
  for (const line of chart.lines) drawLine(plot, line, points);
  plot.context.restore();
}

function drawAxes({ context, width, y }, axis) {
  const colours = palette();
  context.font = `11px ${colours.sans}`;
  context.lineWidth = 1;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (let value = 0; value <= axis.end * 1.0001; value += axis.mark) {
    context.fillStyle = value === 0 ? colours["line-2"] : colours.line;
    context.fillRect(left, Math.round(y(value)), width - left, 1);
    context.fillStyle = colours["ink-3"];
    context.fillText(Number(value.toPrecision(6)).toLocaleString("en"), left - 8, y(value));
  }
  context.textBaseline = "alphabetic";
  const now = width - 2;
  const perSecond = (now - left) / curveSeconds;
  for (const ago of [60, 45, 30, 15, 0]) {
    context.textAlign = ago === curveSeconds ? "left" : ago === 0 ? "right" : "center";
    context.fillText(ago === 0 ? "now" : `${ago} s ago`, now - ago * perSecond, height - 4);
  }
}

function drawLine({ context, x, y }, line, points) {
  const colours = palette();
  for (const piece of pieces(points, line.of)) {
    context.beginPath();
    for (const point of piece) context.lineTo(x(point.time), y(point[line.of]));
    if (line.filled) {
      const fill = new Path2D();
      for (const point of piece) fill.lineTo(x(point.time), y(point[line.of]));
      fill.lineTo(x(piece.at(-1).time), y(0));
      fill.lineTo(x(piece[0].time), y(0));
      context.globalAlpha = 0.14;
      context.fillStyle = colours[line.colour];
      context.fill(fill);
      context.globalAlpha = 1;
    }
    context.strokeStyle = colours[line.colour];
    context.lineWidth = 1.75;
    context.lineJoin = "round";
    context.stroke();
  }
}

/** The runs of points that have this measure. */
function pieces(points, name) {
  const found = [[]];
  for (const point of points) {
    if (Number.isFinite(point[name])) found.at(-1).push(point);
    else if (found.at(-1).length > 0) found.push([]);
  }
  return found.filter((piece) => piece.length > 0);
}
