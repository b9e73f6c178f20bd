// Connects the map, its titles, the timeline, the panel and the fields. Text from the data is set by
// textContent only. <html data-ready> marks that the map is drawn.

import { articles, byId, counted, figure, later, make } from "./data.js";
import { move, relabel, titleAt } from "./labels.js";
import { drawPanel, show, startPanel } from "./panel.js";
import {
  ANY_OUTLET, setFilters, filters, clearFilters, updateVisible, visible, NO_OUTLET, NO_STORY, onChange, titlesForSearch,
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
  if (filters.story === shownStory) drawPanel();
  else showStory();
  drawTimeline();
  showFields();
  if (!figure) return;
  paint("story" in change || "query" in change ? boxInFocus() : null);
  if (flat) relabel();
}

// Shows the articles of the chosen story, or the stories again, and restores the keyboard focus.
function showStory() {
  const left = shownStory;
  const reading = byId("chosen-story").contains(document.activeElement) || byId("list").contains(document.activeElement);
  shownStory = filters.story;
  show(shownStory === NO_STORY ? "stories" : "articles");
  if (shownStory !== NO_STORY) byId("back").focus({ preventScroll: true });
  else if (reading) document.querySelector(`[data-story="${left}"] button`)?.focus();
}

// Returns the box to zoom to: the story, the search results, or the whole map.
function boxInFocus() {
  if (filters.query && visible.focus.length) return boxOf(visible.focus);
  return articles.storyBox[filters.story] ?? articles.home;
}

function showFields() {
  if (search.value !== filters.query) search.value = filters.query;
  outlet.value = filters.outlet;
  noise.checked = filters.noise;
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
  const searchSoon = later(() => setFilters({ query: search.value }), 160);
  search.addEventListener("input", searchSoon);
  search.addEventListener("keydown", ({ key }) => {
    if (key === "Enter") {
      setFilters({ query: search.value });
      show("articles");
    }
  });
  outlet.addEventListener("change", () => setFilters({ outlet: Number(outlet.value) }));
  noise.addEventListener("change", () => setFilters({ noise: noise.checked }));
  for (const id of ["clear", "reset"]) byId(id).addEventListener("click", clearFilters);
  byId("back").addEventListener("click", () => setFilters({ story: NO_STORY }));
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
    if (event.key === "Escape") clearFilters();
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

// Returns the view in a Plotly event during a drag or a wheel turn.
function viewIn(update) {
  const names = ["xaxis.range[0]", "xaxis.range[1]", "yaxis.range[0]", "yaxis.range[1]"];
  return names.map((name, at) => Number(update[name] ?? currentView()[at]));
}

function listenToMap() {
  const { articleUnderPointer } = listen();
  map.on("plotly_doubleclick", clearFilters);
  if (!flat) return;
  map.on("plotly_relayouting", (update) => move(viewIn(update)));
  map.on("plotly_relayout", () => move(currentView()));
  map.on("plotly_relayout", later(relabel, 120));
  new ResizeObserver(later(() => keepShape().then(relabel), 200)).observe(map);
  titlesAsButtons(articleUnderPointer);
}

// A click on a title chooses its story. Titles let pointer events pass to the map beneath, so that
// wheel and drag work on them; the title is found by its position.
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
    if (story !== NO_STORY) setFilters({ story });
  }, true);
}

// --- start ---------------------------------------------------------------------------------------------

updateVisible();
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
