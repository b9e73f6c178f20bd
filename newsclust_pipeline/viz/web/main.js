// Ties it together: the map, the titles on it, the timeline, the panel and the fields above them.
// Everything shown arrives as data and is set by textContent only. <html data-ready> says that the
// map is drawn.

import { articles, byId, counted, figure, later, make } from "./data.js";
import { move, relabel, titleAt } from "./labels.js";
import { drawPanel, show, startPanel } from "./panel.js";
import {
  ANY_OUTLET, ask, asked, askNothing, light, lit, NO_OUTLET, NO_STORY, onChange, titlesForSearch,
} from "./state.js";
import { drawTimeline, startTimeline } from "./timeline.js";
import { boxOf, currentView, draw, flat, hideCard, keepShape, listen, map, paint, pan, repaint, showBox, zoom } from "./view.js";

const root = document.documentElement;
const search = byId("search");
const outlet = byId("outlet");
const noise = byId("noise");

// --- what a change does ----------------------------------------------------------------------------

let shownStory = NO_STORY;

function changed(change) {
  if (asked.story === shownStory) drawPanel();
  else showStory();
  drawTimeline();
  showFields();
  if (!figure) return;
  paint("story" in change || "query" in change ? boxInFocus() : null);
  if (flat) relabel();
}

// Shows the chosen story's articles, or the stories again, and leaves the keyboard where it was.
function showStory() {
  const left = shownStory;
  const reading = byId("chosen-story").contains(document.activeElement) || byId("list").contains(document.activeElement);
  shownStory = asked.story;
  show(shownStory === NO_STORY ? "stories" : "articles");
  if (shownStory !== NO_STORY) byId("back").focus({ preventScroll: true });
  else if (reading) document.querySelector(`[data-story="${left}"] button`)?.focus();
}

// Where what is in focus lies: the story, what was found, or all.
function boxInFocus() {
  if (asked.query && lit.focus.length) return boxOf(lit.focus);
  return articles.storyBox[asked.story] ?? articles.home;
}

function showFields() {
  if (search.value !== asked.query) search.value = asked.query;
  outlet.value = asked.outlet;
  noise.checked = asked.noise;
}

// --- the fields ------------------------------------------------------------------------------------

function fillOutlets() {
  const sums = new Map();
  for (const venue of articles.venue) sums.set(venue ?? NO_OUTLET, (sums.get(venue ?? NO_OUTLET) ?? 0) + 1);
  const names = [...sums].sort(([one, a], [other, b]) => b - a || one - other);
  for (const [venue, sum] of names) {
    const name = articles.venues[venue] ?? "No outlet named";
    outlet.append(make("option", { value: venue, textContent: `${name} (${sum.toLocaleString("en")})` }));
  }
  outlet.options[0].textContent = `All ${counted(articles.venues.length, "outlet", "outlets")}`;
  outlet.options[0].value = ANY_OUTLET;
  outlet.hidden = !articles.venues.length;
}

function listenToFields() {
  const searchSoon = later(() => ask({ query: search.value }), 160);
  search.addEventListener("input", searchSoon);
  search.addEventListener("keydown", ({ key }) => {
    if (key === "Enter") {
      ask({ query: search.value });
      show("articles");
    }
  });
  outlet.addEventListener("change", () => ask({ outlet: Number(outlet.value) }));
  noise.addEventListener("change", () => ask({ noise: noise.checked }));
  for (const id of ["clear", "reset"]) byId(id).addEventListener("click", askNothing);
  byId("back").addEventListener("click", () => ask({ story: NO_STORY }));
  for (const button of document.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => zoom(Number(button.dataset.zoom)));
  }
}

function listenToKeys() {
  const keys = {
    "+": () => zoom(0.6),
    "=": () => zoom(0.6),
    "-": () => zoom(1.6),
    0: () => showBox(articles.home),
    ArrowLeft: () => pan(-1, 0),
    ArrowRight: () => pan(1, 0),
    ArrowUp: () => pan(0, 1),
    ArrowDown: () => pan(0, -1),
  };
  map?.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") askNothing();
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
    if (event.key === "/" && !typing) {
      event.preventDefault();
      search.focus();
    }
  });
}

// --- light and dark ----------------------------------------------------------------------------------

function listenToTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const show = () => {
    byId("theme").textContent = dark() ? "Light" : "Dark";
    if (root.dataset.ready && figure) repaint();
  };
  byId("theme").addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    show();
  });
  system.addEventListener("change", show);
  show();
}

// --- the map's own events ------------------------------------------------------------------------------

// The view that an event of Plotly's tells of, while a drag or a wheel is under way.
function viewIn(told) {
  const names = ["xaxis.range[0]", "xaxis.range[1]", "yaxis.range[0]", "yaxis.range[1]"];
  return names.map((name, at) => Number(told[name] ?? currentView()[at]));
}

function listenToMap() {
  const { articleUnderPointer } = listen();
  map.on("plotly_doubleclick", askNothing);
  if (!flat) return;
  map.on("plotly_relayouting", (told) => move(viewIn(told)));
  map.on("plotly_relayout", () => move(currentView()));
  map.on("plotly_relayout", later(relabel, 120));
  new ResizeObserver(later(() => keepShape().then(relabel), 200)).observe(map);
  titlesAsButtons(articleUnderPointer);
}

// A click on a title chooses its story. The titles lie above the map and let all pass through, so
// that wheel and drag work on them; which one was meant follows from the place.
function titlesAsButtons(articleUnderPointer) {
  let down = null;
  const titled = ({ clientX, clientY }) => {
    const { left, top } = map.getBoundingClientRect();
    return articleUnderPointer() >= 0 ? NO_STORY : titleAt(clientX - left, clientY - top);
  };
  map.addEventListener("pointermove", (event) => {
    map.classList.toggle("on-title", event.buttons === 0 && titled(event) !== NO_STORY);
  }, true);
  map.addEventListener("pointerdown", (event) => {
    down = event;
  }, true);
  document.addEventListener("pointerup", (event) => {
    const still = down && Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) < 4;
    const story = still ? titled(event) : NO_STORY;
    down = null;
    if (story !== NO_STORY) ask({ story });
  }, true);
}

// --- start ---------------------------------------------------------------------------------------------

light();
fillOutlets();
startPanel();
startTimeline();
listenToFields();
listenToKeys();
listenToTheme();
onChange(changed);
if (figure) {
  await draw();
  listenToMap();
  if (flat) relabel();
  document.addEventListener("scroll", hideCard, { passive: true });
  (window.requestIdleCallback ?? setTimeout)(titlesForSearch);
}
root.dataset.ready = "true";
