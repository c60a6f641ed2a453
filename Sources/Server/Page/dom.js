// Making elements. Text only ever becomes text nodes: nothing in this page parses HTML out of a string.

/** The element with this id; the page is ours, so it is there. */
export function byId(id) {
  return document.getElementById(id);
}

/**
 * An element of this kind. Of `properties`, `class` is the class, `on…` are listeners, `aria-…`, `data-…` and `role`
 * are attributes, and all others are properties of the element. Children are nodes or text.
 */
export function make(kind, properties = {}, ...children) {
  const element = document.createElement(kind);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined) continue;
    if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (/^(aria-|data-|role$|scope$)/.test(name)) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** Calls `action` at most once in so many milliseconds; the last of several calls in between is made up for. */
export function throttled(milliseconds, action) {
  let last = -Infinity;
  let timer;
  return () => {
    if (timer !== undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      last = performance.now();
      action();
    }, Math.max(0, last + milliseconds - performance.now()));
  };
}

/** Copies text; the button says so for a moment. Resolves to whether it worked. */
export async function copyText(text, button) {
  let copied = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copied = copyThroughSelection(text);
  }
  const before = button.dataset.label ?? button.textContent;
  button.dataset.label = before;
  button.textContent = copied ? "Copied" : "Not allowed";
  setTimeout(() => {
    button.textContent = before;
  }, 1400);
  return copied;
}

/** Pages that are not served over TLS have no clipboard interface but on the loopback host; this way is for them. */
function copyThroughSelection(text) {
  const field = make("textarea", { class: "hidden-text", value: text });
  const focused = document.activeElement;
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return copied;
}
