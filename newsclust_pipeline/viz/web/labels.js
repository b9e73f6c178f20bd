// Titles of stories on the map: largest stories first, no overlap, more titles as the map zooms in.

import { articles, byId, make, storyCount, xs, ys } from "./data.js";
import { visible } from "./state.js";
import { currentView, map, toScreen } from "./view.js";

const layer = byId("labels");
const MAX_TITLES = 40;
const AREA_PER_TITLE = 20_000; // square pixels of map per title
const TRIES = 6; // stories tried per title that fits
const GAP = 5; // pixels between titles
const FAR = 30; // pixels: largest distance of a title from its story's centre
const CELL = 8; // pixels: side of the grid cells that count articles
const elements = new Map(); // story → { element, width, height }
let shown = []; // { element, x, y, dx, dy, story, box }

// Returns the anchor of each story's title: its visible article nearest to the median position (so
// that a story in two places is labelled at one of them), and the median distance around it.
function places() {
  const members = Array.from({ length: storyCount }, () => []);
  for (const row of visible.over) members[articles.story[row]]?.push(row);
  const anchors = [];
  for (const [story, rows] of members.entries()) {
    if (!rows.length) continue;
    const [mx, my] = [xs, ys].map((values) => median(rows.map((row) => values[row])));
    const far = (row) => (xs[row] - mx) ** 2 + (ys[row] - my) ** 2;
    const centre = rows.reduce((best, row) => (far(row) < far(best) ? row : best));
    const [x, y] = [xs[centre], ys[centre]];
    const rx = median(rows.map((row) => Math.abs(xs[row] - x)));
    const ry = median(rows.map((row) => Math.abs(ys[row] - y)));
    anchors.push({ story, x, y, rx, ry });
  }
  return anchors;
}

const median = (values) => Float32Array.from(values).sort()[Math.floor(values.length / 2)];

// Returns a function that counts the visible articles under a box, by the grid cells it touches.
function cover(project, width, height) {
  const across = Math.ceil(width / CELL);
  const cells = new Uint16Array(across * Math.ceil(height / CELL));
  for (const row of visible.over) {
    const [x, y] = project(xs[row], ys[row]);
    if (x >= 0 && y >= 0 && x < width && y < height) {
      cells[Math.floor(y / CELL) * across + Math.floor(x / CELL)] += 1;
    }
  }
  return (box) => {
    let sum = 0;
    for (let y = Math.floor(box.top / CELL); y * CELL < box.bottom; y += 1) {
      for (let x = Math.floor(box.left / CELL); x * CELL < box.right; x += 1) {
        sum += cells[y * across + x] ?? 0;
      }
    }
    return sum;
  };
}

// Returns the candidate boxes of a title: above, below, right, left, centred.
function boxes({ px, py, rx, ry }, { width, height }) {
  const [w, h] = [width / 2, height / 2];
  const middles = [
    [px, py - ry - h], [px, py + ry + h], [px + rx + w, py], [px - rx - w, py], [px, py],
  ];
  return middles.map(([x, y]) => ({ left: x - w, right: x + w, top: y - h, bottom: y + h }));
}

const overlap = (a, b) =>
  a.left < b.right + GAP && b.left < a.right + GAP && a.top < b.bottom + GAP && b.top < a.bottom + GAP;

function label(story) {
  if (!elements.has(story)) {
    const share = articles.storySize[story] / articles.storySize[0];
    const rank = share > 0.5 ? "large" : share > 0.2 ? "middle" : "small";
    const text = make("bdi", { textContent: articles.storyTitle[story] });
    const element = make("p", { className: `label label-${rank} hue-${articles.storyHue[story]}` }, text);
    layer.append(element);
    elements.set(story, { element, width: element.offsetWidth + 2, height: element.offsetHeight });
  }
  return elements.get(story);
}

// Returns the free candidate that hides the fewest articles, or null.
function settle(place, taken, covered, width, height) {
  if (taken.some((box) => holds(box, place.px, place.py))) return null;
  const free = boxes(place, label(place.story)).filter(
    (box) =>
      box.left >= 2 && box.top >= 2 && box.right <= width - 2 && box.bottom <= height - 2 &&
      !taken.some((other) => overlap(box, other)),
  );
  const hidden = free.map(covered);
  return free[hidden.indexOf(Math.min(...hidden))] ?? null;
}

const holds = (box, x, y) => x > box.left && x < box.right && y > box.top && y < box.bottom;

// Returns the box of the map's buttons, which titles must not cover.
function controls() {
  const [stage, { left, right, top, bottom }] = [layer, byId("controls")].map((e) => e.getBoundingClientRect());
  return { left: left - stage.left, right: right - stage.left, top: top - stage.top, bottom: bottom - stage.top };
}

export function relabel() {
  const [width, height] = [map.clientWidth, map.clientHeight];
  const view = currentView();
  const project = toScreen(view);
  const scale = width / (view[1] - view[0]);
  const covered = cover(project, width, height);
  const most = Math.min(MAX_TITLES, Math.ceil((width * height) / AREA_PER_TITLE));
  const taken = [controls()];
  let tries = most * TRIES;
  shown = [];
  for (const place of places()) {
    const [px, py] = project(place.x, place.y);
    if (px < 0 || py < 0 || px > width || py > height) continue;
    if (shown.length >= most || tries <= 0) break;
    tries -= 1;
    const [rx, ry] = [place.rx, place.ry].map((r) => Math.min(r * scale * 1.5, FAR) + 7);
    const core = { ...place, px, py, rx, ry };
    const box = settle(core, taken, covered, width, height);
    if (!box) continue;
    taken.push(box);
    shown.push({ ...place, element: elements.get(place.story).element, dx: box.left - px, dy: box.top - py, box });
  }
  const on = new Set(shown.map(({ element }) => element));
  for (const { element } of elements.values()) element.classList.toggle("on", on.has(element));
  move(view);
}

// Moves the titles with the map while it is dragged or zoomed.
export function move(view) {
  const project = toScreen(view);
  for (const { element, x, y, dx, dy } of shown) {
    const [px, py] = project(x, y);
    element.style.transform = `translate(${Math.round(px + dx)}px, ${Math.round(py + dy)}px)`;
  }
}

// Returns the story whose title is at a position of the map's element, or −1.
export function titleAt(x, y) {
  return shown.find(({ box }) => holds(box, x, y))?.story ?? -1;
}
