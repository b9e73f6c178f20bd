// The flat map: dots on a canvas, density beneath, marks above, and the view that gestures change.

import { byId, count, data, debounced } from "./data.js";
import { createDrawing } from "./draw.js";
import { listenToGestures } from "./gestures.js";
import { createGrid } from "./grid.js";
import { labelAt, moveLabels, relabel } from "./labels.js";
import { readPalette } from "./palette.js";
import { filters, highlighting, pin, setFilters, state, visible } from "./state.js";
import { hover, viewChanged } from "./surface.js";
import { between, boxOf, limited, panBy, toMap, toScreen, viewOf, zoomAt } from "./view.js";

const ANIMATED = 30_000; // above this number of articles the view jumps
const DENSE = 50_000; // from this number of articles on, density is shaded beneath them
const MAX_ZOOM = 400;
const REACH = 8; // pixels around a dot that count as on it
const still = matchMedia("(prefers-reduced-motion: reduce)");

const map = byId("map");
const canvas = byId("dots");
const marks = byId("marks");
const tools = { mode: "pan" };

/** @type {import("./types").View} */
let view = { x: 0, y: 0, scale: 1 };
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
let flight = 0;
/** @type {number[]} */
let marked = [];

export const mapSize = () => ({ width: map.clientWidth, height: map.clientHeight });
export const currentView = () => view;
const CONTROLS = 40; // pixels below the map that its buttons take

/** Returns the view of the whole map, above the buttons. */
function homeView(size = mapSize()) {
  const bar = size.height > 4 * CONTROLS ? CONTROLS : 0;
  const whole = viewOf(data.home, { width: size.width, height: size.height - bar });
  return { ...whole, y: whole.y - (bar / 2) * whole.scale };
}
const homeScale = () => homeView().scale;
export const zoomLevel = () => homeScale() / view.scale;
const scales = () =>
  /** @type {[number, number]} */ ([homeScale() / MAX_ZOOM, viewOf(data.full, mapSize()).scale * 1.3]);

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
  const under = [red, green, blue, count < DENSE ? alpha : alpha * 0.45];
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
  shadeDensity();
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
  const { width, height } = mapSize();
  for (const element of [canvas, marks]) {
    const [across, down] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (element.width !== across) element.width = across;
    if (element.height !== down) element.height = down;
  }
  drawing.draw(dots, view, ratio, Math.min(1.7, Math.max(1, zoomLevel() ** 0.25)));
  drawMarks(ratio);
  moveDensity();
  moveLabels(view, mapSize());
}

// Rings around the articles that a list, a title or the pinned card points to.
/** @param {number} ratio */
function drawMarks(ratio) {
  const context = marks.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, marks.width, marks.height);
  const project = toScreen(view, mapSize());
  const ring = (/** @type {number} */ row, /** @type {number} */ radius, /** @type {number} */ width) => {
    const [x, y] = project(data.x[row], data.y[row]);
    context.beginPath();
    context.arc(x, y, radius, 0, 7);
    context.lineWidth = width + 2;
    context.strokeStyle = `rgb(${palette.rim.slice(0, 3)})`;
    context.stroke();
    context.lineWidth = width;
    context.strokeStyle = `rgb(${palette.accent.slice(0, 3)})`;
    context.stroke();
  };
  const one = marked.length === 1;
  for (const row of marked) ring(row, dots.sizes[row] / 2 + (one ? 7 : 2), one ? 3 : 1.5);
  if (state.pinned >= 0) ring(state.pinned, dots.sizes[state.pinned] / 2 + 6, 3);
  if (outline.length > 1) {
    context.beginPath();
    for (const [x, y] of outline) context.lineTo(x, y);
    context.closePath();
    context.fillStyle = `rgba(${palette.accent.slice(0, 3)}, 0.12)`;
    context.fill();
    context.lineWidth = 1.5;
    context.strokeStyle = `rgb(${palette.accent.slice(0, 3)})`;
    context.stroke();
  }
}

/** @type {import("./types").Point[]} */
let outline = [];

// --- density --------------------------------------------------------------------------------------

const SHADE = 220; // cells along the longer side

/** Shades where many articles lie, as an image beneath the dots. */
function shadeDensity() {
  const image = byId("density");
  image.hidden = count < DENSE;
  if (image.hidden) return;
  const [[x0, x1], [y0, y1]] = data.home;
  const cell = Math.max(x1 - x0, y1 - y0) / SHADE;
  const [across, down] = [Math.ceil((x1 - x0) / cell), Math.ceil((y1 - y0) / cell)];
  let sums = new Float32Array(across * down);
  for (const row of visible.over) {
    const [x, y] = [Math.floor((data.x[row] - x0) / cell), Math.floor((y1 - data.y[row]) / cell)];
    if (x >= 0 && y >= 0 && x < across && y < down) sums[y * across + x] += 1;
  }
  for (let pass = 0; pass < 2; pass += 1) sums = blurred(sums, across, down);
  const highest = Math.log1p(sums.reduce((most, sum) => Math.max(most, sum), 0)) || 1;
  [image.width, image.height] = [across, down];
  const context = image.getContext("2d");
  const pixels = context.createImageData(across, down);
  const [red, green, blue] = palette.accent;
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

function moveDensity() {
  const image = byId("density");
  if (image.hidden) return;
  const [left, top] = toScreen(view, mapSize())(data.home[0][0], data.home[1][1]);
  const scale = Math.max(data.home[0][1] - data.home[0][0], data.home[1][1] - data.home[1][0]) / SHADE / view.scale;
  image.style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
  image.style.opacity = String(Math.max(0, Math.min(1, 1.4 - zoomLevel() / 10)));
}

// --- the view -------------------------------------------------------------------------------------

/** @param {import("./types").View} next */
function setView(next) {
  view = limited(next, data.full, scales());
  // At home one finger scrolls the page; closer, it pans the map.
  map.style.touchAction = zoomLevel() > 1.02 ? "none" : "pan-y";
  draw();
  hover(-1);
  relabelSoon();
  viewChangedSoon();
}

const relabelSoon = debounced(() => relabel(view, mapSize(), zoomLevel()), 90);
const viewChangedSoon = debounced(viewChanged, 250);

/** @param {import("./types").View} target */
function fly(target) {
  cancelAnimationFrame(flight);
  if (still.matches || count > ANIMATED) {
    setView(target);
    return;
  }
  const [from, start] = [view, performance.now()];
  const step = (/** @type {number} */ now) => {
    const done = Math.min(1, Math.max(0, (now - start) / 420));
    setView(between(from, target, 1 - (1 - done) ** 3));
    if (done < 1) flight = requestAnimationFrame(step);
  };
  flight = requestAnimationFrame(step);
}

/** @param {import("./types").Box} box */
export const showBox = (box) => fly(viewOf(box, mapSize()));
export const home = () => fly(homeView());

/** @param {Iterable<number>} rows */
export function boxAround(rows) {
  const least = 0.05 * Math.max(...data.home.map(([low, high]) => high - low));
  return boxOf([data.x, data.y], rows, least);
}

/** @param {number} factor */
export const zoom = (factor) => {
  const { width, height } = mapSize();
  fly(limited(zoomAt(view, factor, [width / 2, height / 2], mapSize()), data.full, scales()));
};

/** @param {number} right @param {number} up */
export const pan = (right, up) => {
  const step = 0.2 * Math.min(map.clientWidth, map.clientHeight);
  fly(panBy(view, -right * step, up * step));
};

export const triple = () => {
  const { x, y } = homeView();
  const changed = Math.abs(zoomLevel() - 1) > 0.01 || Math.hypot(x - view.x, y - view.y) > 2 * view.scale;
  return /** @type {[number, number, number] | null} */ (changed ? [view.x, view.y, zoomLevel()] : null);
};

/** @param {[number, number, number]} triple */
export function setTriple([x, y, level]) {
  cancelAnimationFrame(flight);
  setView({ x, y, scale: homeScale() / level });
}

// --- articles under the pointer -------------------------------------------------------------------

/** @param {import("./types").Point} pixel */
export function rowAt([px, py]) {
  const [x, y] = toMap(view, mapSize())(px, py);
  const reach = (/** @type {number} */ row) => Math.max(REACH, dots.sizes[row] / 2 + 3) * view.scale;
  const largest = (data.markerSize * 1.25 + REACH) * view.scale;
  return grid.nearest(x, y, largest, reach, rank);
}

export function nearestToCentre() {
  const everywhere = (data.full[0][1] - data.full[0][0]) * 2;
  for (let reach = 40 * view.scale; reach < everywhere; reach *= 2) {
    const row = grid.nearest(view.x, view.y, reach, () => reach, rank);
    if (row >= 0) return row;
  }
  return -1;
}

/** Returns the part of the map that is in view. */
export function boxInView() {
  const { width, height } = mapSize();
  const project = toMap(view, { width, height });
  const [[x0, y1], [x1, y0]] = [project(0, 0), project(width, height)];
  return [[x0, x1], [y0, y1]];
}

/** @param {number} row */
export const colourOf = (row) => [...dots.colours.subarray(row * 4, row * 4 + 4)];

/** @param {number} row @returns {import("./types").Point | null} */
export function pixelOf(row) {
  const { left, top } = map.getBoundingClientRect();
  const [x, y] = toScreen(view, mapSize())(data.x[row], data.y[row]);
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
    fly(limited(zoomAt(view, 0.5, pixel, mapSize()), data.full, scales()));
    return;
  }
  const label = row < 0 ? labelAt(x, y) : null;
  if (label) label.choose();
  else pin(row);
}

/** @param {import("./types").Point[]} corners @param {boolean} done */
function select(corners, done) {
  outline = done ? [] : corners;
  if (!done) {
    draw();
    return;
  }
  const project = toMap(view, mapSize());
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
  setView(homeView());
  listenToGestures(map, {
    pan: (dx, dy) => setView(panBy(view, dx, dy)),
    zoom: (factor, pixel) => {
      cancelAnimationFrame(flight);
      setView(zoomAt(limited(view, data.full, scales()), bounded(factor), pixel, mapSize()));
    },
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

/** @param {number} factor that keeps the scale within its limits */
function bounded(factor) {
  const [least, most] = scales();
  return Math.min(Math.max(factor, least / view.scale), most / view.scale);
}

let size = { width: 0, height: 0 };
function resized() {
  const next = mapSize();
  if (!next.width || (next.width === size.width && next.height === size.height)) return;
  // The same part of the map stays in view: its scale follows the change of the whole map's.
  const before = size.width ? homeView(size) : homeView();
  const atHome = Math.abs(view.scale / before.scale - 1) < 0.01 && Math.abs(view.y - before.y) < view.scale;
  size = next;
  setView(atHome ? homeView() : { ...view, scale: view.scale * (homeScale() / before.scale) });
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
  size = mapSize();
  setView(homeView());
  if (!whole && before) setTriple(before);
  drawNow();
  relabel(view, size, zoomLevel());
}
