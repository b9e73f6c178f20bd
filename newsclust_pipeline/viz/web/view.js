// The view of a flat map: its centre in map units, and how many map units a pixel is wide.

/**
 * Returns the smallest view that contains a box.
 * @param {import("./types").Box} box @param {import("./types").Size} size
 * @returns {import("./types").View}
 */
export function viewOf([[x0, x1], [y0, y1]], { width, height }) {
  const scale = Math.max((x1 - x0) / Math.max(width, 1), (y1 - y0) / Math.max(height, 1));
  return { x: (x0 + x1) / 2, y: (y0 + y1) / 2, scale };
}

/**
 * Returns a function from map units to pixels of the map's element.
 * @param {import("./types").View} view @param {import("./types").Size} size
 * @returns {(x: number, y: number) => import("./types").Point}
 */
export function toScreen(view, { width, height }) {
  return (x, y) => [(x - view.x) / view.scale + width / 2, (view.y - y) / view.scale + height / 2];
}

/**
 * Returns a function from pixels to map units.
 * @param {import("./types").View} view @param {import("./types").Size} size
 * @returns {(px: number, py: number) => import("./types").Point}
 */
export function toMap(view, { width, height }) {
  return (px, py) => [
    view.x + (px - width / 2) * view.scale,
    view.y - (py - height / 2) * view.scale,
  ];
}

/**
 * Returns the view after a zoom that keeps the map under one pixel where it is.
 * @param {import("./types").View} view @param {number} factor below 1 zooms in
 * @param {import("./types").Point} pixel @param {import("./types").Size} size
 */
export function zoomAt(view, factor, [px, py], size) {
  const [x, y] = toMap(view, size)(px, py);
  return { x: x + (view.x - x) * factor, y: y + (view.y - y) * factor, scale: view.scale * factor };
}

/**
 * Returns the view after the map has been dragged by pixels.
 * @param {import("./types").View} view @param {number} dx @param {number} dy
 */
export function panBy(view, dx, dy) {
  return { ...view, x: view.x - dx * view.scale, y: view.y + dy * view.scale };
}

/**
 * Returns the nearest view with a scale between the limits and its centre on the map.
 * @param {import("./types").View} view @param {import("./types").Box} bounds
 * @param {[number, number]} scales smallest and largest
 */
export function limited(view, bounds, [least, most]) {
  const scale = Math.min(Math.max(view.scale, least), most);
  const inside = (/** @type {number} */ value, /** @type {[number, number]} */ [low, high]) =>
    Math.min(Math.max(value, low), high);
  return { x: inside(view.x, bounds[0]), y: inside(view.y, bounds[1]), scale };
}

/**
 * Returns a view between two, with the scale changing by equal ratios.
 * @param {import("./types").View} from @param {import("./types").View} to @param {number} share 0 to 1
 */
export function between(from, to, share) {
  const scale = from.scale * (to.scale / from.scale) ** share;
  // The centre moves with the scale, so that the target seems to move along a straight line.
  const ratio = to.scale === from.scale ? share : (scale - from.scale) / (to.scale - from.scale);
  return { x: from.x + (to.x - from.x) * ratio, y: from.y + (to.y - from.y) * ratio, scale };
}

/**
 * Returns the box of some rows, a fifth wider than they are and never narrower than `least`.
 * @param {ArrayLike<number>[]} axes columns of coordinates @param {Iterable<number>} rows
 * @param {number} least
 * @returns {import("./types").Box}
 */
export function boxOf(axes, rows, least) {
  const all = [...rows];
  return axes.map((values) => {
    let [low, high] = [Infinity, -Infinity];
    for (const row of all) {
      low = Math.min(low, values[row]);
      high = Math.max(high, values[row]);
    }
    const half = Math.max(((high - low) / 2) * 1.2, least / 2);
    return [(low + high) / 2 - half, (low + high) / 2 + half];
  });
}
