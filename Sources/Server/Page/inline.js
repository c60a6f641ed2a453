// Markdown within a line: code, emphasis, links. What comes out are nodes whose text is set as text, so whatever a model
// writes, HTML included, is shown and never interpreted.

import { make } from "./dom.js";

const maximumDepth = 8;
const maximumLabel = 1_000;
const emphasis = [
  ["***", ["strong", "em"]],
  ["**", ["strong"]],
  ["__", ["strong"]],
  ["~~", ["s"]],
  ["*", ["em"]],
  ["_", ["em"]],
];

/** The address if following it is safe (http, https, mailto, or a place in this page), else null. */
export function safeAddress(text) {
  const address = text.trim();
  if (/[\u0000-\u0020\u007f]/.test(address)) return null;
  if (address.startsWith("#")) return address;
  let parsed;
  try {
    parsed = new URL(address);
  } catch {
    return null;
  }
  return ["http:", "https:", "mailto:"].includes(parsed.protocol) ? parsed.href : null;
}

function link(address, ...children) {
  return make("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);
}

/** The nodes of a text, in order. */
export function inlineNodes(text, depth = 0) {
  const scanner = { text, depth, nodes: [], plain: "", noCloser: new Set() };
  let position = 0;
  while (position < text.length) {
    const next = special(scanner, position);
    if (next !== null) {
      position = next;
    } else {
      scanner.plain += text[position];
      position += 1;
    }
  }
  flush(scanner);
  return scanner.nodes;
}

function flush(scanner) {
  if (scanner.plain) scanner.nodes.push(document.createTextNode(scanner.plain));
  scanner.plain = "";
}

function push(scanner, node) {
  flush(scanner);
  scanner.nodes.push(node);
}

/** Reads what begins here if it is more than a letter; gives the position after it, or null. */
function special(scanner, position) {
  switch (scanner.text[position]) {
    case "\\": return escaped(scanner, position);
    case "`": return code(scanner, position);
    case "\n":
      push(scanner, make("br"));
      return position + 1;
    case "!":
    case "[": return linkOrImage(scanner, position);
    case "<":
    case "h": return bareAddress(scanner, position);
    case "*":
    case "_":
    case "~": return emphasised(scanner, position);
    default: return null;
  }
}

function escaped(scanner, position) {
  const next = scanner.text[position + 1];
  if (next === undefined || !/[!-/:-@[-`{-~]/.test(next)) return null;
  scanner.plain += next;
  return position + 2;
}

function code(scanner, position) {
  const { text } = scanner;
  let fence = 1;
  while (text[position + fence] === "`") fence += 1;
  const ticks = "`".repeat(fence);
  const start = position + fence;
  if (scanner.noCloser.has(ticks)) return plainRun(scanner, ticks, start);
  for (let at = text.indexOf(ticks, start); at !== -1; at = text.indexOf(ticks, at)) {
    let end = at + fence;
    while (text[end] === "`") end += 1;
    if (end - at === fence) {
      let inside = text.slice(start, at).replaceAll("\n", " ");
      if (/^ .*[^ ].* $/.test(inside)) inside = inside.slice(1, -1);
      push(scanner, make("code", {}, inside));
      return end;
    }
    at = end;
  }
  scanner.noCloser.add(ticks);
  return plainRun(scanner, ticks, start);
}

/** A run of marks that nothing closes is text. */
function plainRun(scanner, run, next) {
  scanner.plain += run;
  return next;
}

/** `[label](address)`; an image becomes a link to it, so that the page fetches nothing from anywhere. */
function linkOrImage(scanner, position) {
  const { text, depth } = scanner;
  const image = text[position] === "!";
  const open = image ? position + 1 : position;
  if (text[open] !== "[" || depth >= maximumDepth) return null;
  let close = open + 1;
  for (let nested = 1; ; close += 1) {
    if (close >= text.length || close - open > maximumLabel) return null;
    if (text[close] === "\\") close += 1;
    else if (text[close] === "[") nested += 1;
    else if (text[close] === "]" && (nested -= 1) === 0) break;
  }
  if (text[close + 1] !== "(") return null;
  const target = /^\(\s*(?:<([^<>\n]*)>|((?:[^\s()]|\([^\s()]*\))*))(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/
    .exec(text.slice(close + 1, close + 1 + 4_000));
  if (!target) return null;
  const address = safeAddress(target[1] ?? target[2]);
  const label = text.slice(open + 1, close);
  const children = image ? [label || "image"] : inlineNodes(label, depth + 1);
  if (address === null) push(scanner, make("span", {}, ...children));
  else push(scanner, link(address, ...children));
  return close + 1 + target[0].length;
}

/** `<https://…>` and a bare `https://…`. */
function bareAddress(scanner, position) {
  const { text } = scanner;
  const before = text[position - 1];
  if (text[position] === "h" && before !== undefined && /\w/.test(before)) return null;
  const rest = text.slice(position, position + 2_000);
  const match = text[position] === "<" ? /^<((?:https?|mailto):[^\s<>]+)>/.exec(rest) : /^(https?:\/\/[^\s<>`*]+)/.exec(rest);
  if (!match) return null;
  let shown = match[1];
  if (text[position] === "h") {
    shown = shown.replace(/[.,;:!?'"\])]+$/, (tail) => (tail.startsWith(")") && shown.includes("(") ? ")" : ""));
  }
  const address = safeAddress(shown);
  if (address === null) return null;
  push(scanner, link(address, shown));
  return text[position] === "<" ? position + match[0].length : position + shown.length;
}

function emphasised(scanner, position) {
  const { text, depth } = scanner;
  if (depth >= maximumDepth) return null;
  for (const [mark, kinds] of emphasis) {
    if (!text.startsWith(mark, position) || scanner.noCloser.has(mark)) continue;
    const start = position + mark.length;
    if (start >= text.length || /\s/.test(text[start])) continue;
    if (mark[0] === "_" && position > 0 && /\w/.test(text[position - 1])) continue;
    const close = closer(text, mark, start);
    if (close === -1) {
      scanner.noCloser.add(mark);
      continue;
    }
    const inside = inlineNodes(text.slice(start, close), depth + 1);
    push(scanner, kinds.reduceRight((children, kind) => [make(kind, {}, ...children)], inside)[0]);
    return close + mark.length;
  }
  // The whole run is text, so that its second half does not try again.
  const run = /^[*_~]+/.exec(text.slice(position, position + 64))[0];
  return plainRun(scanner, run, position + run.length);
}

/** Where the mark closes: after something that is no space, not inside of code, and not a part of a longer run. */
function closer(text, mark, start) {
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === "\\") {
      at += 1;
    } else if (text[at] === "`") {
      const end = text.indexOf("`", at + 1);
      if (end !== -1) at = end;
    } else if (text[at] === mark[0]) {
      let end = at;
      while (text[end] === mark[0]) end += 1;
      const fits = end - at === mark.length || (end - at > mark.length && end - at !== 2 && mark.length > 1);
      const inWord = mark[0] === "_" && end < text.length && /\w/.test(text[end]);
      if (fits && at > start && !/\s/.test(text[at - 1]) && !inWord) return end - mark.length;
      at = end - 1;
    }
  }
  return -1;
}
