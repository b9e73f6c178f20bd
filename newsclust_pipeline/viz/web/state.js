// The filters (search, outlet, dates, a story) and the articles that pass them.

import { articles, count, folded, storyCount } from "./data.js";

export const NO_STORY = -1;
export const ANY_OUTLET = -2;
export const NO_OUTLET = -1;
export const filters = {
  story: NO_STORY,
  query: "",
  outlet: ANY_OUTLET,
  from: -Infinity,
  to: Infinity,
  noise: true,
};
const NO_FILTERS = { ...filters };

// Rows of articles: `over` is drawn in colour, `under` in grey beneath it; lists and counts show
// `focus`; `anytime` is the focus without the filter of dates.
export const visible = { over: [], under: [], focus: [], anytime: [], stories: [] };

export const highlighting = () => filters.story !== NO_STORY || filters.query.trim() !== "";
export const dated = () => filters.from > -Infinity || filters.to < Infinity;
export const filtering = () =>
  highlighting() || dated() || filters.outlet !== ANY_OUTLET || !filters.noise;

const listeners = [];
export const onChange = (listener) => listeners.push(listener);

export function setFilters(change) {
  Object.assign(filters, change);
  updateVisible();
  for (const listener of listeners) listener(change);
}

export const clearFilters = () => setFilters({ ...NO_FILTERS });

// --- search ---------------------------------------------------------------------------------------

let foldedTitles = null;
export function titlesForSearch() {
  foldedTitles ??= articles.title.map(folded);
  return foldedTitles;
}

// Returns a test for rows: each word occurs in the headline, the outlet or a keyword of the story.
function matcher(query) {
  const words = folded(query).split(/\s+/).filter(Boolean);
  if (!words.length) return () => true;
  const titles = titlesForSearch();
  const tests = words.map((word) => {
    const venues = articles.venues.map((name) => folded(name).includes(word));
    const stories = articles.storyKeywords.map((all) => all.some((k) => folded(k).includes(word)));
    return (row) =>
      titles[row].includes(word) || venues[articles.venue[row]] || stories[articles.story[row]];
  });
  return (row) => tests.every((test) => test(row));
}

// --- what is visible ------------------------------------------------------------------------------------

function filtered() {
  const { outlet, noise } = filters;
  const first = noise ? 0 : articles.noise;
  const at = (row) => articles.venue[row] ?? NO_OUTLET;
  return (row) => row >= first && (outlet === ANY_OUTLET || at(row) === outlet);
}

function inTime() {
  const { from, to } = filters;
  if (!dated()) return () => true;
  return (row) => articles.time[row] != null && articles.time[row] >= from && articles.time[row] < to;
}

export function updateVisible() {
  const [passes, inside, hit] = [filtered(), inTime(), matcher(filters.query)];
  const { story } = filters;
  const chosen = highlighting();
  const next = { over: [], under: [], focus: [], anytime: [], stories: new Array(storyCount).fill(0) };
  for (let row = 0; row < count; row += 1) {
    if (!passes(row)) continue;
    const matches = (story === NO_STORY || articles.story[row] === story) && hit(row);
    if (matches) next.anytime.push(row);
    if (!inside(row)) continue;
    if (matches) next.focus.push(row);
    if (matches && articles.story[row] >= 0) next.stories[articles.story[row]] += 1;
    // Without a choice, articles in no story are the background.
    const over = chosen ? matches : row >= articles.noise;
    (over ? next.over : next.under).push(row);
  }
  Object.assign(visible, next);
}
