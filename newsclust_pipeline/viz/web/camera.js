// The view of the flat map: what part of it the screen shows, and the ways to move it.

import { byId, count, data } from "./data.js";
import { between, boxOf, limited, panBy, toMap, toScreen, viewOf, zoomAt } from "./view.js";

const ANIMATED = 30_000; // above this number of articles the view jumps
const CONTROLS = 40; // pixels below the map that its buttons take
const MAX_ZOOM = 400;
const still = matchMedia("(prefers-reduced-motion: reduce)");
const map = byId("map");

/** @type {import("./types").View} */
let view = { x: 0, y: 0, scale: 1 };
let flight = 0;
/** @type {(() => void)[]} */
const listeners = [];

/** @param {() => void} listener is called after every move */
export const onMove = (listener) => listeners.push(listener);
export const mapSize = () => ({ width: map.clientWidth, height: map.clientHeight });
export const currentView = () => view;
/** Returns the function from map units to pixels of the map's element. */
export const projection = () => toScreen(view, mapSize());
/** Returns the function from pixels of the map's element to map units. */
export const unprojection = () => toMap(view, mapSize());

/** Returns the view of the whole map, above the buttons. */
export function homeView(size = mapSize()) {
  const bar = size.height > 4 * CONTROLS ? CONTROLS : 0;
  const whole = viewOf(data.home, { width: size.width, height: size.height - bar });
  return { ...whole, y: whole.y - (bar / 2) * whole.scale };
}

export const zoomLevel = () => homeView().scale / view.scale;

/** @returns {[number, number]} smallest and largest */
const scales = () => [homeView().scale / MAX_ZOOM, viewOf(data.full, mapSize()).scale * 1.3];

/** @param {import("./types").View} next */
export function setView(next) {
  view = limited(next, data.full, scales());
  // At home one finger scrolls the page; closer, it pans the map.
  map.style.touchAction = zoomLevel() > 1.02 ? "none" : "pan-y";
  for (const listener of listeners) listener();
}

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

/** Returns the part of the map that is in view. */
export function boxInView() {
  const { width, height } = mapSize();
  const [[x0, y1], [x1, y0]] = [unprojection()(0, 0), unprojection()(width, height)];
  return [[x0, x1], [y0, y1]];
}

/** @param {number} factor below 1 zooms in @param {import("./types").Point} pixel stays where it is */
export function zoom(factor, pixel = [map.clientWidth / 2, map.clientHeight / 2]) {
  fly(limited(zoomAt(view, factor, pixel, mapSize()), data.full, scales()));
}

/** Zooms without a flight. @param {number} factor @param {import("./types").Point} pixel */
export function zoomNow(factor, pixel) {
  cancelAnimationFrame(flight);
  const [least, most] = scales();
  const bounded = Math.min(Math.max(factor, least / view.scale), most / view.scale);
  setView(zoomAt(limited(view, data.full, [least, most]), bounded, pixel, mapSize()));
}

/** @param {number} right @param {number} up */
export function pan(right, up) {
  const step = 0.2 * Math.min(map.clientWidth, map.clientHeight);
  fly(panBy(view, -right * step, up * step));
}

/** Pans without a flight. @param {number} dx @param {number} dy pixels */
export const panNow = (dx, dy) => setView(panBy(view, dx, dy));

export const triple = () => {
  const { x, y } = homeView();
  const changed = Math.abs(zoomLevel() - 1) > 0.01 || Math.hypot(x - view.x, y - view.y) > 2 * view.scale;
  return /** @type {[number, number, number] | null} */ (changed ? [view.x, view.y, zoomLevel()] : null);
};

/** @param {[number, number, number]} triple */
export function setTriple([x, y, level]) {
  cancelAnimationFrame(flight);
  setView({ x, y, scale: homeView().scale / level });
}

/**
 * Keeps the same part of the map in view after a change of its size.
 * @param {import("./types").Size | null} before null if it had none
 */
export function keepView(before) {
  const old = homeView(before ?? mapSize());
  const atHome = Math.abs(view.scale / old.scale - 1) < 0.01 && Math.abs(view.y - old.y) < view.scale;
  setView(atHome ? homeView() : { ...view, scale: view.scale * (homeView().scale / old.scale) });
}
