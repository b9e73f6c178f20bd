// Pointers, wheel and trackpad on the map, as pans, zooms, taps and outlines. Pixels are those of the
// element.

const TAP = 6; // pixels that a finger may move and still tap
const LONG = 600; // milliseconds

/**
 * @typedef {object} Handlers
 * @property {(dx: number, dy: number) => void} pan
 * @property {(factor: number, pixel: import("./types").Point) => void} zoom
 * @property {(pixel: import("./types").Point, event: PointerEvent) => void} tap
 * @property {(pixel: import("./types").Point) => void} hover
 * @property {() => void} leave
 * @property {() => string} mode "pan", "box" or "lasso"
 * @property {(outline: import("./types").Point[], done: boolean) => void} outline
 * @property {() => void} end of a movement
 */

/** @param {HTMLElement} element @param {Handlers} handlers */
export function listenToGestures(element, handlers) {
  /** @type {Map<number, import("./types").Point>} */
  const pointers = new Map();
  /** @type {{ at: import("./types").Point, time: number, moved: boolean } | null} */
  let start = null;
  /** @type {import("./types").Point[] | null} */
  let outline = null;
  const pixel = (/** @type {{ clientX: number, clientY: number }} */ event) => {
    const { left, top } = element.getBoundingClientRect();
    return /** @type {import("./types").Point} */ ([event.clientX - left, event.clientY - top]);
  };

  element.addEventListener("pointerdown", (event) => {
    if (event.button > 0) return;
    const at = pixel(event);
    pointers.set(event.pointerId, at);
    try {
      element.setPointerCapture(event.pointerId);
    } catch {
      // A synthesised pointer can't be captured; its events arrive here all the same.
    }
    start = pointers.size === 1 ? { at, time: event.timeStamp, moved: false } : null;
    const mode = event.shiftKey ? "box" : handlers.mode();
    outline = pointers.size === 1 && mode !== "pan" ? [at] : null;
    if (outline && mode === "box") outline = [at, at];
  });

  element.addEventListener("pointermove", (event) => {
    const at = pixel(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (event.pointerType !== "touch") handlers.hover(at);
      return;
    }
    if (start && Math.hypot(at[0] - start.at[0], at[1] - start.at[1]) > TAP) start.moved = true;
    if (outline && start) handlers.outline(grow(outline, start.at, at), false);
    else if (pointers.size === 2) pinch(pointers, event.pointerId, before, at, handlers);
    else if (start?.moved) handlers.pan(at[0] - before[0], at[1] - before[1]);
    // The first pixels of a drag count as well, once it is one.
    if (!start || start.moved || outline) pointers.set(event.pointerId, at);
  });

  const finish = (/** @type {PointerEvent} */ event, /** @type {boolean} */ cancelled) => {
    if (!pointers.delete(event.pointerId)) return;
    const tapped = start && !start.moved && event.timeStamp - start.time < LONG && !cancelled;
    if (outline && start?.moved && !cancelled) handlers.outline(outline, true);
    else if (tapped) handlers.tap(pixel(event), event);
    else if (outline) handlers.outline([], true);
    [start, outline] = [null, null];
    handlers.end();
  };
  element.addEventListener("pointerup", (event) => finish(event, false));
  element.addEventListener("pointercancel", (event) => finish(event, true));
  element.addEventListener("pointerleave", () => !pointers.size && handlers.leave());

  element.addEventListener("wheel", (event) => {
    event.preventDefault();
    const unit = [1, 16, 400][event.deltaMode] ?? 1;
    // A pinch on a trackpad arrives as a wheel with ctrlKey and small steps.
    const speed = event.ctrlKey ? 0.01 : 0.0015;
    const step = Math.max(-1, Math.min(1, event.deltaY * unit * speed));
    handlers.zoom(Math.exp(step), pixel(event));
    handlers.end();
  }, { passive: false });

  listenToSafari(element, pixel, pointers, handlers);
}

/**
 * Safari on a Mac sends its own gesture events for a pinch on the trackpad.
 * @param {HTMLElement} element
 * @param {(event: { clientX: number, clientY: number }) => import("./types").Point} pixel
 * @param {Map<number, unknown>} pointers @param {Handlers} handlers
 */
function listenToSafari(element, pixel, pointers, handlers) {
  let last = 1;
  for (const kind of ["gesturestart", "gesturechange", "gestureend"]) {
    element.addEventListener(kind, (event) => {
      event.preventDefault();
      const { scale, clientX, clientY } = /** @type {any} */ (event);
      // On an iPhone the fingers come as pointers as well, which are handled already.
      if (kind === "gesturechange" && !pointers.size) handlers.zoom(last / scale, pixel({ clientX, clientY }));
      last = kind === "gesturestart" ? 1 : scale;
      if (kind === "gestureend") handlers.end();
    });
  }
}

/**
 * Adds a point to a lasso, or moves the corner of a box.
 * @param {import("./types").Point[] & { box?: boolean }} outline @param {import("./types").Point} from
 * @param {import("./types").Point} at
 */
function grow(outline, from, at) {
  if (outline.length === 2 && outline[0] === outline[1]) outline.box = true;
  if (outline.box) outline.splice(0, outline.length, from, [at[0], from[1]], at, [from[0], at[1]]);
  else outline.push(at);
  return outline;
}

/**
 * Zooms about the middle of two fingers, and pans with it.
 * @param {Map<number, import("./types").Point>} pointers @param {number} id
 * @param {import("./types").Point} before @param {import("./types").Point} at @param {Handlers} handlers
 */
function pinch(pointers, id, before, at, handlers) {
  const other = [...pointers].find(([key]) => key !== id)?.[1];
  if (!other) return;
  const distance = (/** @type {import("./types").Point} */ [x, y]) => Math.max(8, Math.hypot(x - other[0], y - other[1]));
  handlers.pan((at[0] - before[0]) / 2, (at[1] - before[1]) / 2);
  handlers.zoom(distance(before) / distance(at), [(at[0] + other[0]) / 2, (at[1] + other[1]) / 2]);
}
