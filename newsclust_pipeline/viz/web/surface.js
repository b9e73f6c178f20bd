// The map that the page shows, flat or in space: what both can do, for the modules around them.

/**
 * @typedef {object} Surface
 * @property {() => Promise<void>} start
 * @property {() => void} paint draws the visible articles
 * @property {(box: import("./types").Box) => void} showBox
 * @property {(factor: number) => void} zoom
 * @property {(right: number, up: number) => void} pan
 * @property {() => void} home
 * @property {() => void} repaint after a change of colours
 * @property {(rows: number[]) => void} point marks articles
 * @property {() => [number, number, number] | null} triple the view for the address
 * @property {(triple: [number, number, number]) => void} setTriple
 * @property {(row: number) => import("./types").Point | null} pixelOf position in the window
 * @property {() => number} nearestToCentre row of an article
 */

/** @type {{ current: Surface | null }} */
const holder = { current: null };

/** @param {Surface} surface */
export function setSurface(surface) {
  holder.current = surface;
}

/** @returns {Surface | null} null on a page without articles */
export const surface = () => holder.current;

/** @type {((row: number) => void)[]} */
const hoverListeners = [];
/** @param {(row: number) => void} listener receives the row under the pointer, −1 for none */
export const onHover = (listener) => hoverListeners.push(listener);
let hovered = -1;
/**
 * Tells the listeners which row the pointer is on, if that has changed.
 * @param {number} row
 */
export function hover(row) {
  if (row === hovered) return;
  hovered = row;
  for (const listener of hoverListeners) listener(row);
}

/** @type {(() => void)[]} */
const viewListeners = [];
/** @param {() => void} listener is called after the view has changed */
export const onView = (listener) => viewListeners.push(listener);
export function viewChanged() {
  for (const listener of viewListeners) listener();
}
