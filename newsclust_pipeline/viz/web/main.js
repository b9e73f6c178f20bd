// Connects the map, the timeline, the panel, the filters and the address. Text from the data is set by
// textContent only. <html data-ready> marks that the map is drawn.

import * as camera from "./camera.js";
import { pinNearest, startCard } from "./card.js";
import { startChoices } from "./choices.js";
import { byId, count, data, debounced, flat } from "./data.js";
import { NO_STORY } from "./filters.js";
import * as flatDrawing from "./flat.js";
import { startNavigation, writeAddress } from "./navigation.js";
import { drawPanel, show, startPanel } from "./panel.js";
import { startSharing } from "./sharing.js";
import * as spaceMap from "./space.js";
import { clearFilters, filters, onChange, onPin, pin, prepareSearch, setFilters, state, updateVisible, visible } from "./state.js";
import { setSurface, surface } from "./surface.js";
import { drawTimeline, startTimeline } from "./timeline.js";

const flatMap = { ...camera, ...flatDrawing };
const root = document.documentElement;
const search = byId("search");

// --- what a change of the filters does ---------------------------------------------------------------

let shownStory = NO_STORY;

/** @param {Partial<import("./types").Filters>} change */
function changed(change) {
  if (filters.story === shownStory) drawPanel();
  else openStory();
  drawTimeline();
  if (search.value !== filters.query) search.value = filters.query;
  byId("selection").hidden = !filters.selection;
  surface()?.paint();
  if (!("story" in change || "query" in change || "selection" in change)) return;
  const box = boxInFocus();
  if (box) surface()?.showBox(box);
  else surface()?.home();
}

/** Shows the articles of the chosen story, or the stories again, and restores the keyboard focus. */
function openStory() {
  const left = shownStory;
  const active = document.activeElement;
  const reading = byId("chosen-story").contains(active) || byId("list").contains(active);
  shownStory = filters.story;
  show(shownStory === NO_STORY ? "stories" : "articles");
  if (shownStory !== NO_STORY) byId("back").focus({ preventScroll: true });
  else if (reading) /** @type {any} */ (document.querySelector(`[data-story="${left}"] button`))?.focus();
}

/** Returns the box to zoom to: the story or the search results; null for the whole map. */
function boxInFocus() {
  const chosen = filters.query || filters.selection;
  if (chosen && visible.focus.length) return (flat ? flatMap : spaceMap).boxAround(visible.focus);
  return data.storyBox[filters.story] ?? null;
}

// --- fields and keys -----------------------------------------------------------------------------------

function listenToFields() {
  const searchSoon = debounced(() => setFilters({ query: search.value }), 120);
  search.addEventListener("input", searchSoon);
  search.addEventListener("keydown", (/** @type {KeyboardEvent} */ { key }) => {
    if (key !== "Enter") return;
    setFilters({ query: search.value });
    show("articles");
  });
  for (const id of ["clear", "reset"]) byId(id).addEventListener("click", reset);
  byId("selection").addEventListener("click", () => setFilters({ selection: null }));
  byId("back").addEventListener("click", () => setFilters({ story: NO_STORY }));
  byId("all").addEventListener("click", () => surface()?.showBox(data.full));
  for (const button of /** @type {any} */ (document.querySelectorAll("[data-zoom]"))) {
    button.addEventListener("click", () => surface()?.zoom(Number(button.dataset.zoom)));
  }
  for (const button of /** @type {any} */ (document.querySelectorAll("[data-mode]"))) {
    button.hidden = !flat;
    button.addEventListener("click", () => setMode(button.dataset.mode));
  }
}

/** @param {"pan" | "box" | "lasso"} mode */
function setMode(mode) {
  flatMap.setMode(mode);
  for (const button of /** @type {any} */ (document.querySelectorAll("button[data-mode]"))) {
    button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
  }
}

function reset() {
  pin(-1);
  clearFilters();
}

/** Takes back one step: the card, the outline, then the filters. */
function stepBack() {
  if (state.pinned >= 0) pin(-1);
  else reset();
}

function listenToKeys() {
  /** @type {Record<string, () => void>} */
  const keys = {
    "+": () => surface()?.zoom(0.6),
    "=": () => surface()?.zoom(0.6),
    "-": () => surface()?.zoom(1.6),
    0: () => surface()?.home(),
    ArrowLeft: () => surface()?.pan(-1, 0),
    ArrowRight: () => surface()?.pan(1, 0),
    ArrowUp: () => surface()?.pan(0, 1),
    ArrowDown: () => surface()?.pan(0, -1),
    Enter: pinNearest,
  };
  byId("map")?.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    keys[event.key]();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") stepBack();
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(/** @type {Element} */ (event.target).tagName);
    if (event.key === "/" && !typing) {
      event.preventDefault();
      search.focus();
    }
  });
}

// --- light and dark ------------------------------------------------------------------------------------

function listenToTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const dark = () => (root.dataset.theme ?? (system.matches ? "dark" : "light")) === "dark";
  const display = () => {
    byId("theme").textContent = dark() ? "Light" : "Dark";
    surface()?.repaint();
  };
  byId("theme").addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    writeAddress();
  });
  new MutationObserver(display).observe(root, { attributes: true, attributeFilter: ["data-theme"] });
  system.addEventListener("change", display);
  display();
}

// --- start -----------------------------------------------------------------------------------------------

/** @type {[number, number, number] | null} */
let viewBeforePrint = null;
/**
 * Draws the whole map in the shape of the printed page, and the view of before after printing.
 * @param {boolean} printing
 */
function redrawForPrint(printing) {
  if (surface() && flat) flatMap.drawWhole(printing, viewBeforePrint);
}

updateVisible();
startPanel();
startTimeline();
const showChoices = startChoices();
listenToFields();
listenToKeys();
onChange(changed);
onChange(showChoices);
startCard();
startSharing(() => {
  viewBeforePrint = surface()?.triple() ?? null;
}, redrawForPrint);
if (count) {
  const map = flat ? flatMap : spaceMap;
  await map.start();
  setSurface({
    triple: () => null, setTriple: () => {}, pixelOf: () => null, nearestToCentre: () => -1, point: () => {},
    ...map,
  });
  map.paint();
  onPin(() => flat && flatMap.draw());
  prepareSearch();
}
listenToTheme();
startNavigation();
// For tests, and for pages that embed the map.
Object.assign(window, {
  newsclustMap: {
    view: () => surface()?.triple() ?? null,
    over: () => visible.over,
    under: () => visible.under,
    focus: () => visible.focus,
    pixelOf: (/** @type {number} */ row) => surface()?.pixelOf(row) ?? null,
    titles: () => data.title,
    box: () => (flat && count ? flatMap.boxInView() : null),
    colourOf: (/** @type {number} */ row) => flatMap.colourOf(row),
  },
});
root.dataset.ready = "true";
