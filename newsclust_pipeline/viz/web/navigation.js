// Keeps the address and the state equal: Back works, reload restores, a link opens the same view.

import { formatAddress, parseAddress } from "./address.js";
import { data } from "./data.js";
import { NO_FILTERS, NO_OUTLET, NO_STORY } from "./filters.js";
import { currentTab, onTab, show } from "./panel.js";
import { filters, onChange, onPin, pin, setFilters, state } from "./state.js";
import { onView, surface } from "./surface.js";

const root = document.documentElement;
let restoring = false;

/** @param {number} number */
const finite = (number) => (Number.isFinite(number) ? number : undefined);

/** @param {number[]} chosen @param {string[]} names */
const namesOf = (chosen, names) => chosen.map((of) => (of === NO_OUTLET ? "-" : names[of]));

/** @param {string[]} chosen @param {string[]} names */
const indices = (chosen, names) =>
  chosen.map((name) => (name === "-" ? NO_OUTLET : names.indexOf(name)))
    .filter((at, n) => at >= 0 || chosen[n] === "-");

function currentAddress() {
  return formatAddress({
    story: data.storyId[filters.story],
    article: data.id[state.pinned],
    q: filters.query.trim(),
    from: finite(filters.from),
    to: finite(filters.to),
    since: finite(filters.since),
    outlets: namesOf(filters.outlets, data.venues),
    languages: namesOf(filters.languages, data.languages),
    noise: filters.noise,
    tab: filters.story === NO_STORY && currentTab() === "articles" ? "articles" : undefined,
    view: surface()?.triple() ?? undefined,
    theme: root.dataset.theme,
  });
}

/** @param {"pushState" | "replaceState"} how */
function write(how) {
  if (restoring) return;
  const address = currentAddress();
  if (address === location.hash.slice(1)) return;
  // An empty fragment would scroll to the top if it were followed as a link; pushState does not.
  history[how](null, "", address ? `#${address}` : location.pathname + location.search);
}

/** Writes the address without a new entry in the history. */
export const writeAddress = () => write("replaceState");

function restore() {
  const address = parseAddress(location.hash);
  restoring = true;
  if (address.theme) root.dataset.theme = address.theme;
  else delete root.dataset.theme;
  const story = data.storyId.indexOf(address.story ?? "");
  setFilters({
    ...NO_FILTERS,
    story: address.story ? story : NO_STORY,
    query: address.q ?? "",
    from: address.from ?? -Infinity,
    to: address.to ?? Infinity,
    since: address.since ?? -Infinity,
    outlets: indices(address.outlets ?? [], data.venues),
    languages: indices(address.languages ?? [], data.languages),
    noise: address.noise !== false,
  });
  if (address.tab) show(address.tab);
  if (address.view) surface()?.setTriple(address.view);
  pin(address.article ? data.id.indexOf(address.article) : -1);
  restoring = false;
}

export function startNavigation() {
  if (location.hash.length > 1) restore();
  // What a reader chooses is an entry of the history; moving the map only changes the entry.
  onChange((change) => write("query" in change && !("story" in change) ? "replaceState" : "pushState"));
  onPin(() => write("pushState"));
  onTab(() => write("replaceState"));
  onView(() => write("replaceState"));
  addEventListener("popstate", restore);
  addEventListener("hashchange", () => {
    if (location.hash.slice(1) !== currentAddress()) restore();
  });
}
