// The panel beside the map: the table of stories and the list of articles in focus.

import { byId, data, dotOf, linkOf, make, outletOf, storyCount } from "./data.js";
import { byTime, NO_STORY } from "./filters.js";
import { filtering, filters, onPin, pin, setFilters, state, visible } from "./state.js";
import { changeOf, showStory } from "./story.js";
import { onHover, surface } from "./surface.js";
import { counted, dayText, spanText, timeText } from "./text.js";

const CHUNK = 60; // rows at a time, more as the list is scrolled
const SVG = "http://www.w3.org/2000/svg";
const table = byId("table");
const list = byId("list");
const panel = { view: "stories", sort: { by: "rank", down: false } };

/** @type {(() => void)[]} */
const tabListeners = [];
/** @param {() => void} listener is called after the reader has chosen a tab */
export const onTab = (listener) => tabListeners.push(listener);
export const currentTab = () => panel.view;

// --- rows are added as they are needed ---------------------------------------------------------------

/** @type {WeakMap<Element, IntersectionObserver>} */
const watchers = new WeakMap();

/**
 * Adds rows in chunks: the next when the end of the list is nearly in view.
 * @param {HTMLElement} body @param {number[]} rows @param {(row: number) => HTMLElement} build
 */
function fill(body, rows, build) {
  let next = 0;
  const more = () => {
    const chunk = rows.slice(next, next + CHUNK).map(build);
    next += chunk.length;
    body.append(...chunk);
    watcher.disconnect();
    if (next < rows.length && body.lastElementChild) watcher.observe(body.lastElementChild);
  };
  watchers.get(body)?.disconnect();
  const watcher = new IntersectionObserver(
    (entries) => entries.some(({ isIntersecting }) => isIntersecting) && more(),
    { rootMargin: "600px" },
  );
  watchers.set(body, watcher);
  body.replaceChildren();
  more();
}

// --- stories ------------------------------------------------------------------------------------------

const trendOf = (/** @type {number} */ story) => data.storyTrend[story] ?? [];
const sum = (/** @type {number[]} */ values) => values.reduce((total, value) => total + value, 0);

/**
 * Returns the articles of the newest quarter of the time minus those of the quarter before.
 * @param {number} story
 */
function gain(story) {
  const trend = trendOf(story);
  const quarter = trend.length / 4;
  return sum(trend.slice(-quarter)) - sum(trend.slice(-2 * quarter, -quarter));
}

const articlesOf = (/** @type {number} */ story) => (filtering() ? visible.stories[story] : data.storySize[story]);

/** @type {Record<string, (story: number) => string | number>} */
const KEYS = {
  rank: (story) => story,
  title: (story) => data.storyTitle[story],
  size: articlesOf,
  outlets: (story) => data.storyOutlets[story] ?? 0,
  dates: (story) => data.storyFirst[story] ?? -Infinity,
  trend: gain,
};
const compare = new Intl.Collator("en", { numeric: true }).compare;

/** @param {number[]} stories */
function sorted(stories) {
  const { by, down } = panel.sort;
  const keyed = stories.map((story) => /** @type {[any, number]} */ ([KEYS[by](story), story]));
  const sign = down ? -1 : 1;
  const order = by === "title" ? compare : (/** @type {any} */ a, /** @type {any} */ b) => Number(a > b) - Number(a < b);
  keyed.sort(([a, one], [b, other]) => sign * order(a, b) || one - other);
  return keyed.map(([, story]) => story);
}

/** Returns the stories that have articles in focus. */
function storiesInFocus() {
  const all = Array.from({ length: storyCount }, (_, story) => story);
  return filtering() ? all.filter((story) => visible.stories[story]) : all;
}

/** @param {number} story */
function sparkline(story) {
  const trend = trendOf(story);
  const highest = Math.max(1, ...trend);
  const steps = trend.map((n, at) => `${at ? "L" : "M"}${at} ${(20 - (n / highest) * 18).toFixed(1)}`);
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({
    viewBox: `-0.5 0 ${Math.max(trend.length, 1)} 22`, preserveAspectRatio: "none", class: "spark",
    role: "img", "aria-label": trendText(story),
  })) svg.setAttribute(name, value);
  svg.style.setProperty("--hue", `var(--colour-${data.storyColour[story]})`);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", steps.join(""));
  svg.append(path);
  return svg;
}

/** @param {number} story */
function trendText(story) {
  const by = gain(story);
  return by > 0 ? `rising, ${by} more` : by < 0 ? `falling, ${-by} fewer` : "steady";
}

// Dates omit the year if all are of one year.
const years = new Set([...data.storyFirst, ...data.storyLast].filter((time) => time != null)
  .map((time) => dayText(time).slice(-4)));
const datesOf = (/** @type {number} */ story) => spanText(data.storyFirst[story], data.storyLast[story], years.size > 1);

/** @param {number} story */
function storyRow(story) {
  const chosen = story === filters.story;
  const title = make("bdi", { textContent: data.storyTitle[story] });
  const change = changeOf(story);
  const badge = change ? [make("span", { className: "badge", textContent: change })] : [];
  const kind = data.storyKind[story] === "column" ? [make("span", { className: "badge badge-quiet", textContent: "column" })] : [];
  const button = make("button", { type: "button", className: "story" }, dotOf(story), make("span", {}, title, ...badge, ...kind));
  button.setAttribute("aria-pressed", String(chosen));
  const cell = (/** @type {string | undefined} */ text, unit = "") => {
    const made = make("td", { textContent: text ?? "" });
    if (unit && text != null) made.dataset.unit = unit;
    return made;
  };
  const unit = (/** @type {number | null} */ n, /** @type {string} */ one, /** @type {string} */ many) => (n === 1 ? one : many);
  const [size, outlets] = [articlesOf(story), data.storyOutlets[story]];
  const row = make(
    "tr", {},
    make("td", {}, button),
    cell(size?.toLocaleString("en"), unit(size, "article", "articles")),
    cell(outlets?.toLocaleString("en"), unit(outlets, "outlet", "outlets")),
    cell(datesOf(story)),
    make("td", {}, trendOf(story).length ? sparkline(story) : ""),
  );
  row.dataset.story = story;
  row.setAttribute("aria-selected", String(chosen));
  row.addEventListener("click", () => setFilters({ story: chosen ? NO_STORY : story }));
  const mark = () => surface()?.point(visible.over.filter((of) => data.story[of] === story));
  markOn(row, mark);
  return row;
}

/** @param {HTMLElement} element @param {() => void} mark */
function markOn(element, mark) {
  for (const kind of ["pointerenter", "focusin"]) element.addEventListener(kind, mark);
  for (const kind of ["pointerleave", "focusout"]) element.addEventListener(kind, () => surface()?.point([]));
}

function showStories() {
  const stories = sorted(storiesInFocus());
  fill(table.tBodies[0], stories, storyRow);
  byId("no-stories").hidden = stories.length > 0;
  byId("no-stories").textContent = storyCount
    ? "No story has articles that match."
    : "No story so far: no articles lie close enough together.";
  table.hidden = !stories.length;
  for (const head of table.querySelectorAll("th")) {
    const by = head.dataset.by === panel.sort.by;
    if (by) head.setAttribute("aria-sort", panel.sort.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

/** Hides the columns that say nothing: no outlets, no dates, no trend. */
function hideEmptyColumns() {
  table.classList.toggle("no-outlets", !data.storyOutlets.some((n) => n) || data.venues.length < 2);
  table.classList.toggle("no-dates", !data.storyFirst.some((time) => time != null));
  table.classList.toggle("no-trend", !data.storyTrend.length);
}

// --- articles -------------------------------------------------------------------------------------------

/** @param {number} row */
function articleItem(row) {
  const text = make("bdi", { textContent: data.title[row] });
  const url = linkOf(row);
  const title = url
    ? make("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text)
    : make("span", {}, text);
  title.classList.add("headline");
  const copies = data.copies[row] > 1 ? `${data.copies[row]} copies` : "";
  const joined = filters.story >= 0 && data.joined[row] === data.runs[0] && data.runs.length > 1 ? "joined in the last run" : "";
  const venue = make("bdi", { textContent: outletOf(row) });
  const details = [timeText(data.time[row]), copies, joined].filter(Boolean).join(" · ");
  const about = make("p", { className: "about" }, venue, venue.textContent && details ? " · " : "", details);
  const locate = make("button", { type: "button", className: "locate", title: "Show on the map" }, "◎");
  locate.setAttribute("aria-label", `Show on the map: ${data.title[row]}`);
  locate.addEventListener("click", () => pin(row));
  const item = make("li", {}, dotOf(data.story[row]), make("div", {}, title, about), locate);
  item.dataset.row = row;
  item.classList.toggle("hot", row === state.pinned);
  markOn(item, () => surface()?.point([row]));
  return item;
}

function showArticles() {
  fill(list, byTime(data, visible.focus, filters.story === NO_STORY), articleItem);
  byId("no-articles").hidden = visible.focus.length > 0;
}

/**
 * Marks the row of the article or story under the pointer on the map.
 * @param {number} row
 */
function markRow(row) {
  for (const element of document.querySelectorAll(".panel .hot")) element.classList.remove("hot");
  if (row < 0) return;
  list.querySelector(`[data-row="${row}"]`)?.classList.add("hot");
  table.querySelector(`[data-story="${data.story[row]}"]`)?.classList.add("hot");
}

// --- the panel as a whole ---------------------------------------------------------------------------------

function showStatus() {
  const stories = visible.stories.filter(Boolean).length;
  const shown = data.sampled ? " on the map" : "";
  byId("status").textContent = filtering()
    ? `${counted(visible.focus.length, "article", "articles")}${shown} in ${counted(stories, "story", "stories")}`
    : "";
  byId("clear").hidden = !filtering();
}

/** @param {string} kind */
export function show(kind) {
  panel.view = kind;
  drawPanel();
  byId("panel").scrollTop = 0;
  const head = byId("panel-head"); // on a phone the page scrolls instead, beneath the map
  if (head.getBoundingClientRect().top < 0 || scrollY > 0) head.scrollIntoView();
}

export function drawPanel() {
  for (const button of /** @type {any} */ (document.querySelectorAll("[data-view]"))) {
    button.setAttribute("aria-pressed", String(button.dataset.view === panel.view));
  }
  byId("stories").hidden = panel.view !== "stories";
  byId("articles-list").hidden = panel.view !== "articles";
  surface()?.point([]);
  showStory();
  showStatus();
  if (panel.view === "stories") showStories();
  else showArticles();
}

export function startPanel() {
  for (const button of /** @type {any} */ (document.querySelectorAll("[data-view]"))) {
    button.addEventListener("click", () => {
      show(button.dataset.view);
      for (const listener of tabListeners) listener();
    });
  }
  for (const head of table.querySelectorAll("th")) {
    head.querySelector("button").addEventListener("click", () => {
      const { by } = head.dataset;
      panel.sort = { by, down: panel.sort.by === by ? !panel.sort.down : by !== "title" };
      showStories();
    });
  }
  hideEmptyColumns();
  onHover(markRow);
  onPin(markRow);
  drawPanel();
}
