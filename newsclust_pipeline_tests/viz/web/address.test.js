// Addresses are read as they were written.

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAddress, parseAddress } from "../../../newsclust_pipeline/viz/web/address.js";

const state = {
  story: "s12", article: "a b&c", q: "flood = 100 %", from: 28_000_000, to: 28_001_440, since: 27_999_999,
  outlets: ["The Lantern", "A&B, Co."], languages: ["de"], noise: false, tab: "articles",
  view: [1.5, -2.25, 3], theme: "dark",
};

test("all parts survive", () => {
  assert.deepEqual(parseAddress(`#${formatAddress(state)}`), state);
});

test("a page as it opens has no fragment", () => {
  assert.equal(formatAddress({ noise: true, outlets: [], languages: [] }), "");
});

test("whole days are written as days", () => {
  assert.equal(formatAddress({ from: Date.parse("2024-04-25") / 60_000 }), "from=2024-04-25");
  assert.equal(formatAddress({ to: Date.parse("2024-04-25T10:30Z") / 60_000 }), "to=2024-04-25T10:30");
});

test("what can't be read is left out", () => {
  const address = parseAddress("#from=yesterday&to=2024-13-45&view=1,2&theme=pink&tab=map&view=&q=");
  for (const name of ["from", "to", "view", "theme", "tab", "q", "story"]) {
    assert.equal(address[name], undefined, name);
  }
  assert.equal(address.noise, true);
  assert.equal(parseAddress("#view=1,2,-3").view, undefined);
  assert.equal(parseAddress("#view=1,2,NaN").view, undefined);
});
