// Titles stand off the dots and apart; bins and ticks of the time axis.

import assert from "node:assert/strict";
import { test } from "node:test";
import { counter, overlap, placeTitles } from "../../../newsclust_pipeline/viz/web/placing.js";
import { binOf, layOut, startOf, ticks } from "../../../newsclust_pipeline/viz/web/timescale.js";

const size = { width: 800, height: 500 };
const anchor = (key, x, y, width = 90, height = 30) => ({ key, x, y, width, height, rank: 0 });
const free = { most: 40, budget: 1000 };

test("points under a box are counted", () => {
  const count = counter([[10, 10], [11, 11], [300, 200], [-5, 3], [900, 3]], size);
  assert.equal(count({ left: 0, top: 0, right: 40, bottom: 40 }), 2);
  assert.equal(count({ left: 0, top: 0, right: 800, bottom: 500 }), 3);
  assert.equal(count({ left: 400, top: 300, right: 500, bottom: 400 }), 0);
});

test("titles avoid dots and each other", () => {
  const dots = Array.from({ length: 400 }, (_, n) => [300 + (n % 20) * 6, 200 + Math.floor(n / 20) * 5]);
  const covered = counter(dots, size);
  const anchors = ["a", "b", "c", "d"].map((key, n) => anchor(key, 330 + 20 * n, 220 + 15 * n));
  const placed = placeTitles(anchors, size, covered, [], { most: 40, budget: 0 });
  assert.ok(placed.length >= 2);
  for (const [at, box] of placed.entries()) {
    assert.equal(covered(box), 0);
    for (const other of placed.slice(0, at)) assert.ok(!overlap(box, other, 0));
  }
});

test("a title beside its anchor has no leader, a distant one has", () => {
  const [near] = placeTitles([anchor("a", 400, 250)], size, () => 0, [], free);
  assert.ok(!near.leader || Math.hypot(near.leader[2] - 400, near.leader[3] - 250) < 12);
  const dots = Array.from({ length: 900 }, (_, n) => [370 + (n % 30) * 2, 235 + Math.floor(n / 30)]);
  const [far] = placeTitles([anchor("a", 400, 250)], size, counter(dots, size), [], { most: 1, budget: 0 });
  assert.ok(far.leader);
  assert.deepEqual(far.leader.slice(0, 2), [400, 250]);
});

test("no more titles than allowed, none outside, none over what is taken", () => {
  const anchors = Array.from({ length: 30 }, (_, n) => anchor(String(n), (n % 6) * 150, Math.floor(n / 6) * 110));
  assert.equal(placeTitles(anchors, size, () => 0, [], { most: 3, budget: 0 }).length, 3);
  assert.deepEqual(placeTitles([anchor("a", -10, 5)], size, () => 0, [], free), []);
  const taken = { left: 0, top: 0, right: 800, bottom: 240 };
  for (const box of placeTitles(anchors, size, () => 0, [taken], free)) {
    assert.ok(!overlap(box, taken, 0));
    assert.ok(box.left >= 0 && box.top >= 0 && box.right <= 800 && box.bottom <= 500);
  }
});

const at = (text) => Date.parse(text) / 60_000;

test("bins are days for dates without times, and hours otherwise", () => {
  const days = [at("2024-04-24"), at("2024-05-03")];
  const bins = layOut(days, [days[0], days[1]]);
  assert.equal(bins.width, 1440);
  assert.equal(bins.count, 10);
  assert.equal(layOut([at("2024-04-24T10:30Z"), at("2024-04-25T09:00Z")], [at("2024-04-24"), at("2024-04-26")]).width, 60);
  assert.equal(layOut([], [0, 1]), null);
});

test("times outside the range share one bin at either end", () => {
  const times = [at("2014-05-01"), at("2024-04-24"), at("2024-04-30"), at("2025-01-01")];
  const bins = layOut(times, [at("2024-04-24"), at("2024-04-30")]);
  assert.ok(bins.earlier && bins.later);
  assert.equal(bins.count, 9);
  assert.deepEqual(times.map((time) => binOf(bins, time)), [0, 1, 7, 8]);
  assert.equal(startOf(bins, 0), -Infinity);
  assert.equal(startOf(bins, 1), at("2024-04-24"));
  assert.equal(startOf(bins, 9), Infinity);
});

test("every span has a few round ticks in order", () => {
  for (const [low, high] of [
    ["2024-04-24T06:00Z", "2024-04-24T20:00Z"], ["2024-04-24", "2024-04-28"], ["2024-04-01", "2024-06-20"],
    ["2020-01-15", "2024-06-20"], ["1950-01-01", "2024-01-01"],
  ]) {
    const bins = layOut([at(low), at(high)], [at(low), at(high)]);
    const labels = ticks(bins, 10);
    assert.ok(labels.length >= 2 && labels.length <= 11, `${low} ${high}: ${labels.length}`);
    const places = labels.map(({ at: place }) => place);
    assert.deepEqual(places, [...places].sort((a, b) => a - b));
    assert.ok(places[0] >= 0 && places.at(-1) <= bins.count);
  }
});
