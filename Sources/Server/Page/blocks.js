// The blocks of the cache as a map: one square each, or a bar of shares when the server sends only counts or there are
// more blocks than squares find room.

import { fitted, palette } from "./canvas.js";

const kinds = [
  ["u", "used", "block-used"],
  ["s", "shared", "block-shared"],
  ["c", "cached", "block-cached"],
  [".", "free", "block-free"],
];
const maximumHeight = 220;

/** How many blocks are of each kind, in the order used, shared, cached, free. */
export function blockCounts(blocks) {
  if (blocks.map) {
    const counts = new Map(kinds.map(([letter]) => [letter, 0]));
    for (const letter of blocks.map) counts.set(letter, (counts.get(letter) ?? 0) + 1);
    return kinds.map(([letter, name, colour]) => ({ name, colour, count: counts.get(letter) }));
  }
  const counts = { used: blocks.used, shared: 0, cached: blocks.cached, free: blocks.free };
  return kinds.map(([, name, colour]) => ({ name, colour, count: counts[name] }));
}

/** Draws the map. */
export function drawBlocks(canvas, blocks) {
  const width = canvas.parentElement.clientWidth;
  const side = blocks.map ? squareSide(blocks.map.length, width) : null;
  if (side === null) drawShares(canvas, blocks);
  else drawSquares(canvas, blocks.map, side, width);
}

/** The largest side, gap included, with which all squares find room; null if that were too small to see. */
function squareSide(count, width) {
  for (const side of [16, 14, 12, 10, 9, 8, 7, 6, 5, 4, 3]) {
    const rows = Math.ceil(count / Math.floor(width / side));
    if (rows * side <= maximumHeight) return side;
  }
  return null;
}

function drawSquares(canvas, map, side, width) {
  const columns = Math.floor(width / side);
  const area = fitted(canvas, Math.ceil(map.length / columns) * side);
  if (area === null) return;
  const colours = palette();
  const gap = side > 6 ? 2 : side > 3 ? 1 : 0.5;
  // One kind after the other: a change of colour costs more than a square.
  for (const [letter, , colour] of kinds) {
    area.context.fillStyle = colours[colour];
    area.context.beginPath();
    for (let index = map.indexOf(letter); index !== -1; index = map.indexOf(letter, index + 1)) {
      const left = (index % columns) * side;
      const top = Math.floor(index / columns) * side;
      if (side > 6) area.context.roundRect(left, top, side - gap, side - gap, 2);
      else area.context.rect(left, top, side - gap, side - gap);
    }
    area.context.fill();
  }
}

function drawShares(canvas, blocks) {
  const area = fitted(canvas, 34);
  if (area === null) return;
  const counts = blockCounts(blocks);
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  const colours = palette();
  area.context.beginPath();
  area.context.roundRect(0, 4, area.width, 26, 6);
  area.context.save();
  area.context.clip();
  let left = 0;
  for (const { colour, count } of counts) {
    const width = total > 0 ? (count / total) * area.width : 0;
    area.context.fillStyle = colours[colour];
    area.context.fillRect(left, 4, width, 26);
    left += width;
  }
  if (total === 0) {
    area.context.fillStyle = colours["block-free"];
    area.context.fillRect(0, 4, area.width, 26);
  }
  area.context.restore();
}
