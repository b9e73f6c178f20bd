// The map: Plotly's two traces, the animated view, and the card of the article under the pointer.

import { articles, byId, count, figure, linkOf, sizes, timeText, unpack, xs, ys, zs } from "./data.js";
import { highlighting, visible } from "./state.js";

export const map = byId("map");
export const flat = !figure?.layout.scene;
const [UNDER, OVER] = [0, 1]; // the traces, as built by page.py
const FULL = 20_000; // articles
const CLOSEST = 0.05; // as in page.py
const touch = matchMedia("(hover: none)");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const card = byId("card");
const ring = byId("ring");

// --- colours: the style sheet owns them ----------------------------------------------------------

let palette = null;
function readPalette() {
  const probe = byId("probe");
  const colour = (name) => {
    probe.className = `dot ${name}`;
    return getComputedStyle(probe).backgroundColor;
  };
  const hues = articles.storyHue.map((hue) => `hue-${hue}`);
  const seen = new Map([...new Set(hues)].map((hue) => [hue, colour(hue)]));
  palette = {
    stories: hues.map((hue) => seen.get(hue)),
    noise: colour(""),
    found: colour("found"),
    dim: colour(flat ? "dim" : "dim-solid"),
    rim: colour("rim"),
  };
}

// --- the traces -------------------------------------------------------------------------------------

const pick = (values, rows) => Float32Array.from(rows, (row) => values[row]);

// Draws the visible articles, and zooms to a box if one is given.
export function paint(box) {
  if (!palette) readPalette();
  const both = (values) => [pick(values, visible.under), pick(values, visible.over)];
  const under = highlighting() ? palette.dim : palette.noise;
  const over = visible.over.map((row) => palette.stories[articles.story[row]] ?? palette.found);
  const update = {
    x: both(xs),
    y: both(ys),
    "marker.size": both(sizes),
    "marker.color": [under, over],
    "marker.line.color": palette.rim,
  };
  if (!flat) update.z = both(zs);
  hideCard();
  const atOnce = box && instant();
  const done = Plotly.update(map, update, atOnce ? viewUpdate(viewOf(box)) : {}, [UNDER, OVER]);
  if (box && !atOnce) showBox(box);
  return done;
}

export function repaint() {
  palette = null;
  return paint();
}

// --- the view: an array of numbers, so that it can be animated ---------------------------------
// flat: [x0, x1, y0, y1]; in space: the camera's target and eye, three numbers each.

export function currentView() {
  const { xaxis, yaxis, scene } = map.layout;
  if (flat) return [...xaxis.range, ...yaxis.range].map(Number);
  const { center, eye } = scene.camera;
  return [center.x, center.y, center.z, eye.x, eye.y, eye.z];
}

function viewUpdate([a, b, c, d, e, f]) {
  if (flat) return { "xaxis.range": [a, b], "yaxis.range": [c, d] };
  return { "scene.camera.center": { x: a, y: b, z: c }, "scene.camera.eye": { x: d, y: e, z: f } };
}

// Returns the smallest view that contains a box ([low, high] per axis), in the shape of the element.
function viewOf(box) {
  if (!flat) return cameraOn(box);
  const [[x0, x1], [y0, y1]] = box;
  const scale = Math.max((x1 - x0) / map.clientWidth, (y1 - y0) / map.clientHeight) / 2;
  const [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
  const [across, up] = [scale * map.clientWidth, scale * map.clientHeight];
  return [x - across, x + across, y - up, y + up];
}

// Plotly's camera coordinates are in sides of the cube, from its centre.
function cameraOn(box) {
  const span = articles.home[0][1] - articles.home[0][0];
  const middle = ([low, high]) => (low + high) / 2;
  const target = box.map((side, axis) => (middle(side) - middle(articles.home[axis])) / span);
  const size = Math.max(...box.map(([low, high]) => high - low)) / span;
  return [...target, ...target.map((value) => value + 0.85 * Math.max(size, 0.12))];
}

export function boxOf(rows) {
  const least = (CLOSEST * Math.max(...articles.home.map(([low, high]) => high - low))) / 2;
  return [xs, ys, zs].slice(0, articles.home.length).map((values) => {
    let [low, high] = [Infinity, -Infinity];
    for (const row of rows) {
      low = Math.min(low, values[row]);
      high = Math.max(high, values[row]);
    }
    const half = Math.max(((high - low) / 2) * 1.2, least);
    return [(low + high) / 2 - half, (low + high) / 2 + half];
  });
}

// Makes both scales equal after the element has changed its shape; the centre stays.
export function keepShape() {
  const [x0, x1, y0, y1] = currentView();
  const scale = (x1 - x0) / map.clientWidth;
  const half = (scale * map.clientHeight) / 2;
  if (Math.abs(y1 - y0 - 2 * half) < 1e-6 * half) return Promise.resolve();
  return Plotly.relayout(map, viewUpdate([x0, x1, (y0 + y1) / 2 - half, (y0 + y1) / 2 + half]));
}

// Large maps are too slow to animate, and some readers prefer reduced motion.
const instant = () => still.matches || count > FULL;

let flight = 0;
function animateTo(view) {
  cancelAnimationFrame(flight);
  const from = currentView();
  const start = performance.now();
  const length = instant() ? 0 : 380;
  const step = (now) => {
    const done = length ? Math.min(1, Math.max(0, (now - start) / length)) : 1;
    const eased = 1 - (1 - done) ** 3;
    Plotly.relayout(map, viewUpdate(from.map((value, i) => value + (view[i] - value) * eased)));
    if (done < 1) flight = requestAnimationFrame(step);
  };
  flight = requestAnimationFrame(step);
}

export const showBox = (box) => animateTo(viewOf(box));

export function zoom(factor) {
  const view = currentView();
  const [a, b, c] = view;
  const middle = flat
    ? [(a + b) / 2, (a + b) / 2, (c + view[3]) / 2, (c + view[3]) / 2]
    : [a, b, c, a, b, c];
  animateTo(view.map((value, i) => middle[i] + (value - middle[i]) * factor));
}

export function pan(right, up) {
  const view = currentView();
  const step = flat ? 0.15 * (view[1] - view[0]) : 0.05;
  const moves = flat ? [right, right, up, up] : [right, 0, up, right, 0, up];
  animateTo(view.map((value, i) => value + moves[i] * step));
}

// Returns a function from map coordinates to pixels of the map's element.
export function toScreen([x0, x1, y0, y1]) {
  const [width, height] = [map.clientWidth, map.clientHeight];
  return (x, y) => [((x - x0) / (x1 - x0)) * width, ((y1 - y) / (y1 - y0)) * height];
}

// --- the card of an article ----------------------------------------------------------------------

const pointer = { x: 0, y: 0 };
const rowOf = (point) => (point.curveNumber === UNDER ? visible.under : visible.over)[point.pointNumber];

function fillCard(row) {
  const put = (name, text) => {
    card.querySelector(name).textContent = text ?? "";
  };
  const story = articles.story[row];
  put(".card-venue", articles.venues[articles.venue[row]]);
  put(".card-date", timeText(articles.time[row]));
  put(".card-title", articles.title[row]);
  put(".card-snippet", articles.snippet[row]);
  put(".card-story bdi", articles.storyTitle[story] ?? "In no story");
  put(".card-copies", articles.copies[row] > 1 ? `${articles.copies[row]} identical copies` : "");
  card.querySelector(".dot").className = `dot hue-${articles.storyHue[story] ?? "none"}`;
  const link = card.querySelector("a");
  if (linkOf(row)) link.href = linkOf(row);
  else link.removeAttribute("href");
}

// Places the card beside the pointer, on the side that has space.
function placeCard() {
  const { width, height } = card.getBoundingClientRect();
  const gap = 16;
  const right = pointer.x + gap + width < innerWidth - 8;
  const left = right ? pointer.x + gap : Math.max(8, pointer.x - gap - width);
  const below = pointer.y + gap + height < innerHeight - 8;
  const top = below ? pointer.y + gap : Math.max(8, pointer.y - gap - height);
  card.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

function showCard(row) {
  fillCard(row);
  card.hidden = false;
  placeCard();
}

export function hideCard() {
  card.hidden = true;
}

function openArticle(row) {
  if (linkOf(row)) window.open(linkOf(row), "_blank", "noopener,noreferrer");
}

// Marks on the map the article that a list points to.
export function point(row) {
  ring.hidden = row < 0 || !map || !flat;
  if (ring.hidden) return;
  const [x, y] = toScreen(currentView())(xs[row], ys[row]);
  ring.hidden = x < 0 || y < 0 || x > map.clientWidth || y > map.clientHeight;
  ring.style.transform = `translate(${x}px, ${y}px)`;
}

// --- drawing ----------------------------------------------------------------------------------------

async function loadPlotly() {
  // The policy lists the digest of this script, so that it may run when it is added here.
  const script = document.createElement("script");
  script.textContent = await unpack("plotly");
  document.head.append(script);
}

export async function draw() {
  await loadPlotly();
  const small = map.clientWidth < 560; // a phone: smaller markers, or they cover each other
  if (small) for (let row = 0; row < count; row += 1) sizes[row] /= 1.4;
  const view = viewUpdate(viewOf(articles.home));
  if (flat) {
    figure.layout.xaxis.range = view["xaxis.range"];
    figure.layout.yaxis.range = view["yaxis.range"];
  }
  readPalette();
  await Plotly.newPlot(map, empty(figure.data), figure.layout, {
    scrollZoom: true, displayModeBar: false, doubleClick: false, responsive: true,
    plotGlPixelRatio: count > FULL ? devicePixelRatio : Math.max(devicePixelRatio, 2),
  });
  await paint();
}

// Returns the traces without points; `paint` adds them.
const empty = (traces) => traces.map(({ x, y, z, ...trace }) => ({ ...trace, x: [], y: [], ...(z && { z: [] }) }));

export function listen() {
  let under = -1; // the article under the pointer
  map.on("plotly_hover", ({ points }) => {
    under = rowOf(points[0]);
    showCard(under);
  });
  map.on("plotly_unhover", () => {
    under = -1;
    if (!touch.matches) hideCard();
  });
  map.on("plotly_relayouting", hideCard);
  map.on("plotly_relayout", () => point(-1));
  map.on("plotly_click", ({ points }) => {
    if (touch.matches) showCard(rowOf(points[0]));
    else openArticle(rowOf(points[0]));
  });
  for (const kind of ["pointermove", "pointerdown"]) {
    map.addEventListener(kind, (event) => {
      Object.assign(pointer, { x: event.clientX, y: event.clientY });
      if (!card.hidden) placeCard();
    }, true);
  }
  document.addEventListener("pointerdown", ({ target }) => {
    if (!card.contains(target)) hideCard();
  }, true);
  document.addEventListener("scroll", hideCard, { capture: true, passive: true });
  return { articleUnderPointer: () => under };
}
