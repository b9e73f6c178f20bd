// Which articles lie near a position or inside an outline: a grid of square cells over the map.

const PER_CELL = 4; // articles per cell on average

/**
 * Returns the index of some positions.
 * @param {Float32Array} xs @param {Float32Array} ys
 */
export function createGrid(xs, ys) {
  const count = xs.length;
  let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let row = 0; row < count; row += 1) {
    x0 = Math.min(x0, xs[row]);
    x1 = Math.max(x1, xs[row]);
    y0 = Math.min(y0, ys[row]);
    y1 = Math.max(y1, ys[row]);
  }
  const area = Math.max((x1 - x0) * (y1 - y0), 1e-12);
  const side = Math.max(Math.sqrt((area * PER_CELL) / Math.max(count, 1)), (x1 - x0) / 2000, (y1 - y0) / 2000, 1e-9);
  const [across, up] = [Math.floor((x1 - x0) / side) + 1, Math.floor((y1 - y0) / side) + 1];
  const column = (/** @type {number} */ x) => Math.min(across - 1, Math.max(0, Math.floor((x - x0) / side)));
  const line = (/** @type {number} */ y) => Math.min(up - 1, Math.max(0, Math.floor((y - y0) / side)));
  // Rows sorted by cell; `starts` has the first position of each cell.
  const starts = new Uint32Array((count ? across * up : 0) + 2);
  for (let row = 0; row < count; row += 1) starts[line(ys[row]) * across + column(xs[row]) + 2] += 1;
  for (let cell = 1; cell < starts.length; cell += 1) starts[cell] += starts[cell - 1];
  const rows = new Uint32Array(count);
  for (let row = 0; row < count; row += 1) {
    const cell = line(ys[row]) * across + column(xs[row]) + 1;
    rows[starts[cell]] = row;
    starts[cell] += 1;
  }

  /**
   * Calls a function with every row in the cells that touch a box.
   * @param {number} left @param {number} right @param {number} low @param {number} high
   * @param {(row: number) => void} visit
   */
  function inBox(left, right, low, high, visit) {
    if (!count || right < x0 || left > x1 || high < y0 || low > y1) return;
    for (let y = line(low); y <= line(high); y += 1) {
      const cell = y * across;
      const [from, to] = [starts[cell + column(left)], starts[cell + column(right) + 1]];
      for (let at = from; at < to; at += 1) visit(rows[at]);
    }
  }

  /**
   * Returns the row nearest to a position for which `reach(row)` is at least its distance, or −1.
   * Rows with a higher `rank` win, and rank 0 never does.
   * @param {number} x @param {number} y @param {number} radius no reach is larger
   * @param {(row: number) => number} reach @param {ArrayLike<number>} rank
   */
  function nearest(x, y, radius, reach, rank) {
    let [best, bestRank, bestDistance] = [-1, 0, Infinity];
    inBox(x - radius, x + radius, y - radius, y + radius, (row) => {
      const distance = Math.hypot(xs[row] - x, ys[row] - y);
      if (!rank[row] || distance > reach(row) || rank[row] < bestRank) return;
      if (rank[row] === bestRank && distance >= bestDistance) return;
      [best, bestRank, bestDistance] = [row, rank[row], distance];
    });
    return best;
  }

  /**
   * Returns the rows inside an outline.
   * @param {import("./types").Point[]} outline corners in order
   */
  function inside(outline) {
    const [across, up] = [outline.map(([x]) => x), outline.map(([, y]) => y)];
    /** @type {number[]} */
    const found = [];
    inBox(Math.min(...across), Math.max(...across), Math.min(...up), Math.max(...up), (row) => {
      if (contains(outline, xs[row], ys[row])) found.push(row);
    });
    return found.sort((a, b) => a - b);
  }

  return { nearest, inside, inBox };
}

/**
 * Returns whether a position is inside an outline: a ray from it crosses an odd number of sides.
 * @param {import("./types").Point[]} outline @param {number} x @param {number} y
 */
export function contains(outline, x, y) {
  let odd = false;
  for (let at = 0, before = outline.length - 1; at < outline.length; before = at, at += 1) {
    const [[xa, ya], [xb, yb]] = [outline[at], outline[before]];
    if (ya > y !== yb > y && x < xa + ((y - ya) / (yb - ya)) * (xb - xa)) odd = !odd;
  }
  return odd;
}
