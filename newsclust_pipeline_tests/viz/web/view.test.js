// The view, the grid of positions, and the filters.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_FILTERS, byTime, isFiltering, tally, visibleRows } from "../../../newsclust_pipeline/viz/web/filters.js";
import { contains, createGrid } from "../../../newsclust_pipeline/viz/web/grid.js";
import {
  between, boxOf, limited, panBy, toMap, toScreen, viewOf, zoomAt,
} from "../../../newsclust_pipeline/viz/web/view.js";

const size = { width: 800, height: 400 };
const close = (a, b) => a.forEach((value, at) => assert.ok(Math.abs(value - b[at]) < 1e-9, `${a} ≈ ${b}`));

test("a view contains its box, and pixels and positions are inverse", () => {
  const view = viewOf([[0, 10], [-5, 5]], size);
  assert.equal(view.scale, 10 / 400);
  close(toScreen(view, size)(5, 0), [400, 200]);
  close(toMap(view, size)(...toScreen(view, size)(3, 4)), [3, 4]);
});

test("a zoom keeps the pixel under the pointer", () => {
  const view = viewOf([[0, 10], [-5, 5]], size);
  const pixel = toScreen(view, size)(2, 3);
  close(toScreen(zoomAt(view, 0.3, pixel, size), size)(2, 3), pixel);
});

test("the map follows a drag", () => {
  const view = viewOf([[0, 10], [-5, 5]], size);
  const [x, y] = toScreen(view, size)(2, 3);
  close(toScreen(panBy(view, 30, -20), size)(2, 3), [x + 30, y - 20]);
});

test("limits hold scale and centre", () => {
  const bounds = [[0, 10], [0, 10]];
  assert.deepEqual(limited({ x: -5, y: 20, scale: 9 }, bounds, [1, 2]), { x: 0, y: 10, scale: 2 });
  assert.equal(limited({ x: 5, y: 5, scale: 0.1 }, bounds, [1, 2]).scale, 1);
});

test("an animation starts and ends at its views", () => {
  const [from, to] = [{ x: 0, y: 0, scale: 1 }, { x: 8, y: 4, scale: 0.1 }];
  assert.deepEqual(between(from, to, 0), from);
  close(Object.values(between(from, to, 1)), Object.values(to));
  close(Object.values(between(from, { ...from, x: 4 }, 0.5)), [2, 0, 1]);
});

test("the box of rows has a least width", () => {
  assert.deepEqual(boxOf([[1, 3], [2, 2]], [0, 1], 4), [[0, 4], [0, 4]]);
});

test("the grid finds what lies near and inside, as a full search does", () => {
  let seed = 1;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const [xs, ys] = [0, 1].map(() => Float32Array.from({ length: 3000 }, () => random() * 50));
  const grid = createGrid(xs, ys);
  const rank = new Uint8Array(3000).fill(1);
  for (let n = 0; n < 50; n += 1) {
    const [x, y] = [random() * 50, random() * 50];
    const distance = (row) => Math.hypot(xs[row] - x, ys[row] - y);
    const best = [...xs.keys()].reduce((one, other) => (distance(other) < distance(one) ? other : one));
    assert.equal(grid.nearest(x, y, 100, () => 100, rank), best);
    assert.equal(grid.nearest(x, y, 1e-9, () => 1e-9, rank), -1);
  }
  const outline = [[10, 10], [30, 12], [20, 40]];
  const inside = [...xs.keys()].filter((row) => contains(outline, xs[row], ys[row]));
  assert.ok(inside.length > 10);
  assert.deepEqual(grid.inside(outline), inside);
});

test("coloured dots win over grey ones, and hidden ones are never found", () => {
  const grid = createGrid(new Float32Array([0, 0.1, 0.2]), new Float32Array(3));
  assert.equal(grid.nearest(0, 0, 1, () => 1, [1, 2, 0]), 1);
  assert.equal(grid.nearest(0.2, 0, 1, () => 1, [0, 0, 0]), -1);
});

test("grids of no and of equal positions work", () => {
  assert.equal(createGrid(new Float32Array(0), new Float32Array(0)).nearest(0, 0, 9, () => 9, []), -1);
  const same = createGrid(new Float32Array(5).fill(3), new Float32Array(5).fill(3));
  assert.equal(same.nearest(3, 3, 1, () => 1, [1, 1, 1, 1, 1]), 0);
});

// Two of one story, one of another, one in none (first).
const data = {
  noise: 1, title: ["n", "a", "b", "c"], story: [-1, 0, 0, 1], time: [null, 10, 20, 30],
  venue: [null, 0, 1, 1], language: [0, 0, 1, 1], joined: [null, null, 5, null], storyTitle: ["A", "C"],
};
const rows = (change) => visibleRows(data, { ...NO_FILTERS, ...change }, change.matches ?? (() => true));

test("without filters stories are coloured and noise is grey", () => {
  assert.deepEqual(rows({}), { over: [1, 2, 3], under: [0], focus: [0, 1, 2, 3], anytime: [0, 1, 2, 3], stories: [2, 1] });
  assert.equal(isFiltering(NO_FILTERS), false);
});

test("a chosen story, a query, a selection and arrival make the others grey", () => {
  assert.deepEqual(rows({ story: 0 }).over, [1, 2]);
  assert.deepEqual(rows({ story: 0 }).under, [0, 3]);
  assert.deepEqual(rows({ query: "x", matches: (row) => row === 3 }).over, [3]);
  assert.deepEqual(rows({ selection: [0, 3] }).over, [0, 3]);
  assert.deepEqual(rows({ since: 4 }).over, [2]);
});

test("dates, outlets, languages and noise hide the others", () => {
  const dated = rows({ from: 15, to: 30 });
  assert.deepEqual([dated.over, dated.under, dated.anytime], [[2], [], [0, 1, 2, 3]]);
  assert.deepEqual(rows({ outlets: [1] }).over, [2, 3]);
  assert.deepEqual(rows({ outlets: [0, -1] }).focus, [0, 1]);
  assert.deepEqual(rows({ languages: [1] }).focus, [2, 3]);
  assert.deepEqual(rows({ noise: false }).focus, [1, 2, 3]);
});

test("articles are sorted by time, those without a date last", () => {
  assert.deepEqual(byTime(data, [0, 3, 1], false), [1, 3, 0]);
  assert.deepEqual(byTime(data, [0, 3, 1], true), [3, 1, 0]);
});

test("values are counted, most frequent first", () => {
  assert.deepEqual(tally(data.venue, [0, 1, 2, 3]), [[1, 2], [-1, 1], [0, 1]]);
});
