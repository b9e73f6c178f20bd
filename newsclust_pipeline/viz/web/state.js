// The state of the page: filters, the visible articles, the pinned article. Modules subscribe to it.

import { data } from "./data.js";
import { highlights, isFiltering, NO_FILTERS, visibleRows } from "./filters.js";
import { matcher, searchable } from "./search.js";

/** @type {import("./types").Filters} */
export const filters = { ...NO_FILTERS };
/** @type {import("./types").Visible} */
export const visible = { over: [], under: [], focus: [], anytime: [], stories: [] };
/** `pinned` is the row of the article whose card stays open, −1 for none. */
export const state = { pinned: -1 };

/** @type {((change: Partial<import("./types").Filters>) => void)[]} */
const listeners = [];
/** @param {(change: Partial<import("./types").Filters>) => void} listener */
export const onChange = (listener) => listeners.push(listener);

/** @type {((row: number) => void)[]} */
const pinListeners = [];
/** @param {(row: number) => void} listener */
export const onPin = (listener) => pinListeners.push(listener);

/** @param {Partial<import("./types").Filters>} change */
export function setFilters(change) {
  Object.assign(filters, change);
  updateVisible();
  for (const listener of listeners) listener(change);
}

export const clearFilters = () => setFilters({ ...NO_FILTERS });
export const highlighting = () => highlights(filters);
export const filtering = () => isFiltering(filters);

/** @param {number} row */
export function pin(row) {
  state.pinned = row;
  for (const listener of pinListeners) listener(row);
}

// --- search ---------------------------------------------------------------------------------------

/** @type {string[]} */
const texts = [];

/**
 * Returns the searchable texts; computes those that are still missing.
 */
function searchTexts() {
  while (texts.length < data.title.length) texts.push(searchText(texts.length));
  return texts;
}

/** @param {number} row */
function searchText(row) {
  const story = data.story[row];
  const keywords = data.storyKeywords[story] ?? [];
  return searchable([data.title[row], data.snippet[row], data.venues[data.venue[row] ?? -1], ...keywords]);
}

/**
 * Computes the searchable texts while the browser is idle, so that the first search is instant.
 */
export function prepareSearch() {
  const idle = window.requestIdleCallback ?? ((/** @type {any} */ work) => setTimeout(work, 1));
  const step = () => {
    const end = Math.min(texts.length + 2000, data.title.length);
    while (texts.length < end) texts.push(searchText(texts.length));
    if (end < data.title.length) idle(step);
  };
  idle(step);
}

export function updateVisible() {
  const matches = filters.query.trim() ? matcher(filters.query, searchTexts()) : () => true;
  Object.assign(visible, visibleRows(data, filters, matches));
}
