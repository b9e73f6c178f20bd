// The card of an article: it follows the pointer, and stays open for the article that is pinned.

import { byId, data, dotOf, linkOf, make, outletOf, similarTo } from "./data.js";
import { onPin, pin, setFilters, state } from "./state.js";
import { onHover, onView, surface } from "./surface.js";
import { timeText } from "./text.js";

const tip = byId("tip");
const card = byId("card");
const touch = matchMedia("(hover: none)");
const pointer = { x: 0, y: 0 };
/** @type {HTMLElement | null} */
let opener = null;

/** @param {number} row @param {"h2" | "p"} tag */
function contents(row, tag) {
  const story = data.story[row];
  const meta = [
    make("bdi", { className: "card-venue", textContent: outletOf(row) }),
    make("span", { className: "card-date", textContent: timeText(data.time[row]) }),
  ];
  const copies = data.copies[row] > 1 ? `${data.copies[row].toLocaleString("en")} copies` : "";
  const notes = [copies, data.suspect[row] ? "The date may be wrong" : ""].filter(Boolean).join(" · ");
  const name = make("bdi", { textContent: data.storyTitle[story] ?? "In no story" });
  return {
    meta: make("p", { className: "card-meta" }, ...meta),
    title: make(tag, { className: "card-title", dir: "auto", textContent: data.title[row] ?? "" }),
    snippet: make("p", { className: "card-snippet", dir: "auto", textContent: data.snippet[row] ?? "" }),
    notes: make("p", { className: "card-notes", textContent: notes }),
    story: [dotOf(story), name],
  };
}

// --- under the pointer --------------------------------------------------------------------------------

/** @param {number} row */
function showTip(row) {
  tip.hidden = row < 0 || row === state.pinned || touch.matches;
  if (tip.hidden) return;
  const { meta, title, snippet, notes, story } = contents(row, "p");
  tip.replaceChildren(meta, title, snippet, make("p", { className: "card-story" }, ...story), notes);
  placeTip();
}

/** Places the card beside the pointer, on the side that has space. */
function placeTip() {
  const { width, height } = tip.getBoundingClientRect();
  const gap = 16;
  const right = pointer.x + gap + width < innerWidth - 8;
  const left = right ? pointer.x + gap : Math.max(8, pointer.x - gap - width);
  const below = pointer.y + gap + height < innerHeight - 8;
  const top = below ? pointer.y + gap : Math.max(8, pointer.y - gap - height);
  tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}

// --- pinned -------------------------------------------------------------------------------------------

/** @param {number} row */
function similarItem(row) {
  const title = make("bdi", { className: "similar-title", textContent: data.title[row] ?? "" });
  const about = [outletOf(row), timeText(data.time[row])].filter(Boolean).join(" · ");
  const button = make("button", { type: "button" }, dotOf(data.story[row]),
    make("span", {}, title, make("bdi", { className: "about", textContent: about })));
  button.addEventListener("click", () => pin(row));
  for (const kind of ["pointerenter", "focus"]) button.addEventListener(kind, () => surface()?.point([row]));
  for (const kind of ["pointerleave", "blur"]) button.addEventListener(kind, () => surface()?.point([]));
  return make("li", {}, button);
}

/** @param {number} row */
function showPinned(row) {
  tip.hidden = true;
  if (row >= 0 && card.hidden) opener = /** @type {HTMLElement | null} */ (document.activeElement);
  card.hidden = row < 0;
  surface()?.point([]);
  if (card.hidden) {
    if (opener?.isConnected) opener.focus({ preventScroll: true });
    return;
  }
  const { meta, title, snippet, notes, story } = contents(row, "h2");
  byId("card-body").replaceChildren(meta, title, snippet, notes);
  const link = linkOf(row);
  byId("card-link").hidden = !link;
  if (link) byId("card-link").href = link;
  else byId("card-link").removeAttribute("href");
  const button = byId("card-story");
  button.replaceChildren(...story);
  button.disabled = data.story[row] < 0;
  const similar = similarTo(row);
  byId("card-similar").hidden = !similar.length;
  byId("card-similar-list").replaceChildren(...similar.map(similarItem));
  placeCard(row);
  (link ? byId("card-link") : byId("card-close")).focus({ preventScroll: true });
}

/**
 * Places the card on the side of the map away from the article; on a phone it is a sheet below.
 * @param {number} row
 */
function placeCard(row) {
  const map = byId("map").getBoundingClientRect();
  const at = surface()?.pixelOf(row);
  const left = Boolean(at && at[0] > map.left + map.width / 2);
  // page.css uses these unless the page is narrow.
  card.style.setProperty("--x", `${left ? map.left + 8 : Math.max(8, map.right - 8 - card.offsetWidth)}px`);
  card.style.setProperty("--y", `${Math.max(8, map.top + 8)}px`);
}

export function startCard() {
  onHover(showTip);
  onPin(showPinned);
  onView(() => state.pinned >= 0 && placeCard(state.pinned));
  const close = () => pin(-1);
  byId("card-close").addEventListener("click", close);
  byId("card-story").addEventListener("click", () => {
    const story = data.story[state.pinned];
    pin(-1);
    setFilters({ story });
  });
  byId("map")?.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => {
    Object.assign(pointer, { x: event.clientX, y: event.clientY });
    if (!tip.hidden) placeTip();
  });
  document.addEventListener("scroll", () => {
    tip.hidden = true;
  }, { capture: true, passive: true });
}

/** Pins the article nearest to the middle of the map, for the keyboard. */
export function pinNearest() {
  const row = surface()?.nearestToCentre() ?? -1;
  if (row >= 0) pin(row);
}

