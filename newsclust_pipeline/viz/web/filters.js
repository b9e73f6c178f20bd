// What the reader has chosen, and which articles pass. Pure functions of the data and the filters.

export const NO_STORY = -1;
export const NO_OUTLET = -1;

/** @type {import("./types").Filters} */
export const NO_FILTERS = {
  story: NO_STORY,
  query: "",
  outlets: [],
  languages: [],
  from: -Infinity,
  to: Infinity,
  since: -Infinity,
  noise: true,
  selection: null,
};

/** @param {import("./types").Filters} filters */
export const hasDates = (filters) => filters.from > -Infinity || filters.to < Infinity;

/**
 * Returns whether a choice makes the other articles grey, as opposed to hiding them.
 * @param {import("./types").Filters} filters
 */
export const highlights = (filters) =>
  filters.story !== NO_STORY ||
  filters.query.trim() !== "" ||
  filters.selection !== null ||
  filters.since > -Infinity;

/** @param {import("./types").Filters} filters */
export const isFiltering = (filters) =>
  highlights(filters) ||
  hasDates(filters) ||
  filters.outlets.length > 0 ||
  filters.languages.length > 0 ||
  !filters.noise;

/**
 * Returns a test of one column: true if the row's value is among the chosen ones, or none is chosen.
 * @param {(number | null)[]} column @param {number[]} chosen
 */
function among(column, chosen) {
  const set = new Set(chosen);
  return (/** @type {number} */ row) => !set.size || set.has(column[row] ?? NO_OUTLET);
}

/**
 * Returns the rows that pass the filters.
 * @param {import("./types").PageData} data
 * @param {import("./types").Filters} filters
 * @param {(row: number) => boolean} matches test of the query
 * @returns {import("./types").Visible}
 */
export function visibleRows(data, filters, matches) {
  const first = filters.noise ? 0 : data.noise;
  const [ofOutlet, ofLanguage] = [
    among(data.venue, filters.outlets),
    among(data.language, filters.languages),
  ];
  const dated = hasDates(filters);
  const selected = filters.selection && new Set(filters.selection);
  const coloured = highlights(filters);
  /** @type {import("./types").Visible} */
  const visible = {
    over: [],
    under: [],
    focus: [],
    anytime: [],
    stories: new Array(data.storyTitle.length).fill(0),
  };
  for (let row = first; row < data.title.length; row += 1) {
    if (!ofOutlet(row) || !ofLanguage(row)) continue;
    const story = data.story[row];
    const time = data.time[row];
    const passes =
      (filters.story === NO_STORY || story === filters.story) &&
      (!selected || selected.has(row)) &&
      (filters.since === -Infinity || (data.joined[row] ?? -Infinity) >= filters.since) &&
      matches(row);
    if (passes) visible.anytime.push(row);
    if (dated && !(time != null && time >= filters.from && time < filters.to)) continue;
    if (passes) visible.focus.push(row);
    if (passes && story >= 0) visible.stories[story] += 1;
    // Without a choice, articles in no story are the background.
    if (coloured ? passes : story >= 0) visible.over.push(row);
    else visible.under.push(row);
  }
  return visible;
}

/**
 * Returns rows in the order of their time; those without a date come last.
 * @param {import("./types").PageData} data @param {number[]} rows @param {boolean} newestFirst
 */
export function byTime(data, rows, newestFirst) {
  const sign = newestFirst ? -1 : 1;
  return [...rows].sort((a, b) => {
    const [one, other] = [data.time[a], data.time[b]];
    if (one == null || other == null) return Number(one == null) - Number(other == null) || a - b;
    return sign * (one - other) || a - b;
  });
}

/**
 * Returns how often each value of a column occurs in rows, most frequent first.
 * @param {(number | null)[]} column @param {Iterable<number>} rows
 * @returns {[number, number][]}
 */
export function tally(column, rows) {
  /** @type {Map<number, number>} */
  const sums = new Map();
  for (const row of rows) {
    const value = column[row] ?? NO_OUTLET;
    sums.set(value, (sums.get(value) ?? 0) + 1);
  }
  return [...sums].sort(([one, a], [other, b]) => b - a || one - other);
}
