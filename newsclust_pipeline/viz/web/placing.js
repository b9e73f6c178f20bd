// Where titles stand: off the coloured dots, not over each other, with a leader line to their story.

const CELL = 4; // pixels
const GAP = 4; // pixels between titles
const RINGS = [8, 16, 26, 40, 58, 80]; // pixels from an anchor to its title
const DIRECTIONS = 16;
const PER_DOT = 9; // cost of a covered dot, in pixels of distance
const LEADER = 7; // pixels: shorter distances need no line

/**
 * Returns a function that counts the points under a box, by a summed-area table of 4-pixel cells.
 * @param {Iterable<import("./types").Point>} points pixels
 * @param {import("./types").Size} size
 * @returns {(box: import("./types").Rect) => number}
 */
export function counter(points, { width, height }) {
  const [across, down] = [Math.ceil(width / CELL) + 1, Math.ceil(height / CELL) + 1];
  const sums = new Uint32Array(across * down);
  for (const [x, y] of points) {
    if (x < 0 || y < 0 || x >= width || y >= height) continue;
    sums[(Math.floor(y / CELL) + 1) * across + Math.floor(x / CELL) + 1] += 1;
  }
  for (let at = across + 1; at < sums.length; at += 1) {
    sums[at] += (at % across ? sums[at - 1] : 0) + sums[at - across] - (at % across ? sums[at - across - 1] : 0);
  }
  const clamp = (/** @type {number} */ value, /** @type {number} */ most) =>
    Math.min(Math.max(value, 0), most - 1);
  return ({ left, top, right, bottom }) => {
    const [x0, x1] = [clamp(Math.floor(left / CELL), across), clamp(Math.ceil(right / CELL), across)];
    const [y0, y1] = [clamp(Math.floor(top / CELL), down), clamp(Math.ceil(bottom / CELL), down)];
    return sums[y1 * across + x1] - sums[y0 * across + x1] - sums[y1 * across + x0] + sums[y0 * across + x0];
  };
}

/** @param {import("./types").Rect} a @param {import("./types").Rect} b */
export const overlap = (a, b, gap = GAP) =>
  a.left < b.right + gap && b.left < a.right + gap && a.top < b.bottom + gap && b.top < a.bottom + gap;

/** @param {import("./types").Rect} box @param {number} x @param {number} y */
export const holds = (box, x, y) => x > box.left && x < box.right && y > box.top && y < box.bottom;

/**
 * Returns whether a line touches a box (Liang and Barsky 1984).
 * @param {number[]} line @param {import("./types").Rect} box
 */
function crosses([x0, y0, x1, y1], { left, top, right, bottom }) {
  let [from, to] = [0, 1];
  for (const [step, space] of [
    [x0 - x1, x0 - left], [x1 - x0, right - x0], [y0 - y1, y0 - top], [y1 - y0, bottom - y0],
  ]) {
    if (step === 0 && space < 0) return false;
    if (step < 0) from = Math.max(from, space / step);
    if (step > 0) to = Math.min(to, space / step);
  }
  return from < to;
}

/**
 * Returns whether two lines meet: the ends of each lie on both sides of the other.
 * @param {number[]} one @param {number[]} other
 */
function meet([ax, ay, bx, by], [cx, cy, dx, dy]) {
  const side = (/** @type {number} */ x, /** @type {number} */ y, /** @type {number[]} */ [x0, y0, x1, y1]) =>
    Math.sign((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0));
  const [one, other] = [[ax, ay, bx, by], [cx, cy, dx, dy]];
  return side(cx, cy, one) !== side(dx, dy, one) && side(ax, ay, other) !== side(bx, by, other);
}

/** @param {import("./types").Anchor} anchor @param {import("./types").Size} size */
function candidates({ x, y, width, height }, size) {
  const longest = Math.min(size.width, size.height) / 5; // long leaders confuse on a small map
  return RINGS.filter((ring) => ring <= longest).flatMap((ring) =>
    Array.from({ length: DIRECTIONS }, (_, n) => {
      const angle = (n * 2 * Math.PI) / DIRECTIONS;
      const [cx, cy] = [
        x + Math.cos(angle) * (ring + width / 2),
        y + Math.sin(angle) * (ring + height / 2),
      ];
      const [left, top] = [cx - width / 2, cy - height / 2];
      return { left, top, right: left + width, bottom: top + height };
    }),
  );
}

/**
 * Returns the line from an anchor to the nearest point of its title.
 * @param {import("./types").Anchor} anchor @param {import("./types").Rect} box
 * @returns {[number, number, number, number]}
 */
function leaderOf({ x, y }, { left, top, right, bottom }) {
  return [x, y, Math.min(Math.max(x, left), right), Math.min(Math.max(y, top), bottom)];
}

/**
 * Places titles, the first anchors first; those without a free place are left out.
 * @param {import("./types").Anchor[]} anchors positions in pixels and sizes of the titles
 * @param {import("./types").Size} size of the map
 * @param {(box: import("./types").Rect) => number} covered counts the coloured dots under a box
 * @param {import("./types").Rect[]} taken boxes that no title may cover
 * @param {{ most: number, budget: number }} limits most titles, and most dots that all may cover
 * @returns {import("./types").Placed[]}
 */
export function placeTitles(anchors, size, covered, taken, { most, budget }) {
  /** @type {import("./types").Placed[]} */
  const placed = [];
  const boxes = [...taken];
  let left = budget;
  for (const anchor of anchors) {
    if (placed.length >= most) break;
    if (anchor.x < 0 || anchor.y < 0 || anchor.x > size.width || anchor.y > size.height) continue;
    if (boxes.some((box) => holds(box, anchor.x, anchor.y))) continue;
    const best = bestBox(anchor, size, covered, boxes, placed, left);
    if (!best) continue;
    left -= covered(best);
    const line = leaderOf(anchor, best);
    const far = Math.hypot(line[2] - line[0], line[3] - line[1]) > LEADER;
    placed.push({ ...best, key: anchor.key, leader: far ? line : null });
    boxes.push(best);
  }
  return placed;
}

/**
 * @param {import("./types").Anchor} anchor @param {import("./types").Size} size
 * @param {(box: import("./types").Rect) => number} covered @param {import("./types").Rect[]} boxes
 * @param {import("./types").Placed[]} placed @param {number} budget
 */
function bestBox(anchor, size, covered, boxes, placed, budget) {
  let [best, lowest] = [/** @type {import("./types").Rect | null} */ (null), Infinity];
  const [centreX, centreY] = [anchor.x, anchor.y];
  for (const box of candidates(anchor, size)) {
    if (box.left < 2 || box.top < 2 || box.right > size.width - 2 || box.bottom > size.height - 2) continue;
    const line = leaderOf(anchor, box);
    const distance = Math.hypot(line[2] - centreX, line[3] - centreY);
    if (distance >= lowest || boxes.some((other) => overlap(box, other))) continue;
    const dots = covered(box);
    const cost = distance + dots * PER_DOT;
    if (dots > budget || cost >= lowest) continue;
    if (boxes.some((other) => crosses(line, other))) continue;
    if (placed.some(({ leader }) => leader && (crosses(leader, box) || meet(leader, line)))) continue;
    [best, lowest] = [box, cost];
  }
  return best;
}
