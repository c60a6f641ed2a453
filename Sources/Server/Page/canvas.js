// What the drawings share: sharp pixels, the palette of the style sheet, numbers for people.

/**
 * Fits a canvas to its place and gives its context in CSS pixels, with the size. Null while it is not visible.
 */
export function fitted(canvas, height) {
  const width = canvas.parentElement.clientWidth;
  if (width === 0) return null;
  const ratio = Math.min(devicePixelRatio || 1, 3);
  const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) {
    [canvas.width, canvas.height] = pixels;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}

let cachedPalette = null;
addEventListener("colours", () => {
  cachedPalette = null;
});

/** The colours of the style sheet as they are now, by the names of their custom properties. */
export function palette() {
  if (cachedPalette === null) {
    const style = getComputedStyle(document.documentElement);
    const names = ["ink", "ink-2", "ink-3", "line", "line-2", "panel", "panel-2", "accent", "context", "generation",
      "waiting", "block-used", "block-shared", "block-cached", "block-free"];
    cachedPalette = Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    cachedPalette.sans = style.getPropertyValue("--sans");
    cachedPalette.mono = style.getPropertyValue("--mono");
  }
  return cachedPalette;
}

/** A number with about three digits: 0.52, 7.3, 48, 1,250. */
export function short(value) {
  if (!Number.isFinite(value)) return "\u2013";
  const digits = Math.abs(value) >= 20 || Number.isInteger(value) ? 0 : Math.abs(value) >= 1 ? 1 : 2;
  return value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** The end of an axis: at least `value`, and a round number; with it the distance of its marks. */
export function roundAxis(value) {
  const least = Math.max(value, 1e-9);
  const step = 10 ** Math.floor(Math.log10(least / 2));
  const marks = [1, 2, 2.5, 5, 10, 20].map((factor) => factor * step).find((mark) => mark * 4 >= least);
  return { end: Math.ceil(least / marks - 1e-9) * marks, mark: marks };
}

/** The end of an id, which is where ids differ. */
export function shortId(id) {
  return id.length <= 7 ? id : `\u2026${id.slice(-6)}`;
}
