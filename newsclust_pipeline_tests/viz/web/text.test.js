// Words, numbers and CSV.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  counted, dayText, firstClause, folded, languageName, spanText, timeText, toCsv,
} from "../../../newsclust_pipeline/viz/web/text.js";

const minute = (text) => Date.parse(text) / 60_000;
const plain = (text) => text.replaceAll("\u00a0", " ").replaceAll("\u2060", "");

test("midnight is a day without a time", () => {
  assert.equal(plain(timeText(minute("2024-04-24T18:05Z"))), "24 Apr 2024, 18:05");
  assert.equal(plain(timeText(minute("2024-04-24T00:00Z"))), "24 Apr 2024");
  assert.equal(timeText(null), "");
  assert.equal(dayText(undefined), "");
});

test("a span repeats neither month nor year", () => {
  const span = (first, last, ...more) => plain(spanText(minute(first), minute(last), ...more));
  assert.equal(span("2024-04-24", "2024-04-26"), "24–26 Apr 2024");
  assert.equal(span("2024-04-24", "2024-05-03"), "24 Apr – 3 May 2024");
  assert.equal(span("2023-12-31", "2024-01-01"), "31 Dec 2023 – 1 Jan 2024");
  assert.equal(span("2024-04-24", "2024-04-24T12:00Z", false), "24 Apr");
  assert.equal(plain(spanText(null, minute("2024-04-24"))), "24 Apr 2024");
  assert.equal(spanText(null, null), "");
});

test("numbers have their noun", () => {
  assert.equal(plain(counted(1, "story", "stories")), "1 story");
  assert.equal(plain(counted(1234, "story", "stories")), "1,234 stories");
});

test("comparison ignores case, accents and width", () => {
  assert.equal(folded("GELÉE Straße"), "gelee straße");
  assert.equal(folded("ｆｕｌｌ"), "full");
  assert.equal(folded(null), "");
});

test("a long headline is named by its first clause if that is a good name", () => {
  assert.equal(firstClause("Short", 20), "Short");
  assert.equal(firstClause("Harbour bridge reopens – and the town rejoices", 30), "Harbour bridge reopens");
  assert.equal(firstClause("U.S. students protest everywhere today", 20), "U.S. students protest everywhere today");
});

test("languages have English names and unknown codes stay", () => {
  assert.equal(languageName("fr"), "French");
  assert.equal(languageName("not a code"), "not a code");
});

test("CSV quotes what needs it and disarms formulas", () => {
  const text = toCsv(["a", "b"], [["x,y", 'say "hi"'], ["=1+1", null], ["-3", -3], ["two\nlines", 0]]);
  assert.equal(text, 'a,b\r\n"x,y","say ""hi"""\r\n\'=1+1,\r\n\'-3,-3\r\n"two\nlines",0\r\n');
});
