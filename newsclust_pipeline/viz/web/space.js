// The map in space, drawn by Plotly. It is loaded only on a page whose articles have three coordinates.

import { byId, count, data, make, unpack } from "./data.js";
import { readPalette } from "./palette.js";
import { highlighting, pin, visible } from "./state.js";
import { hover } from "./surface.js";
import { boxOf } from "./view.js";

const CUBE = 0.85; // Plotly's camera distance at which the whole cube is in view
const map = byId("map");
/** @type {any} */
const plotly = () => /** @type {any} */ (window).Plotly;
/** @type {ReturnType<typeof readPalette>} */
let palette;

async function loadPlotly() {
  // The policy lists the digest of this script, so that it may run when it is added here.
  document.head.append(make("script", { textContent: await unpack("plotly") }));
}

/** @param {ArrayLike<number>} values @param {number[]} rows */
const pick = (values, rows) => Float32Array.from(rows, (row) => values[row]);

export async function start() {
  await loadPlotly();
  palette = readPalette();
  byId("dots").remove();
  const figure = JSON.parse(byId("figure").textContent);
  await plotly().newPlot(map, figure.data, figure.layout, {
    scrollZoom: true, displayModeBar: false, doubleClick: false, responsive: true,
  });
  const rowOf = (/** @type {any} */ { curveNumber, pointNumber }) =>
    [visible.under, visible.over][curveNumber][pointNumber];
  /** @type {any} */ (map).on("plotly_hover", (/** @type {any} */ { points }) => hover(rowOf(points[0])));
  /** @type {any} */ (map).on("plotly_unhover", () => hover(-1));
  /** @type {any} */ (map).on("plotly_click", (/** @type {any} */ { points }) => pin(rowOf(points[0])));
}

export function paint() {
  const css = (/** @type {number[]} */ colour) => `rgb(${colour.slice(0, 3)})`;
  const both = (/** @type {ArrayLike<number>} */ values) => [pick(values, visible.under), pick(values, visible.over)];
  const sizes = Float32Array.from({ length: count }, (_, row) =>
    data.markerSize * Math.min(1 + 0.3 * Math.log2(Math.max(data.copies[row], 1)), 2.5));
  const under = css(highlighting() ? palette.dimSolid : palette.noise);
  const over = visible.over.map((row) => css(palette.stories[data.story[row]] ?? palette.found));
  plotly().restyle(map, {
    x: both(data.x), y: both(data.y), z: both(data.z), "marker.size": both(sizes),
    "marker.color": [under, over],
  }, [0, 1]);
}

export function repaint() {
  palette = readPalette();
  paint();
}

/** @param {number[]} values center and eye */
function setCamera([x, y, z, a, b, c]) {
  plotly().relayout(map, { "scene.camera.center": { x, y, z }, "scene.camera.eye": { x: a, y: b, z: c } });
}

function camera() {
  const { center, eye } = /** @type {any} */ (map).layout.scene.camera;
  return [center.x, center.y, center.z, eye.x, eye.y, eye.z];
}

/** @param {import("./types").Box} box */
export function showBox(box) {
  // Camera coordinates are in sides of the cube, from its centre.
  const span = data.home[0][1] - data.home[0][0];
  const middle = (/** @type {[number, number]} */ [low, high]) => (low + high) / 2;
  const centre = box.map((side, axis) => (middle(side) - middle(data.home[axis])) / span);
  const size = Math.max(...box.map(([low, high]) => high - low)) / span;
  setCamera([...centre, ...centre.map((value) => value + CUBE * Math.max(size, 0.12))]);
}

/** @param {Iterable<number>} rows */
export const boxAround = (rows) =>
  boxOf([data.x, data.y, data.z], rows, 0.05 * (data.home[0][1] - data.home[0][0]));

export const home = () => showBox(data.home);

/** @param {number} factor */
export function zoom(factor) {
  const view = camera();
  setCamera(view.map((value, at) => view[at % 3] + (value - view[at % 3]) * factor));
}

/** @param {number} right @param {number} up */
export function pan(right, up) {
  const moves = [right, 0, up, right, 0, up];
  setCamera(camera().map((value, at) => value + moves[at] * 0.05));
}
