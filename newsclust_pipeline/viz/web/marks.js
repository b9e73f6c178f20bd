// Marks above the dots: rings around articles, and the outline of a selection.

const FULL = 2 * Math.PI;

/**
 * @typedef {object} Ring
 * @property {import("./types").Point} centre in pixels
 * @property {number} radius in pixels
 * @property {number} width of the line, in pixels
 */

/** @typedef {{ rim: string, accent: string, fill: string }} Colours */

/**
 * Draws rings and the outline of a selection, in place of what was drawn before.
 * @param {CanvasRenderingContext2D} context @param {number} ratio pixels of the device for each pixel
 * @param {Ring[]} rings @param {import("./types").Point[]} outline @param {Colours} colours
 */
export function drawMarks(context, ratio, rings, outline, colours) {
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  for (const ring of rings) drawRing(context, ring, colours);
  if (outline.length > 1) drawOutline(context, outline, colours);
}

/** @param {CanvasRenderingContext2D} context @param {Ring} ring @param {Colours} colours */
function drawRing(context, { centre, radius, width }, { rim, accent }) {
  context.beginPath();
  context.arc(...centre, radius, 0, FULL);
  stroke(context, width + 2, rim);
  stroke(context, width, accent);
}

/** @param {CanvasRenderingContext2D} context @param {import("./types").Point[]} outline @param {Colours} colours */
function drawOutline(context, outline, { accent, fill }) {
  context.beginPath();
  for (const [x, y] of outline) context.lineTo(x, y);
  context.closePath();
  context.fillStyle = fill;
  context.fill();
  stroke(context, 1.5, accent);
}

/** @param {CanvasRenderingContext2D} context @param {number} width @param {string} colour */
function stroke(context, width, colour) {
  context.lineWidth = width;
  context.strokeStyle = colour;
  context.stroke();
}
