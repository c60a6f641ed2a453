// Markdown to nodes: headings, lists, code, tables, quotes, paragraphs. A text that grows while it is streamed is shown
// again block by block: blocks that did not change keep their nodes, and with them a selection.

import { copyText, make } from "./dom.js";
import { highlight } from "./highlight.js";
import { inlineNodes } from "./inline.js";

const maximumDepth = 8;
// None of these goes over a run of spaces twice: a line is as long as a model likes.
const fencePattern = /^ {0,3}(`{3,}|~{3,})([^`]*)$/;
const headingPattern = /^ {0,3}(#{1,6})(?:\s(.*))?$/s;
const rulePattern = /^ {0,3}(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,})$/;
const itemPattern = /^( {0,3})([-*+]|\d{1,9}[.)])(?:( +)(.*)|)$/s;
const quotePattern = /^ {0,3}> ?/;
const delimiterPattern = /^ {0,3}\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?$/;

/** Shows `text` in `container`, of which only the blocks that changed are replaced. */
export function renderMarkdown(text, container) {
  const parsed = blocks(text.replace(/\r\n?/g, "\n").replaceAll("\t", "    ").split("\n"), 0);
  const shown = container.blockSources ?? [];
  let same = 0;
  while (same < parsed.length && same < shown.length && parsed[same].source === shown[same]) same += 1;
  while (container.childNodes.length > same) container.lastChild.remove();
  for (const block of parsed.slice(same)) container.append(block.node());
  container.blockSources = parsed.map((block) => block.source);
}

/** The blocks of these lines: the source of each, and how its node is made. */
function blocks(lines, depth) {
  const found = [];
  let at = 0;
  while (at < lines.length) {
    if (lines[at].trim() === "") {
      at += 1;
      continue;
    }
    const reader = [fencedCode, heading, rule, quote, list, table].find((candidate) => candidate.begins(lines, at, depth));
    const { end, node } = (reader ?? paragraph).read(lines, at, depth);
    found.push({ source: lines.slice(at, end).join("\n"), node });
    at = end;
  }
  return found;
}

/** Whether a block that interrupts a paragraph begins here; of numbered lists only those that begin with 1 do. */
function interrupts(lines, at, depth) {
  if ([fencedCode, heading, rule, quote, table].some((candidate) => candidate.begins(lines, at, depth))) return true;
  const item = itemPattern.exec(lines[at]);
  return item !== null && Boolean(item[4]) && (!/\d/.test(item[2]) || Number.parseInt(item[2], 10) === 1);
}

const fencedCode = {
  begins: (lines, at) => fencePattern.test(lines[at]),
  read(lines, at) {
    const [, fence, information] = fencePattern.exec(lines[at]);
    const closes = new RegExp(`^ {0,3}\\${fence[0]}{${fence.length},}\\s*$`);
    let end = at + 1;
    while (end < lines.length && !closes.test(lines[end])) end += 1;
    const code = lines.slice(at + 1, end).join("\n");
    const language = /^[\w+#.-]*/.exec(information.trimStart())[0];
    // A fence that nothing closes runs to the end: so it is while the text still streams.
    return { end: Math.min(end + 1, lines.length), node: () => codeNode(code, language) };
  },
};

function codeNode(code, language) {
  const copy = make("button", { type: "button", onclick: () => copyText(code, copy) }, "Copy");
  const head = make("div", { class: "code-head" }, make("span", {}, language || "text"), copy);
  const pre = make("pre", { tabIndex: 0 }, make("code", {}, ...highlight(code, language)));
  return make("div", { class: "code" }, head, pre);
}

const heading = {
  begins: (lines, at) => headingPattern.test(lines[at]),
  read(lines, at) {
    const [, marks, text] = headingPattern.exec(lines[at]);
    // Marks at the end close the heading and are no text.
    const words = (text ?? "").trim().replace(/(^|\s)#+$/, "").trimEnd();
    return { end: at + 1, node: () => make(`h${marks.length}`, {}, ...inlineNodes(words)) };
  },
};

const rule = {
  begins: (lines, at) => rulePattern.test(lines[at]),
  read: (lines, at) => ({ end: at + 1, node: () => make("hr") }),
};

const quote = {
  begins: (lines, at, depth) => depth < maximumDepth && quotePattern.test(lines[at]),
  read(lines, at, depth) {
    let end = at;
    while (end < lines.length && quotePattern.test(lines[end])) end += 1;
    const inside = lines.slice(at, end).map((line) => line.replace(quotePattern, ""));
    return { end, node: () => make("blockquote", {}, ...blocks(inside, depth + 1).map((block) => block.node())) };
  },
};

const list = {
  begins: (lines, at, depth) => depth < maximumDepth && itemPattern.test(lines[at]),
  read(lines, at, depth) {
    const ordered = /\d/.test(itemPattern.exec(lines[at])[2]);
    const start = ordered ? Number.parseInt(itemPattern.exec(lines[at])[2], 10) : 1;
    const items = [];
    let end = at;
    while (end < lines.length) {
      const match = itemPattern.exec(lines[end]);
      if (!match || /\d/.test(match[2]) !== ordered || rule.begins(lines, end)) break;
      const item = itemLines(lines, end, match, depth);
      items.push(item.lines);
      end = item.end;
      // Items may have an empty line between them; another kind of block after it ends the list.
      let next = end;
      while (next < lines.length && lines[next].trim() === "") next += 1;
      if (next < lines.length && itemPattern.test(lines[next])) end = next;
    }
    return {
      end,
      node: () => make(ordered ? "ol" : "ul", ordered ? { start } : {},
        ...items.map((inside) => make("li", {}, ...itemNodes(inside, depth + 1)))),
    };
  },
};

/** The lines of one item without their indent, and where they end. */
function itemLines(lines, at, match, depth) {
  const indent = match[1].length + match[2].length + Math.min(match[3]?.length ?? 1, 4);
  const inside = [match[4] ?? ""];
  let end = at + 1;
  while (end < lines.length) {
    const line = lines[end];
    const depthOfLine = line.length - line.trimStart().length;
    const afterEmpty = lines[end - 1].trim() === "";
    if (line.trim() === "") {
      inside.push("");
    } else if (depthOfLine >= indent || depthOfLine > match[1].length + 1) {
      inside.push(line.slice(Math.min(depthOfLine, indent)));
    } else if (!afterEmpty && !itemPattern.test(line) && !interrupts(lines, end, depth)) {
      inside.push(line.trimStart());
    } else {
      break;
    }
    end += 1;
  }
  while (inside.length > 1 && inside.at(-1) === "") {
    inside.pop();
    end -= 1;
  }
  return { lines: inside, end };
}

/** An item that is one paragraph has its text directly; else blocks. */
function itemNodes(lines, depth) {
  const nodes = blocks(lines, depth).map((block) => block.node());
  const single = nodes.filter((node) => node.tagName === "P").length === 1 && nodes[0].tagName === "P";
  return single ? [...nodes[0].childNodes, ...nodes.slice(1)] : nodes;
}

const table = {
  begins(lines, at) {
    return at + 1 < lines.length && lines[at].includes("|") && lines[at + 1].includes("-") &&
      delimiterPattern.test(lines[at + 1].trimEnd()) && cells(lines[at]).length === cells(lines[at + 1]).length;
  },
  read(lines, at) {
    const classes = cells(lines[at + 1]).map((cell) =>
      cell.endsWith(":") ? (cell.startsWith(":") ? "center" : "number") : "");
    let end = at + 2;
    while (end < lines.length && lines[end].trim() !== "" && lines[end].includes("|")) end += 1;
    const row = (line, kind) => {
      const texts = cells(line);
      return make("tr", {}, ...classes.map((name, column) =>
        make(kind, kind === "th" ? { class: name, scope: "col" } : { class: name }, ...inlineNodes(texts[column] ?? ""))));
    };
    return {
      end,
      node: () => make("div", { class: "table-scroll", tabIndex: 0, role: "region", "aria-label": "Table" },
        make("table", {}, make("thead", {}, row(lines[at], "th")),
          make("tbody", {}, ...lines.slice(at + 2, end).map((line) => row(line, "td"))))),
    };
  },
};

/** The texts between the bars of a row; a bar after a backslash or inside of code is text. */
function cells(line) {
  const texts = [""];
  let inCode = false;
  const row = line.trim().replace(/^\|/, "").replace(/([^\\])\|$/, "$1");
  for (let at = 0; at < row.length; at += 1) {
    if (row[at] === "\\" && row[at + 1] === "|") {
      texts[texts.length - 1] += "|";
      at += 1;
    } else if (row[at] === "|" && !inCode) {
      texts.push("");
    } else {
      if (row[at] === "`") inCode = !inCode;
      texts[texts.length - 1] += row[at];
    }
  }
  return texts.map((text) => text.trim());
}

const paragraph = {
  read(lines, at, depth) {
    let end = at + 1;
    while (end < lines.length && lines[end].trim() !== "" && !interrupts(lines, end, depth)) end += 1;
    const text = lines.slice(at, end).map((line) => line.trim()).join("\n");
    return { end, node: () => make("p", {}, ...inlineNodes(text)) };
  },
};
