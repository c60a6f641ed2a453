// Talking to the server: requests with the key, errors in OpenAI's shape, server-sent events.

const keyName = "inflight.key";
const maximumEventLength = 4 * 1024 * 1024;

/** The API key; it lives as long as the tab. */
export const key = {
  get() {
    try {
      return sessionStorage.getItem(keyName) ?? "";
    } catch {
      return "";
    }
  },
  set(value) {
    try {
      if (value) sessionStorage.setItem(keyName, value);
      else sessionStorage.removeItem(keyName);
    } catch {
      // A browser that forbids storage sends no key.
    }
  },
};

/** What the server refused, or that it could not be reached. */
export class ServerError extends Error {
  /** `status` is the HTTP status, 0 without an answer; `field` the field that the server names, if any. */
  constructor(message, { status = 0, field = null, retryAfter = null } = {}) {
    super(message);
    this.status = status;
    this.field = field;
    this.retryAfter = retryAfter;
  }
}

/** The error that an answer's body describes. */
function errorFrom(body, status, retryAfter = null) {
  const error = body?.error;
  const message = typeof error === "string" ? error : error?.message;
  return new ServerError(message || `The server answered ${status} and did not say why.`, {
    status,
    field: typeof error?.param === "string" ? error.param : null,
    retryAfter,
  });
}

async function request(path, options = {}) {
  const headers = { ...options.headers };
  if (key.get()) headers.Authorization = `Bearer ${key.get()}`;
  if (options.body) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { ...options, headers, cache: "no-store", credentials: "omit" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ServerError("The server cannot be reached.");
  }
  if (!response.ok) {
    const body = await response.json().catch(() => null);
    throw errorFrom(body, response.status, response.headers.get("Retry-After"));
  }
  return response;
}

/** The names of the models that the server has. */
export async function models() {
  const body = await (await request("/v1/models")).json();
  return (body.data ?? []).map((model) => String(model.id));
}

/** Why requests wait, in words, those that go first first. */
export async function waitingReasons() {
  const body = await (await request("/inflight/waiting")).json();
  return (Array.isArray(body?.data) ? body.data : []).map((one) => String(one?.reason ?? ""));
}

/**
 * The data of each server-sent event of a body, as text. A line may end in CR, LF or both; comments and other fields are
 * passed over. Throws a `ServerError` for an event longer than 4 MiB.
 */
export async function* eventData(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let data = [];
  let length = 0;
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += value;
      // A CR at the end may be the first half of CR LF: wait for what follows.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        if (line === "") {
          if (data.length > 0) yield data.join("\n");
          data = [];
          length = 0;
        } else if (line.startsWith("data:")) {
          data.push(line.slice(line.startsWith("data: ") ? 6 : 5));
          length += line.length;
        }
      }
      if (rest.length + length > maximumEventLength) throw new ServerError("An event of the server is too long.");
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/**
 * Posts and yields the JSON of each event until `[DONE]`. An error inside of the stream is thrown; so is an end of the
 * connection before `[DONE]`.
 */
export async function* streamJSON(path, body, signal) {
  const response = await request(path, { method: "POST", body: JSON.stringify(body), signal });
  if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
    throw new ServerError("The server did not answer with a stream of events.", { status: response.status });
  }
  for await (const data of eventData(response.body)) {
    if (data === "[DONE]") return;
    const event = parse(data);
    if (event.error) throw errorFrom(event, response.status);
    yield event;
  }
  throw new ServerError("The connection ended before the answer did.");
}

/** Yields the engine's states as they come, until the connection ends. */
export async function* engineStates(signal) {
  const response = await request("/inflight/state", { signal, headers: { Accept: "text/event-stream" } });
  for await (const data of eventData(response.body)) yield parse(data);
}

function parse(data) {
  try {
    return JSON.parse(data);
  } catch {
    throw new ServerError("The server sent an event that is not JSON.");
  }
}
