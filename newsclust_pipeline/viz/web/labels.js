// Titles on the map in three levels: topics far out, stories, headlines of articles when close.

import { byId, data, make, setColour, storyCount } from "./data.js";
import { counter, holds, placeTitles } from "./placing.js";
import { filters, setFilters, pin, visible } from "./state.js";
import { firstClause } from "./text.js";
import { toScreen } from "./view.js";

const AREA_PER_TITLE = 20_000; // square pixels of map
const MAX_TITLES = 42;
const TRIED = 4; // stories tried per title that fits
const COVERED = 0.04; // share of the coloured dots in view that titles may cover
const TOPICS_BELOW = 1.6; // zoom up to which topics are named
const ARTICLES_FROM = 2.5; // zoom from which articles are named, if few are in view
const FEW_ARTICLES = 70;
const LEADING = 8; // stories with a colour of their own
const MAX_TOPICS = 7;
const HEADLINE = 64; // most characters of an article's name on the map

const layer = byId("labels");
const lines = byId("leaders");
/** @type {Map<string, { element: HTMLElement, width: number, height: number }>} */
const elements = new Map();

/**
 * @typedef {object} Label
 * @property {import("./types").Placed} box as placed
 * @property {number} x anchor in map units
 * @property {number} y
 * @property {number} dx from the anchor to the box, in pixels
 * @property {number} dy
 * @property {() => void} choose
 */
/** @type {Map<string, Label>} */
let shown = new Map();

/**
 * Returns the anchor of each story: its visible article nearest to the median position, so that a
 * story in two places is labelled at one of them.
 */
function storyAnchors() {
  /** @type {number[][]} */
  const members = Array.from({ length: storyCount }, () => []);
  for (const row of visible.over) members[data.story[row]]?.push(row);
  return members.flatMap((rows, story) => {
    if (!rows.length) return [];
    const centre = nearestToMedian(rows);
    return [{ story, rows, x: data.x[centre], y: data.y[centre] }];
  });
}

/** @param {number[]} rows */
function nearestToMedian(rows) {
  const [mx, my] = [data.x, data.y].map((values) => median(rows.map((row) => values[row])));
  const far = (/** @type {number} */ row) => (data.x[row] - mx) ** 2 + (data.y[row] - my) ** 2;
  return rows.reduce((best, row) => (far(row) < far(best) ? row : best));
}

/** @param {number[]} values */
const median = (values) => Float32Array.from(values).sort()[Math.floor(values.length / 2)];

/** @param {string} key @param {string} text @param {string} kind @param {number} story */
function element(key, text, kind, story) {
  const known = elements.get(key);
  if (known) return known;
  const title = make("p", { className: `label label-${kind}` }, make("bdi", { textContent: text }));
  setColour(title, story);
  layer.append(title);
  const made = { element: title, width: title.offsetWidth + 2, height: title.offsetHeight };
  elements.set(key, made);
  return made;
}

/** @param {number} story */
function rankOf(story) {
  const share = data.storySize[story] / Math.max(data.storySize[0], 1);
  return story < LEADING && share > 0.5 ? "large" : story < LEADING || share > 0.2 ? "middle" : "small";
}

// --- what is named at which zoom --------------------------------------------------------------------

/**
 * Returns the topics of at least three stories, unless a leading story names its topic already.
 * @param {ReturnType<typeof storyAnchors>} anchors @param {number} zoom
 */
function topics(anchors, zoom) {
  if (zoom > TOPICS_BELOW || filters.story >= 0) return [];
  /** @type {Map<number, { story: number, rows: number[], stories: number }>} */
  const members = new Map();
  for (const { story, rows } of anchors) {
    const topic = data.storyTopic[story];
    const known = members.get(topic) ?? { story, rows: [], stories: 0 };
    members.set(topic, { ...known, rows: [...known.rows, ...rows], stories: known.stories + 1 });
  }
  return [...members]
    .filter(([topic, of]) => data.topics[topic] && of.stories > 2 && of.story >= LEADING)
    .sort(([, a], [, b]) => b.rows.length - a.rows.length)
    .slice(0, MAX_TOPICS)
    .map(([topic, { story, rows }]) => {
      const centre = nearestToMedian(rows);
      return {
        key: `topic-${topic}`, text: data.topics[topic], kind: "topic", story: -1, of: story,
        x: data.x[centre], y: data.y[centre],
        choose: () => setFilters({ selection: rows }),
      };
    });
}

/** @param {ReturnType<typeof storyAnchors>} anchors */
const stories = (anchors) =>
  anchors.map(({ story, x, y }) => ({
    key: `story-${story}`, text: data.storyShort[story], kind: rankOf(story), story, x, y,
    choose: () => setFilters({ story }),
  }));

/** @param {number[]} rows in view */
const headlines = (rows) =>
  rows.map((row) => ({
    key: `article-${row}`, text: firstClause(data.title[row] ?? "", HEADLINE), kind: "article",
    story: data.story[row], x: data.x[row], y: data.y[row], choose: () => pin(row),
  })).filter(({ text }) => text && text.length <= HEADLINE * 1.6);

/**
 * @param {import("./types").View} view @param {import("./types").Size} size @param {number} zoom
 */
function namesFor(view, size, zoom) {
  const anchors = storyAnchors();
  const project = toScreen(view, size);
  const inView = (/** @type {number} */ row) => {
    const [x, y] = project(data.x[row], data.y[row]);
    return x > 0 && y > 0 && x < size.width && y < size.height;
  };
  const dots = visible.over.filter(inView);
  const groups = topics(anchors, zoom);
  const named = new Set(groups.map(({ of }) => of)); // a topic stands for its largest story
  const leading = anchors.filter(({ story }) => story < LEADING);
  const others = anchors.filter(({ story }) => story >= LEADING && !named.has(story));
  const names = [...stories(leading), ...groups, ...stories(others)];
  const close = zoom >= ARTICLES_FROM && dots.length <= FEW_ARTICLES;
  const articles = close ? headlines([...dots, ...visible.under.filter(inView).slice(0, FEW_ARTICLES)]) : [];
  const obstacles = close ? [...dots, ...visible.under.filter(inView)] : dots;
  return { names: [...names, ...articles], dots: obstacles.map((row) => project(data.x[row], data.y[row])), close };
}

/** @returns {import("./types").Rect[]} boxes that titles must not cover: the map's buttons */
function controls() {
  const stage = layer.getBoundingClientRect();
  return [...document.querySelectorAll(".stage > .over")].map((control) => {
    const { left, right, top, bottom } = control.getBoundingClientRect();
    return { left: left - stage.left, right: right - stage.left, top: top - stage.top, bottom: bottom - stage.top };
  });
}

/**
 * Chooses and places the titles for a view.
 * @param {import("./types").View} view @param {import("./types").Size} size @param {number} zoom
 */
export function relabel(view, size, zoom) {
  const { names, dots, close } = namesFor(view, size, zoom);
  const project = toScreen(view, size);
  const most = Math.min(MAX_TITLES, Math.ceil((size.width * size.height) / AREA_PER_TITLE)) * (close ? 2 : 1);
  const candidates = [];
  for (const name of names) {
    const [x, y] = project(name.x, name.y);
    if (x < 0 || y < 0 || x > size.width || y > size.height) continue;
    candidates.push({ name, anchor: { key: name.key, x, y, rank: 0 } });
    if (candidates.length >= most * TRIED) break;
  }
  const anchors = candidates.map(({ name, anchor }) => {
    const { width, height } = element(name.key, name.text, name.kind, name.story);
    return { ...anchor, width, height };
  });
  const limits = { most, budget: Math.floor(dots.length * COVERED) };
  const placed = placeTitles(anchors, size, counter(dots, size), controls(), limits);
  const byKey = new Map(candidates.map(({ name }) => [name.key, name]));
  shown = new Map(placed.map((box) => {
    const name = /** @type {NonNullable<ReturnType<typeof byKey.get>>} */ (byKey.get(box.key));
    const [px, py] = project(name.x, name.y);
    return [box.key, { box, x: name.x, y: name.y, dx: box.left - px, dy: box.top - py, choose: name.choose }];
  }));
  for (const [key, { element: title }] of elements) title.classList.toggle("on", shown.has(key));
  drawLeaders(placed);
  moveLabels(view, size);
}

/** @param {import("./types").Placed[]} placed */
function drawLeaders(placed) {
  const SVG = "http://www.w3.org/2000/svg";
  lines.replaceChildren(...placed.filter(({ leader }) => leader).map(({ key, leader }) => {
    const [x0, y0, x1, y1] = /** @type {number[]} */ (leader);
    const line = document.createElementNS(SVG, "line");
    for (const [name, value] of Object.entries({ x1: 0, y1: 0, x2: x1 - x0, y2: y1 - y0 })) {
      line.setAttribute(name, value.toFixed(1));
    }
    line.dataset.key = key;
    return line;
  }));
}

/**
 * Moves the titles with the map while it is dragged or zoomed.
 * @param {import("./types").View} view @param {import("./types").Size} size
 */
export function moveLabels(view, size) {
  const project = toScreen(view, size);
  for (const [key, { x, y, dx, dy }] of shown) {
    const [px, py] = project(x, y);
    const title = elements.get(key)?.element;
    if (title) title.style.transform = `translate(${Math.round(px + dx)}px, ${Math.round(py + dy)}px)`;
  }
  for (const line of lines.children) {
    const label = shown.get(line.dataset.key ?? "");
    if (!label) continue;
    const [px, py] = project(label.x, label.y);
    line.setAttribute("transform", `translate(${px.toFixed(1)} ${py.toFixed(1)})`);
  }
}

/**
 * Returns the title at a position of the map's element, or null.
 * @param {number} x @param {number} y
 */
export function labelAt(x, y) {
  for (const label of shown.values()) if (holds(label.box, x, y)) return label;
  return null;
}
