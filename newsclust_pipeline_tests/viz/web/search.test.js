// Search ignores case, accents and common endings.

import assert from "node:assert/strict";
import { test } from "node:test";
import { matcher, searchable, stems } from "../../../newsclust_pipeline/viz/web/search.js";

const finds = (query, ...texts) => matcher(query, [searchable(texts)])(0);

test("endings of common kinds are ignored", () => {
  for (const [query, text] of [
    ["elections", "An election is held"], ["election", "Elections are held"],
    ["flooding", "Floods in the north"], ["protested", "The protests go on"],
    ["cities", "A city at night"], ["city", "Cities at night"], ["running", "They run again"],
    ["wahlen", "Die Wahl in Berlin"], ["bombs", "The bombing of the town"],
  ]) assert.ok(finds(query, text), `${query} finds ${text}`);
});

test("short words keep their endings", () => {
  assert.deepEqual(stems("news"), ["news"]);
  assert.ok(!finds("news", "a new day"));
  assert.ok(!finds("using", "the usual us"));
});

test("stems match beginnings of words only", () => {
  assert.ok(finds("sting", "the sting of a bee"));
  assert.ok(!finds("voting", "a devoted pivot"));
});

test("every word must occur, in any field and order", () => {
  assert.ok(finds("bridge lantern", "Bridge reopens", null, "The Lantern"));
  assert.ok(!finds("bridge lantern", "Bridge reopens"));
  assert.ok(finds("  ", "anything"));
  assert.ok(finds("?!", "anything"));
});

test("accents, punctuation and other scripts", () => {
  assert.ok(finds("gelee", "Gelée: frost"));
  assert.ok(finds("u.s", "the U.S. senate"));
  assert.ok(finds("выборы", "Выборы в городе"));
  assert.ok(finds("選挙", "今日の選挙結果"));
});

test("every one of 100,000 texts is searched", () => {
  const texts = Array.from({ length: 100_000 }, (_, n) => searchable([`Headline ${n} about floods`, "x ".repeat(60)]));
  const matches = matcher("flooding headline", texts);
  assert.ok(texts.every((_, row) => matches(row)));
});
