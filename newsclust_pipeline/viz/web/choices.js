// The filters above the map: outlets, languages, since when, articles in no story.

import { byId, data, make } from "./data.js";
import { NO_OUTLET, tally } from "./filters.js";
import { filters, setFilters } from "./state.js";
import { counted, languageName, timeText } from "./text.js";

/**
 * A menu of values of which several can be chosen.
 * @param {string} id @param {(number | null)[]} column @param {string[]} names
 * @param {"outlets" | "languages"} filter @param {[string, string]} words one, many
 */
function createMenu(id, column, names, filter, [one, many]) {
  const menu = byId(id);
  const counts = tally(column, column.keys());
  menu.hidden = counts.length < 2;
  const boxes = counts.map(([value, sum]) => {
    const box = make("input", { type: "checkbox", value: String(value) });
    box.addEventListener("change", () =>
      setFilters({ [filter]: boxes.filter(({ checked }) => checked).map((of) => Number(of.value)) }));
    const name = value === NO_OUTLET ? `No ${one} named` : names[value];
    const label = make("label", {}, box, make("bdi", { textContent: name }), make("span", { textContent: sum.toLocaleString("en") }));
    menu.querySelector("div").append(label);
    return box;
  });
  menu.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || !menu.open) return;
    event.stopPropagation();
    menu.open = false;
    menu.querySelector("summary").focus();
  });
  document.addEventListener("pointerdown", ({ target }) => {
    if (!menu.contains(/** @type {Node} */ (target))) menu.open = false;
  }, true);
  return () => {
    const chosen = filters[filter];
    for (const box of boxes) box.checked = chosen.includes(Number(box.value));
    const total = counted(counts.filter(([value]) => value !== NO_OUTLET).length, one, many);
    const text = chosen.length === 1
      ? names[chosen[0]] ?? `No ${one} named` : chosen.length ? `${chosen.length} of ${total}` : `All ${total}`;
    menu.querySelector("summary").textContent = text;
  };
}

/** The menu of runs: what is new since each of them. */
function createSince() {
  const menu = byId("since");
  const date = byId("since-date");
  menu.hidden = data.runs.length < 2;
  menu.append(
    make("option", { value: "", textContent: "Any time of arrival" }),
    ...data.runs.slice(1, 9).map((run, at) => make("option", {
      // Articles that joined later than this run: from the next minute on.
      value: String(run + 1),
      textContent: at === 0 ? `New in the last run (since ${timeText(run)})` : `New since ${timeText(run)}`,
    })),
    make("option", { value: "date", textContent: "New since a date …" }),
  );
  menu.addEventListener("change", () => {
    date.hidden = menu.value !== "date";
    if (menu.value === "date") date.focus();
    else setFilters({ since: menu.value ? Number(menu.value) : -Infinity });
  });
  date.addEventListener("change", () => {
    const time = Date.parse(`${date.value}T00:00Z`);
    setFilters({ since: Number.isNaN(time) ? -Infinity : time / 60_000 });
  });
  return () => {
    const { since } = filters;
    const value = since === -Infinity ? "" : String(since);
    const known = [...menu.options].some((option) => option.value === value);
    menu.value = known ? value : "date";
    date.hidden = known;
    if (!known) date.value = new Date(since * 60_000).toISOString().slice(0, 10);
  };
}

/** Creates the filters, and returns a function that shows their state. */
export function startChoices() {
  const shows = [
    createMenu("outlets", data.venue, data.venues, "outlets", ["outlet", "outlets"]),
    createMenu("languages", data.language, data.languages.map(languageName), "languages", ["language", "languages"]),
    createSince(),
  ];
  const noise = byId("noise");
  noise.addEventListener("change", () => setFilters({ noise: noise.checked }));
  const show = () => {
    noise.checked = filters.noise;
    for (const each of shows) each();
  };
  show();
  return show;
}
