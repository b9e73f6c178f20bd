// The flat map: dots on a canvas, density beneath, marks above, and the gestures on them.

import * as camera from "./camera.js";
import { byId, count, data, debounced } from "./data.js";
import { isDense, moveDensity, shadeDensity } from "./density.js";
import { createDrawing } from "./draw.js";
import { listenToGestures } from "./gestures.js";
import { createGrid } from "./grid.js";
import { labelAt, moveLabels, relabel } from "./labels.js";
import { drawMarks } from "./marks.js";
import { readPalette } from "./palette.js";
import { filters, highlighting, pin, setFilters, state, visible } from "./state.js";
import { hover, viewChanged } from "./surface.js";

const REACH = 8; // pixels around a dot that count as on it

const map = byId("map");
const canvas = byId("dots");
const marks = byId("marks");
const tools = { mode: "pan" };

/** @type {ReturnType<typeof readPalette>} */
let palette;
/** @type {ReturnType<typeof createDrawing>} */
let drawing;
/** @type {import("./draw.js").Dots} */
let dots;
/** @type {ReturnType<typeof createGrid>} */
let grid;
const rank = new Uint8Array(count); // 0 hidden, 1 grey, 2 coloured
let frame = 0;
/** @type {number[]} */
let marked = [];
/** @type {import("./types").Point[]} corners of a selection that is being drawn, in pixels */
let outline = [];

/** @param {"pan" | "box" | "lasso"} mode */
export function setMode(mode) {
  tools.mode = mode;
  map.dataset.mode = mode;
}

// --- drawing --------------------------------------------------------------------------------------

function createDots() {
  const small = map.clientWidth < 560 ? 1.4 : 1; // smaller dots on a phone, or they hide each other
  const sizes = Float32Array.from(data.copies, (copies, row) => {
    const growth = Math.min(1 + 0.3 * Math.log2(Math.max(copies, 1)), 2.5);
    return (data.markerSize * growth * (row < data.noise ? 0.8 : 1)) / small;
  });
  return {
    x: data.x, y: data.y, sizes, colours: new Uint8Array(count * 4), order: new Uint32Array(0),
    rim: /** @type {[number, number, number]} */ ([255, 255, 255]),
  };
}

export function paint() {
  const [red, green, blue, alpha] = highlighting() ? palette.dim : palette.noise;
  // Beneath many dots the shading of density shows through the lightest.
  const under = [red, green, blue, isDense() ? alpha * 0.45 : alpha];
  rank.fill(0);
  for (const row of visible.under) {
    rank[row] = 1;
    dots.colours.set(under, row * 4);
  }
  for (const row of visible.over) {
    rank[row] = 2;
    dots.colours.set(palette.stories[data.story[row]] ?? palette.found, row * 4);
  }
  dots.order = Uint32Array.from([...visible.under, ...visible.over]);
  dots.rim = [palette.rim[0], palette.rim[1], palette.rim[2]];
  drawing.setColours(dots);
  shadeDensity(visible.over, palette.accent);
  draw();
  relabelSoon();
}

/** Draws at the next frame, however often it is asked to until then. */
export function draw() {
  cancelAnimationFrame(frame);
  frame = requestAnimationFrame(drawNow);
}

function drawNow() {
  const ratio = devicePixelRatio || 1;
  const { width, height } = camera.mapSize();
  for (const element of [canvas, marks]) {
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (element.width !== across) element.width = across;
    if (element.height !== down) element.height = down;
  }
  drawing.draw(dots, camera.currentView(), ratio, Math.min(1.7, Math.max(1, camera.zoomLevel() ** 0.25)));
  drawMarks(marks.getContext("2d"), ratio, rings(), outline, {
    rim: `rgb(${palette.rim.slice(0, 3)})`,
    accent: `rgb(${palette.accent.slice(0, 3)})`,
    fill: `rgba(${palette.accent.slice(0, 3)}, 0.12)`,
  });
  moveDensity(camera.currentView(), camera.mapSize(), camera.zoomLevel());
  moveLabels(camera.currentView(), camera.mapSize());
}

// Rings around the articles that a list, a title or the pinned card points to.
function rings() {
  const project = camera.projection();
  const ring = (/** @type {number} */ row, /** @type {number} */ beyond, /** @type {number} */ width) => ({
    centre: project(data.x[row], data.y[row]),
    radius: dots.sizes[row] / 2 + beyond,
    width,
  });
  const one = marked.length === 1;
  const result = marked.map((row) => ring(row, one ? 7 : 2, one ? 3 : 1.5));
  if (state.pinned >= 0) result.push(ring(state.pinned, 6, 3));
  return result;
}

const relabelSoon = debounced(
  () => relabel(camera.currentView(), camera.mapSize(), camera.zoomLevel()),
  90,
);
const viewChangedSoon = debounced(viewChanged, 250);

function moved() {
  draw();
  hover(-1);
  relabelSoon();
  viewChangedSoon();
}

// --- articles under the pointer -------------------------------------------------------------------

/** @param {import("./types").Point} pixel */
export function rowAt([px, py]) {
  const [x, y] = camera.unprojection()(px, py);
  const { scale } = camera.currentView();
  const reach = (/** @type {number} */ row) => Math.max(REACH, dots.sizes[row] / 2 + 3) * scale;
  const largest = (data.markerSize * 1.25 + REACH) * scale;
  return grid.nearest(x, y, largest, reach, rank);
}

export function nearestToCentre() {
  const everywhere = (data.full[0][1] - data.full[0][0]) * 2;
  const { x, y, scale } = camera.currentView();
  for (let reach = 40 * scale; reach < everywhere; reach *= 2) {
    const row = grid.nearest(x, y, reach, () => reach, rank);
    if (row >= 0) return row;
  }
  return -1;
}

/** @param {number} row */
export const colourOf = (row) => [...dots.colours.subarray(row * 4, row * 4 + 4)];

/** @param {number} row @returns {import("./types").Point | null} */
export function pixelOf(row) {
  const { left, top } = map.getBoundingClientRect();
  const [x, y] = camera.projection()(data.x[row], data.y[row]);
  return x < 0 || y < 0 || x > map.clientWidth || y > map.clientHeight ? null : [left + x, top + y];
}

/** @param {number[]} rows */
export function point(rows) {
  if (!rows.length && !marked.length) return;
  marked = rows;
  draw();
}

let lastTap = { time: -Infinity, x: 0, y: 0 };

/** @param {import("./types").Point} pixel @param {PointerEvent} event */
function tap(pixel, event) {
  const [x, y] = pixel;
  const twice = event.timeStamp - lastTap.time < 350 && Math.hypot(x - lastTap.x, y - lastTap.y) < 24;
  lastTap = { time: event.timeStamp, x, y };
  const row = rowAt(pixel);
  if (twice && row < 0) {
    camera.zoom(0.5, pixel);
    return;
  }
  const label = row < 0 ? labelAt(x, y) : null;
  if (label) label.choose();
  else pin(row);
}

/** @param {import("./types").Point[]} corners in pixels @param {boolean} done */
function select(corners, done) {
  outline = done ? [] : corners;
  if (!done) {
    draw();
    return;
  }
  const project = camera.unprojection();
  const rows = grid.inside(corners.map(([x, y]) => project(x, y))).filter((row) => rank[row]);
  byId("mode-pan")?.click();
  draw();
  if (rows.length) setFilters({ ...filters, selection: rows });
}

export async function start() {
  palette = readPalette();
  drawing = createDrawing(canvas);
  dots = createDots();
  grid = createGrid(data.x, data.y);
  drawing.setPositions(dots);
  drawing.onRestored = () => {
    drawing.setPositions(dots);
    paint();
  };
  map.dataset.drawing = drawing.kind;
  camera.onMove(moved);
  camera.setView(camera.homeView());
  listenToGestures(map, {
    pan: camera.panNow,
    zoom: camera.zoomNow,
    tap,
    hover: (pixel) => {
      const row = rowAt(pixel);
      map.classList.toggle("on-dot", row >= 0);
      map.classList.toggle("on-title", row < 0 && labelAt(...pixel) !== null);
      hover(row);
    },
    leave: () => hover(-1),
    mode: () => tools.mode,
    outline: select,
    end: () => {},
  });
  new ResizeObserver(resized).observe(map);
}

let size = { width: 0, height: 0 };
function resized() {
  const next = camera.mapSize();
  if (!next.width || (next.width === size.width && next.height === size.height)) return;
  const before = size.width ? size : null;
  size = next;
  camera.keepView(before);
  drawNow();
}

export function repaint() {
  palette = readPalette();
  paint();
}

/**
 * Draws the whole map at once, for a printer, or the view of before.
 * @param {boolean} whole @param {[number, number, number] | null} before
 */
export function drawWhole(whole, before) {
  size = camera.mapSize();
  camera.setView(camera.homeView());
  if (!whole && before) camera.setTriple(before);
  drawNow();
  relabel(camera.currentView(), size, camera.zoomLevel());
}
