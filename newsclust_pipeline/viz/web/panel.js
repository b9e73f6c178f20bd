// The panel beside the map: the table of stories and the list of articles in focus.

import { articles, byId, counted, dayText, linkOf, make, spanText, storyCount, timeText } from "./data.js";
import { setFilters, filters, filtering, visible, NO_STORY } from "./state.js";
import { point } from "./view.js";

const CHUNK = 60; // rows at a time, more as one scrolls
const SVG = "http://www.w3.org/2000/svg";
const table = byId("table");
const list = byId("list");
let view = "stories";
let sort = { by: "size", down: true };

// --- rows come as they are needed --------------------------------------------------------------------

// Adds rows in chunks: the next when the end of the list is nearly in view.
function fill(body, rows, build) {
  let next = 0;
  const more = () => {
    const chunk = rows.slice(next, next + CHUNK).map(build);
    next += chunk.length;
    body.append(...chunk);
    watcher.disconnect();
    if (next < rows.length) watcher.observe(body.lastElementChild);
  };
  body.watcher?.disconnect();
  const watcher = new IntersectionObserver(
    (seen) => seen.some(({ isIntersecting }) => isIntersecting) && more(),
    { rootMargin: "600px" },
  );
  body.watcher = watcher;
  body.replaceChildren();
  more();
}

// --- stories ------------------------------------------------------------------------------------------

const trendOf = (story) => articles.storyTrend[story] ?? [];
const sum = (values) => values.reduce((total, value) => total + value, 0);

// Returns the articles of the newest quarter of the time minus those of the quarter before.
function gain(story) {
  const trend = trendOf(story);
  const quarter = trend.length / 4;
  return sum(trend.slice(-quarter)) - sum(trend.slice(-2 * quarter, -quarter));
}

const articlesOf = (story) => (filtering() ? visible.stories[story] : articles.storySize[story]);

const KEYS = {
  title: (story) => articles.storyTitle[story],
  size: articlesOf,
  outlets: (story) => articles.storyOutlets[story] ?? 0,
  dates: (story) => articles.storyFirst[story] ?? -Infinity,
  trend: gain,
};
const compare = new Intl.Collator("en", { numeric: true }).compare;

function sorted(stories) {
  const key = KEYS[sort.by];
  const keyed = stories.map((story) => [key(story), story]);
  const sign = sort.down ? -1 : 1;
  const order = sort.by === "title" ? compare : (a, b) => Number(a > b) - Number(a < b);
  keyed.sort(([a, one], [b, other]) => sign * order(a, b) || one - other);
  return keyed.map(([, story]) => story);
}

// Returns the stories that have articles in focus.
function storiesInFocus() {
  const all = Array.from({ length: storyCount }, (_, story) => story);
  return filtering() ? all.filter((story) => visible.stories[story]) : all;
}

function sparkline(story) {
  const trend = trendOf(story);
  const highest = Math.max(1, ...trend);
  const steps = trend.map((n, at) => `${at ? "L" : "M"}${at} ${(20 - (n / highest) * 18).toFixed(1)}`);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `-0.5 0 ${Math.max(trend.length, 1)} 22`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("class", `spark hue-${articles.storyHue[story]}`);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", trendText(story));
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", steps.join(""));
  svg.append(path);
  return svg;
}

function trendText(story) {
  const by = gain(story);
  return by > 0 ? `rising, ${by} more` : by < 0 ? `falling, ${-by} fewer` : "steady";
}

// Dates omit the year if all are of one year.
const years = new Set([...articles.storyFirst, ...articles.storyLast].filter((time) => time != null)
  .map((time) => dayText(time).slice(-4)));
const datesOf = (story) => spanText(articles.storyFirst[story], articles.storyLast[story], years.size > 1);

function storyRow(story) {
  const chosen = story === filters.story;
  const dot = make("i", { className: `dot hue-${articles.storyHue[story]}` });
  const title = make("bdi", { textContent: articles.storyTitle[story] });
  const button = make("button", { type: "button", className: "story" }, dot, title);
  button.setAttribute("aria-pressed", chosen);
  const cell = (text, unit) => {
    const made = make("td", { textContent: text ?? "" });
    if (unit && text != null) made.dataset.unit = unit;
    return made;
  };
  const unit = (n, one, many) => (n === 1 ? one : many);
  const [size, outlets] = [articlesOf(story), articles.storyOutlets[story]];
  const row = make(
    "tr", {},
    make("td", {}, button),
    cell(size?.toLocaleString("en"), unit(size, "article", "articles")),
    cell(outlets?.toLocaleString("en"), unit(outlets, "outlet", "outlets")),
    cell(datesOf(story)),
    make("td", {}, trendOf(story).length ? sparkline(story) : ""),
  );
  row.dataset.story = story;
  row.setAttribute("aria-selected", chosen);
  row.addEventListener("click", () => setFilters({ story: chosen ? NO_STORY : story }));
  return row;
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
    const by = head.dataset.by === sort.by;
    if (by) head.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

// --- articles -------------------------------------------------------------------------------------------

// Newest first; those without a date last.
function newestFirst(rows) {
  const time = (row) => articles.time[row] ?? -Infinity;
  return [...rows].sort((a, b) => (time(a) < time(b) ? 1 : time(a) > time(b) ? -1 : a - b));
}

function articleItem(row) {
  const text = make("bdi", { textContent: articles.title[row] });
  const url = linkOf(row);
  const title = url
    ? make("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, text)
    : make("span", { tabIndex: 0 }, text);
  title.classList.add("headline");
  const copies = articles.copies[row] > 1 ? `${articles.copies[row]} copies` : "";
  const venue = make("bdi", { textContent: articles.venues[articles.venue[row]] ?? "" });
  const said = [timeText(articles.time[row]), copies].filter(Boolean).join(" · ");
  const about = make("p", { className: "about" }, venue, venue.textContent && said ? " · " : "", said);
  const dot = make("i", { className: `dot hue-${articles.storyHue[articles.story[row]] ?? "none"}` });
  const item = make("li", {}, dot, make("div", {}, title, about));
  item.dataset.row = row;
  for (const kind of ["pointerenter", "focusin"]) item.addEventListener(kind, () => point(row));
  for (const kind of ["pointerleave", "focusout"]) item.addEventListener(kind, () => point(-1));
  return item;
}

function showArticles() {
  fill(list, newestFirst(visible.focus), articleItem);
  byId("no-articles").hidden = visible.focus.length > 0;
}

// --- what the panel is about ------------------------------------------------------------------------------

function showChosen() {
  const { story } = filters;
  byId("chosen-story").hidden = story === NO_STORY;
  if (story === NO_STORY) return;
  byId("chosen-title").textContent = articles.storyTitle[story];
  byId("chosen-dot").className = `dot hue-${articles.storyHue[story]}`;
  const [size, outlets, copies] = ["storySize", "storyOutlets", "storyCopies"].map((n) => articles[n][story]);
  const said = [
    counted(size, "article", "articles"),
    copies > size ? `${copies.toLocaleString("en")} with copies` : "",
    outlets == null ? "" : counted(outlets, "outlet", "outlets"),
    spanText(articles.storyFirst[story], articles.storyLast[story]),
  ];
  byId("chosen-about").textContent = said.filter(Boolean).join(" · ");
  byId("chosen-keywords").replaceChildren(
    ...articles.storyKeywords[story].map((word) => make("li", {}, make("bdi", { textContent: word }))),
  );
}

function showStatus() {
  const stories = visible.stories.filter(Boolean).length;
  const shown = articles.sampled ? " on the map" : "";
  byId("status").textContent = filtering()
    ? `${counted(visible.focus.length, "article", "articles")}${shown} in ${counted(stories, "story", "stories")}`
    : "";
  byId("clear").hidden = !filtering();
}

export function show(kind) {
  view = kind;
  drawPanel();
  byId("panel").scrollTop = 0;
  const head = byId("panel-head"); // on a phone the page scrolls instead, beneath the map
  if (head.getBoundingClientRect().top < 0 || scrollY > 0) head.scrollIntoView();
}

export function drawPanel() {
  for (const button of document.querySelectorAll("[data-view]")) {
    button.setAttribute("aria-pressed", button.dataset.view === view);
  }
  byId("stories").hidden = view !== "stories";
  byId("articles-list").hidden = view !== "articles";
  point(-1);
  showChosen();
  showStatus();
  if (view === "stories") showStories();
  else showArticles();
}

export function startPanel() {
  for (const button of document.querySelectorAll("[data-view]")) {
    button.addEventListener("click", () => show(button.dataset.view));
  }
  for (const head of table.querySelectorAll("th")) {
    head.querySelector("button").addEventListener("click", () => {
      const { by } = head.dataset;
      sort = { by, down: sort.by === by ? !sort.down : by !== "title" };
      showStories();
    });
  }
  drawPanel();
}
