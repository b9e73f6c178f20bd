// What is asked for (filters, search, a story) and which articles that leaves.

import { articles, count, folded, storyCount } from "./data.js";

export const NO_STORY = -1;
export const ANY_OUTLET = -2;
export const NO_OUTLET = -1;
export const asked = {
  story: NO_STORY,
  query: "",
  outlet: ANY_OUTLET,
  from: -Infinity,
  to: Infinity,
  noise: true,
};
const NOTHING_ASKED = { ...asked };

// Rows of articles. `over` is drawn in colour, `under` in grey beneath it; `focus` is what lists
// and counts speak of; `anytime` is the focus as it would be without a choice of dates.
export const lit = { over: [], under: [], focus: [], anytime: [], stories: [] };

export const highlighting = () => asked.story !== NO_STORY || asked.query.trim() !== "";
export const dated = () => asked.from > -Infinity || asked.to < Infinity;
export const filtering = () =>
  highlighting() || dated() || asked.outlet !== ANY_OUTLET || !asked.noise;

const listeners = [];
export const onChange = (listener) => listeners.push(listener);

export function ask(change) {
  Object.assign(asked, change);
  light();
  for (const listener of listeners) listener(change);
}

export const askNothing = () => ask({ ...NOTHING_ASKED });

// --- search ---------------------------------------------------------------------------------------

let foldedTitles = null;
export function titlesForSearch() {
  foldedTitles ??= articles.title.map(folded);
  return foldedTitles;
}

// A test for rows: every word occurs in the headline, the outlet or a keyword of the story.
function found(query) {
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

// --- what is lit ------------------------------------------------------------------------------------

function filtered() {
  const { outlet, noise } = asked;
  const first = noise ? 0 : articles.noise;
  const at = (row) => articles.venue[row] ?? NO_OUTLET;
  return (row) => row >= first && (outlet === ANY_OUTLET || at(row) === outlet);
}

function inTime() {
  const { from, to } = asked;
  if (!dated()) return () => true;
  return (row) => articles.time[row] != null && articles.time[row] >= from && articles.time[row] < to;
}

export function light() {
  const [passes, inside, hit] = [filtered(), inTime(), found(asked.query)];
  const { story } = asked;
  const chosen = highlighting();
  const kept = { over: [], under: [], focus: [], anytime: [], stories: new Array(storyCount).fill(0) };
  for (let row = 0; row < count; row += 1) {
    if (!passes(row)) continue;
    const meant = (story === NO_STORY || articles.story[row] === story) && hit(row);
    if (meant) kept.anytime.push(row);
    if (!inside(row)) continue;
    if (meant) kept.focus.push(row);
    if (meant && articles.story[row] >= 0) kept.stories[articles.story[row]] += 1;
    // With nothing chosen, what is in no story is the ground on which the others stand.
    const over = chosen ? meant : row >= articles.noise;
    (over ? kept.over : kept.under).push(row);
  }
  Object.assign(lit, kept);
}
