// The shading of density: where many articles lie, as an image beneath the dots.

import { byId, count, data } from "./data.js";
import { toScreen } from "./view.js";

const DENSE = 50_000; // from this number of articles on, density is shaded
const SHADE = 220; // cells along the longer side

export const isDense = () => count >= DENSE;

/**
 * Makes the image.
 * @param {Iterable<number>} rows the articles that count @param {readonly number[]} colour
 */
export function shadeDensity(rows, [red, green, blue]) {
  const image = byId("density");
  image.hidden = !isDense();
  if (image.hidden) return;
  const [[x0, x1], [y0, y1]] = data.home;
  const cell = Math.max(x1 - x0, y1 - y0) / SHADE;
  const [across, down] = [Math.ceil((x1 - x0) / cell), Math.ceil((y1 - y0) / cell)];
  let sums = new Float32Array(across * down);
  for (const row of rows) {
    const [x, y] = [Math.floor((data.x[row] - x0) / cell), Math.floor((y1 - data.y[row]) / cell)];
    if (x >= 0 && y >= 0 && x < across && y < down) sums[y * across + x] += 1;
  }
  for (let pass = 0; pass < 2; pass += 1) sums = blurred(sums, across, down);
  const highest = Math.log1p(sums.reduce((most, sum) => Math.max(most, sum), 0)) || 1;
  [image.width, image.height] = [across, down];
  const context = image.getContext("2d");
  const pixels = context.createImageData(across, down);
  for (let at = 0; at < sums.length; at += 1) {
    pixels.data.set([red, green, blue, 90 * (Math.log1p(sums[at]) / highest)], at * 4);
  }
  context.putImageData(pixels, 0, 0);
}

/** @param {Float32Array} values @param {number} across @param {number} down */
function blurred(values, across, down) {
  const result = new Float32Array(values.length);
  for (let y = 1; y < down - 1; y += 1) {
    for (let x = 1; x < across - 1; x += 1) {
      const at = y * across + x;
      let sum = 0;
      for (const line of [at - across, at, at + across]) sum += values[line - 1] + values[line] + values[line + 1];
      result[at] = sum / 9;
    }
  }
  return result;
}

/**
 * Moves the image to where its articles are drawn; it fades out as the map comes closer.
 * @param {import("./types").View} view @param {import("./types").Size} size @param {number} zoomLevel
 */
export function moveDensity(view, size, zoomLevel) {
  const image = byId("density");
  if (image.hidden) return;
  const [left, top] = toScreen(view, size)(data.home[0][0], data.home[1][1]);
  const scale = Math.max(data.home[0][1] - data.home[0][0], data.home[1][1] - data.home[1][0]) / SHADE / view.scale;
  image.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
  image.style.opacity = String(Math.max(0, Math.min(1, 1.4 - zoomLevel / 10)));
}
