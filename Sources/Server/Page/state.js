// The engine's states as they arrive: read strictly, kept in bounded histories, and a connection that comes back.

import { engineStates } from "./api.js";

const maximumBatch = 512;
const maximumSteps = 900;
const maximumPoints = 600;
const maximumMapLength = 262_144;
/** How far back the curves reach. */
export const curveSeconds = 60;
const retryMilliseconds = { first: 500, last: 8_000 };

function count(value) {
  return Number.isFinite(value) && value >= 0 ? value : 0;
}

function measure(value) {
  return Number.isFinite(value) && value >= 0 ? value : null;
}

/** A latency; 0 says that there was none yet. */
function latency(value) {
  return value === 0 ? null : measure(value);
}

/** A map with a letter for every block, of one in which the length of a run may stand before its letter. */
function wholeMap(runs) {
  let map = "";
  for (const [, length, letter] of runs.slice(0, 2 * maximumMapLength).matchAll(/(\d{0,6})(\D)/g)) {
    const room = maximumMapLength - map.length;
    if (room <= 0) break;
    map += letter.repeat(Math.min(room, length === "" ? 1 : Number(length)));
  }
  return map;
}

/** One state with everything of the type that it should have, and no more of it than can be shown. Null if it is none. */
export function checkedState(value) {
  if (typeof value !== "object" || value === null || !Number.isFinite(value.step)) return null;
  const batch = Array.isArray(value.batch) ? value.batch : [];
  const blocks = typeof value.blocks === "object" && value.blocks !== null ? value.blocks : {};
  return {
    step: value.step,
    milliseconds: measure(value.time_ms),
    batch: batch.slice(0, maximumBatch).filter((one) => typeof one === "object" && one !== null).map((one) => ({
      id: String(one.id ?? "").slice(0, 80),
      isContext: one.phase === "context",
      tokens: count(one.tokens),
      promptTokens: count(one.prompt_tokens),
      generated: count(one.generated),
    })),
    batchSize: batch.length,
    waiting: count(value.waiting),
    blocks: {
      total: count(blocks.total),
      used: count(blocks.used),
      cached: count(blocks.cached),
      free: count(blocks.free),
      map: typeof blocks.map === "string" ? wholeMap(blocks.map) : null,
    },
    // A server may tell the mean of the last moment; with nobody aboard nothing is written now.
    tokensPerSecond: batch.length + count(value.waiting) === 0 ? 0 : measure(value.tokens_per_second),
    timeToFirstToken: latency(value.ttft_ms),
    interTokenLatency: latency(value.itl_ms),
  };
}

/** A list that forgets its oldest. */
class History {
  #limit;
  items = [];

  constructor(limit) {
    this.#limit = limit;
  }

  push(item) {
    this.items.push(item);
    // In large pieces, so that a push seldom moves everything.
    if (this.items.length > this.#limit * 1.25) this.items.splice(0, this.items.length - this.#limit);
  }
}

/** What is known of the engine. `connection` is connecting, live, lost or paused. */
export class EngineState {
  /** The newest state; null before the first. */
  latest = null;
  connection = "connecting";
  /** Why the connection is lost, in words. */
  problem = null;
  /** The status of the answer that said so; 0 if there was none. */
  status = 0;
  #steps = new History(maximumSteps);
  #points = new History(maximumPoints);
  #listeners;
  #controller = null;
  #delay = retryMilliseconds.first;
  #timer;
  #afterGap = false;
  #afterBreak = false;

  /** The listeners are called after each state and each change of the connection. */
  constructor(...listeners) {
    this.#listeners = listeners;
  }

  /** The last steps that had a batch, the oldest first. `gap` marks one before which some were not seen. */
  get steps() {
    return this.#steps.items;
  }

  /** The points of the curves, at most four a second for a minute: `time` in seconds and the measures. */
  get points() {
    return this.#points.items;
  }

  /** Connects, and connects again whenever the connection is lost; a hidden page lets it go. */
  start() {
    document.addEventListener("visibilitychange", () => this.#follow());
    this.#follow();
  }

  /** Connects anew, as after another key was given. */
  reconnect() {
    this.#disconnect();
    this.#delay = retryMilliseconds.first;
    this.#follow();
  }

  #follow() {
    if (document.hidden) {
      this.#disconnect();
      this.#set("paused");
    } else if (this.#controller === null) {
      this.#connect();
    }
  }

  #disconnect() {
    clearTimeout(this.#timer);
    this.#controller?.abort();
    this.#controller = null;
  }

  #set(connection, problem = null, status = 0) {
    [this.connection, this.problem, this.status] = [connection, problem, status];
    for (const listener of this.#listeners) listener();
  }

  async #connect() {
    const controller = new AbortController();
    this.#controller = controller;
    this.#afterGap = true;
    this.#afterBreak = true;
    if (this.connection !== "lost") this.#set("connecting");
    let problem = "The connection to the engine was lost.";
    let status = 0;
    try {
      for await (const event of engineStates(controller.signal)) {
        this.#delay = retryMilliseconds.first;
        this.#receive(checkedState(event));
      }
    } catch (error) {
      if (controller.signal.aborted) return;
      status = error.status ?? 0;
      problem = status === 401 ? "The engine's state needs an API key: give it in the chat's settings."
        : status === 404 ? "This server does not publish the engine's state."
        : error.message;
    }
    if (controller.signal.aborted) return;
    this.#set("lost", problem, status);
    this.#timer = setTimeout(() => this.#connect(), this.#delay * (0.75 + Math.random() / 2));
    this.#delay = Math.min(this.#delay * 2, retryMilliseconds.last);
  }

  #receive(state) {
    if (state === null) return;
    const isNewEngine = this.latest !== null && state.step < this.latest.step;
    if (state.batch.length > 0 && state.step !== this.latest?.step) {
      this.#steps.push({ ...state, blocks: undefined, gap: this.#afterGap || isNewEngine });
      this.#afterGap = false;
    }
    // Of the states that come together only the newest has a map.
    const known = this.latest?.blocks;
    if (state.blocks.map === null && known?.map && known.total === state.blocks.total) state.blocks.map = known.map;
    this.latest = state;
    this.#addPoint(state);
    this.#set("live");
  }

  #addPoint(state) {
    const time = performance.now() / 1000;
    const { items } = this.#points;
    // The newest state is always the last point; it takes the place of one that came just before.
    if (items.length > 1 && time - items.at(-2).time < 0.25) items.pop();
    else if (items.length > 0 && this.#afterBreak) this.#points.push({ time });
    this.#afterBreak = false;
    this.#points.push({
      time,
      throughput: state.tokensPerSecond,
      interTokenLatency: state.interTokenLatency,
      timeToFirstToken: state.timeToFirstToken,
      running: state.batchSize,
      waiting: state.waiting,
    });
    const old = items.findIndex((point) => time - point.time < curveSeconds + 10);
    items.splice(0, old);
  }
}
