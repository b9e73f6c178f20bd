// The timeline: a histogram of dates of publication and the chosen range, set by dragging or by two
// sliders, which the keyboard moves as well. With a story chosen it shows that story's days.

import { byId, count, data, make } from "./data.js";
import { NO_STORY } from "./filters.js";
import { filters, highlighting, setFilters, visible } from "./state.js";
import { counted, DAY, dayText, spanText, timeText } from "./text.js";
import { binOf, layOut, startOf, ticks } from "./timescale.js";

const SVG = "http://www.w3.org/2000/svg";
const chart = byId("histogram");
const chosen = byId("chosen");
const sliders = [byId("from"), byId("to")];
const times = /** @type {number[]} */ (data.time.filter((time) => time != null));
const everyRow = Array.from({ length: count }, (_, row) => row);
const overview = data.timeRange && layOut(times, data.timeRange);

/** @type {import("./types").Bins | null} */
let bins = overview;
let shownStory = NO_STORY;

/** Returns the bins of a story's own days, or of the whole map. */
function binsFor(/** @type {number} */ story) {
  const [first, last] = [data.storyFirst[story], data.storyLast[story]];
  if (!overview || first == null || last == null) return overview;
  const margin = Math.max(DAY / 2, (last - first) * 0.08);
  const own = /** @type {[number, number]} */ ([first - margin, last + margin]);
  const whole = overview.last - overview.first;
  return own[1] - own[0] < whole * 0.7 ? layOut(times, own) : overview;
}

/** @param {import("./types").Bins} of @param {number[]} rows */
function tallyBins(of, rows) {
  const sums = new Array(of.count).fill(0);
  for (const row of rows) {
    const time = data.time[row];
    if (time != null) sums[binOf(of, time)] += 1;
  }
  return sums;
}

/** @param {number[]} sums @param {number} highest @param {string} kind */
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

export function drawTimeline() {
  if (!overview) return;
  if (filters.story !== shownStory) {
    shownStory = filters.story;
    bins = binsFor(shownStory);
    setAxis();
  }
  if (!bins) return;
  const focus = tallyBins(bins, visible.anytime);
  const ground = highlighting() ? focus : tallyBins(bins, everyRow);
  const inner = ground.slice(Number(bins.earlier), bins.count - Number(bins.later));
  const highest = Math.max(1, ...inner);
  const clipped = (/** @type {number[]} */ sums) => sums.map((sum) => Math.min(sum, highest));
  const [from, to] = chosenBins();
  const inside = focus.map((sum, bin) => (bin >= from && bin < to ? sum : 0));
  byId("bars").replaceChildren(
    bars(clipped(ground), highest, "bar-all"), bars(clipped(inside), highest, "bar"));
  showChoice([from, to]);
}

/** @returns {[number, number]} */
function chosenBins() {
  const of = /** @type {import("./types").Bins} */ (bins);
  const from = filters.from === -Infinity ? 0 : binOf(of, filters.from);
  const to = filters.to === Infinity ? of.count : Math.max(from + 1, binOf(of, filters.to - 1) + 1);
  return [from, to];
}

// --- the axis ---------------------------------------------------------------------------------------

function setAxis() {
  if (!bins) return;
  chart.setAttribute("viewBox", `0 0 ${bins.count} 100`);
  for (const slider of sliders) slider.max = bins.count;
  const most = Math.max(2, Math.floor(byId("timeline").clientWidth / 70));
  const { count: all, earlier, later } = bins;
  const labels = ticks(bins, most);
  const tick = (/** @type {number} */ at, /** @type {string} */ text, kind = "tick") => {
    const label = make("span", { className: kind, textContent: text });
    label.style.left = `${(at / all) * 100}%`;
    return label;
  };
  const shown = labels.filter(({ at }) => at > (earlier ? 4 : 0) * (all / 60) && at < all - (later ? all / 14 : 0));
  byId("ticks").replaceChildren(
    ...(earlier ? [tick(0, "earlier", "tick tick-first")] : []),
    ...shown.map(({ at, text }) => tick(at, text)),
    ...(later ? [tick(all, "later", "tick tick-last")] : []),
  );
  chart.style.setProperty("--earlier", String(Number(earlier)));
}

/** @param {[number, number]} range */
function rangeText([from, to]) {
  const of = /** @type {import("./types").Bins} */ (bins);
  const [low, high] = [startOf(of, from), startOf(of, to)];
  const whole = of === overview ? of : ownSpan();
  const [first, last] = [Math.max(low, whole.first), Math.min(high - 1, whole.last)];
  if (of.width >= DAY || (from === 0 && to === of.count)) return spanText(first, last);
  return `${timeText(Math.max(low, of.first))} – ${timeText(Math.min(high, of.last))}`;
}

/** Returns the first and last time of the chosen story. */
function ownSpan() {
  return { first: Number(data.storyFirst[filters.story]), last: Number(data.storyLast[filters.story]) };
}

/** @param {[number, number]} range */
function showChoice([from, to]) {
  const of = /** @type {import("./types").Bins} */ (bins);
  const all = from === 0 && to === of.count;
  sliders[0].value = from;
  sliders[1].value = to;
  const format = of.width < DAY ? timeText : dayText;
  sliders[0].setAttribute("aria-valuetext", format(Math.max(startOf(of, from), of.first)));
  sliders[1].setAttribute("aria-valuetext", format(Math.min(startOf(of, to) - (of.width < DAY ? 0 : 1), of.last)));
  chosen.setAttribute("x", from);
  chosen.setAttribute("width", to - from);
  chosen.classList.toggle("all", all);
  const undated = count - times.length;
  const missing = undated ? ` · ${counted(undated, "article", "articles")} without a date` : "";
  const own = of === overview ? "" : " · this story's days";
  byId("span").textContent = rangeText([from, to]) + (all ? own || missing : "");
  byId("all-dates").hidden = all;
}

/** @param {[number, number]} range */
function choose([from, to]) {
  const of = /** @type {import("./types").Bins} */ (bins);
  setFilters({ from: startOf(of, from), to: startOf(of, to) });
}

let waiting = 0;
/** @param {[number, number]} range */
function chooseSoon(range) {
  showChoice(range);
  clearTimeout(waiting);
  waiting = setTimeout(() => choose(range), 90);
}

/** @param {number} moved */
function slide(moved) {
  const [from, to] = sliders.map((slider) => Number(slider.value));
  chooseSoon(moved === 0 ? [Math.min(from, to - 1), to] : [from, Math.max(to, from + 1)]);
}

function brush() {
  let start = -1;
  const at = (/** @type {PointerEvent} */ { clientX }) => {
    const { left, width } = chart.getBoundingClientRect();
    const of = /** @type {import("./types").Bins} */ (bins);
    return Math.min(of.count - 1, Math.max(0, Math.floor(((clientX - left) / width) * of.count)));
  };
  const range = (/** @type {PointerEvent} */ event) =>
    /** @type {[number, number]} */ ([Math.min(start, at(event)), Math.max(start, at(event)) + 1]);
  chart.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => {
    start = at(event);
    chart.setPointerCapture(event.pointerId);
  });
  chart.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    if (start >= 0) chooseSoon(range(event));
  });
  chart.addEventListener("pointerup", (/** @type {PointerEvent} */ event) => {
    if (start >= 0) chooseSoon(range(event));
    start = -1;
  });
  chart.addEventListener("pointercancel", () => {
    start = -1;
  });
}

export function startTimeline() {
  byId("timeline").hidden = !bins || bins.count < 2;
  if (!bins) return;
  for (const [side, slider] of sliders.entries()) slider.addEventListener("input", () => slide(side));
  byId("all-dates").addEventListener("click", () => setFilters({ from: -Infinity, to: Infinity }));
  setAxis();
  new ResizeObserver(() => setAxis()).observe(byId("timeline"));
  brush();
  drawTimeline();
}
