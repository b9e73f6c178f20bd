// Bins and ticks of the time axis. Times are minutes since 1970, UTC.

import { DAY } from "./text.js";

const MAX_BINS = 120;
const HOUR = 60;
const WIDTHS = [1, 2, 3, 6, 12].map((hours) => hours * HOUR)
  .concat([1, 2, 7, 14, 30, 60, 91, 182, 365, 730, 3650, 36500].map((days) => days * DAY));
const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/**
 * Returns the finest equal bins that cover a range, at most 120; times outside it share one bin
 * "earlier" before and one "later" behind. Dates without times get bins of whole days.
 * @param {number[]} times all times @param {[number, number]} range first and last time to resolve
 * @returns {import("./types").Bins | null} null without any time
 */
export function layOut(times, range) {
  if (!times.length) return null;
  let [first, last] = [Infinity, -Infinity];
  for (const time of times) {
    first = Math.min(first, time);
    last = Math.max(last, time);
  }
  const [from, to] = [Math.max(range[0], first), Math.min(range[1], last)];
  const least = times.every((time) => time % DAY === 0) ? DAY : HOUR;
  const fits = (/** @type {number} */ width) => width >= least && (to - from) / width < MAX_BINS - 3;
  const width = WIDTHS.find(fits) ?? (to - from) / (MAX_BINS - 4);
  const low = Math.floor(from / width) * width;
  const inner = Math.floor((to - low) / width) + 1;
  const [earlier, later] = [first < low, last >= low + inner * width];
  return { low, width, count: inner + Number(earlier) + Number(later), earlier, later, first, last };
}

/**
 * Returns the bin of a time.
 * @param {import("./types").Bins} bins @param {number} time
 */
export function binOf(bins, time) {
  const bin = Math.floor((time - bins.low) / bins.width) + Number(bins.earlier);
  return Math.min(bins.count - 1, Math.max(0, bin));
}

/**
 * Returns the time at which a bin starts. The bin "earlier" starts at −∞, and the end of the last
 * bin is ∞, so that a choice up to an end of the axis has no limit there.
 * @param {import("./types").Bins} bins @param {number} bin 0 to count
 */
export function startOf(bins, bin) {
  if (bin <= 0) return -Infinity;
  if (bin >= bins.count) return Infinity;
  return bins.low + (bin - Number(bins.earlier)) * bins.width;
}

/**
 * Returns ticks at round times: hours, days, months or years, as many as have space.
 * @param {import("./types").Bins} bins @param {number} most
 * @returns {{ at: number, text: string }[]} positions in bins
 */
export function ticks(bins, most) {
  const inner = bins.count - Number(bins.earlier) - Number(bins.later);
  const [low, high] = [bins.low, bins.low + inner * bins.width];
  const position = (/** @type {number} */ time) => (time - low) / bins.width + Number(bins.earlier);
  for (const step of [3, 6, 12].map((hours) => hours * HOUR).concat([1, 2, 7].map((n) => n * DAY))) {
    if ((high - low) / step > most) continue;
    const first = Math.ceil(low / step) * step;
    const times = Array.from({ length: Math.floor((high - first) / step) + 1 }, (_, n) => first + n * step);
    return times.filter((time) => time < high).map((time) => ({ at: position(time), text: tickText(time) }));
  }
  return calendarTicks(low, high, most).map(([time, text]) => ({ at: position(time), text }));
}

/** @param {number} time */
function tickText(time) {
  const date = new Date(time * 60_000);
  if (time % DAY) return date.toISOString().slice(11, 16);
  return `${date.getUTCDate()}\u00a0${MONTHS[date.getUTCMonth()]}`;
}

/**
 * @param {number} low @param {number} high @param {number} most
 * @returns {[number, string][]}
 */
function calendarTicks(low, high, most) {
  const months = (high - low) / (30.4 * DAY);
  const step = [1, 3, 6, 12, 24, 60, 120, 240, 600, 1200].find((n) => months / n <= most) ?? 1200;
  const year = new Date(low * 60_000).getUTCFullYear();
  /** @type {[number, string][]} */
  const found = [];
  const start = step > 12 ? Math.floor(year / (step / 12)) * (step / 12) : year;
  for (let month = 0; found.length <= most + 1; month += step) {
    const time = Date.UTC(start, month) / 60_000;
    if (time >= high) break;
    if (time < low) continue;
    const [name, of] = [MONTHS[month % 12], start + Math.floor(month / 12)];
    found.push([time, month % 12 === 0 ? String(of) : name]);
  }
  return found;
}
