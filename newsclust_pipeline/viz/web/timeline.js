// The timeline: a histogram of dates of publication and the chosen range, set by dragging or by two
// sliders, which the keyboard moves as well.

import { articles, byId, count, counted, dayText, spanText, timeText } from "./data.js";
import { setFilters, filters, dated, highlighting, visible } from "./state.js";

const MAX_BARS = 120; // bars
const HOUR = 60;
const DAY = 24 * HOUR;
const WIDTHS = [1, 2, 3, 6, 12].map((hours) => hours * HOUR)
  .concat([1, 2, 7, 14, 30, 60, 91, 182, 365, 730, 3650, 36500].map((days) => days * DAY));
const SVG = "http://www.w3.org/2000/svg";

const frame = byId("timeline");
const chart = byId("histogram");
const chosen = byId("chosen");
const sliders = [byId("from"), byId("to")];
const bins = layOut();

// Returns the finest bins that are at most MAX_BARS; dates without times get bins of whole days.
function layOut() {
  const times = articles.time.filter((time) => time != null);
  if (!times.length) return null;
  let [first, last] = [Infinity, -Infinity];
  for (const time of times) {
    first = Math.min(first, time);
    last = Math.max(last, time);
  }
  const least = times.every((time) => time % DAY === 0) ? DAY : HOUR;
  const fits = (width) => width >= least && (last - first) / width < MAX_BARS - 1;
  const width = WIDTHS.find(fits) ?? (last - first) / (MAX_BARS - 2);
  const start = Math.floor(first / width) * width;
  return { first, last, start, width, count: Math.floor((last - start) / width) + 1 };
}

const startOf = (bin) => bins.start + bin * bins.width;
const binOf = (time) => Math.floor((time - bins.start) / bins.width);

function tally(rows) {
  const sums = new Array(bins.count).fill(0);
  for (const row of rows) if (articles.time[row] != null) sums[binOf(articles.time[row])] += 1;
  return sums;
}

function bars(sums, highest, kind) {
  // One path for all bars, each a little narrower than its bin.
  const steps = sums.map((sum, bin) => {
    const height = sum ? Math.max((sum / highest) * 100, 3) : 0;
    return height ? `M${bin + 0.06} 100v${-height}h0.88V100z` : "";
  });
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("class", kind);
  path.setAttribute("d", steps.join(""));
  return path;
}

const everything = bins && tally(Array.from({ length: count }, (_, row) => row));

export function drawTimeline() {
  if (!bins) return;
  const focus = tally(visible.anytime);
  const ground = highlighting() ? focus : everything;
  const highest = Math.max(1, ...ground);
  const [from, to] = dated() ? [binOf(filters.from), binOf(filters.to)] : [0, bins.count];
  const inside = focus.map((sum, bin) => (bin >= from && bin < to ? sum : 0));
  byId("bars").replaceChildren(bars(ground, highest, "bar-all"), bars(inside, highest, "bar"));
  showChoice([from, to]);
}

// --- the chosen range -------------------------------------------------------------------

const choice = () => sliders.map((slider) => Number(slider.value));

function spanOf([from, to]) {
  const [first, last] = [Math.max(startOf(from), bins.first), Math.min(startOf(to) - 1, bins.last)];
  if (bins.width >= DAY || to - from === bins.count) return spanText(first, last);
  return `${timeText(startOf(from))} – ${timeText(startOf(to))}`;
}

function showChoice([from, to]) {
  const all = from === 0 && to === bins.count;
  sliders[0].value = from;
  sliders[1].value = to;
  const format = bins.width < DAY ? timeText : dayText;
  sliders[0].setAttribute("aria-valuetext", format(startOf(from)));
  sliders[1].setAttribute("aria-valuetext", format(startOf(to) - (bins.width < DAY ? 0 : 1)));
  chosen.setAttribute("x", from);
  chosen.setAttribute("width", to - from);
  chosen.classList.toggle("all", all);
  const undated = count - everything.reduce((sum, n) => sum + n, 0);
  const missing = undated ? ` · ${counted(undated, "article", "articles")} without a date` : "";
  byId("span").textContent = spanOf([from, to]) + (all ? missing : "");
  byId("all-dates").hidden = all;
}

function choose([from, to]) {
  const all = from === 0 && to === bins.count;
  setFilters(all ? { from: -Infinity, to: Infinity } : { from: startOf(from), to: startOf(to) });
}

let waiting = 0;
function chooseSoon(range) {
  showChoice(range);
  clearTimeout(waiting);
  waiting = setTimeout(() => choose(range), 90);
}

function slide(moved) {
  const [from, to] = choice();
  chooseSoon(moved === 0 ? [Math.min(from, to - 1), to] : [from, Math.max(to, from + 1)]);
}

function brush() {
  let start = -1;
  const at = ({ clientX }) => {
    const { left, width } = chart.getBoundingClientRect();
    return Math.min(bins.count - 1, Math.max(0, Math.floor(((clientX - left) / width) * bins.count)));
  };
  const range = (event) => [Math.min(start, at(event)), Math.max(start, at(event)) + 1];
  chart.addEventListener("pointerdown", (event) => {
    start = at(event);
    chart.setPointerCapture(event.pointerId);
  });
  chart.addEventListener("pointermove", (event) => start >= 0 && chooseSoon(range(event)));
  chart.addEventListener("pointerup", (event) => {
    if (start >= 0) chooseSoon(range(event));
    start = -1;
  });
  chart.addEventListener("pointercancel", () => {
    start = -1;
  });
}

export function startTimeline() {
  frame.hidden = !bins || bins.count < 2;
  if (!bins) return;
  chart.setAttribute("viewBox", `0 0 ${bins.count} 100`);
  for (const [side, slider] of sliders.entries()) {
    slider.max = bins.count;
    slider.addEventListener("input", () => slide(side));
  }
  byId("all-dates").addEventListener("click", () => choose([0, bins.count]));
  byId("first-date").textContent = dayText(bins.first);
  byId("last-date").textContent = dayText(bins.last);
  brush();
  drawTimeline();
}
