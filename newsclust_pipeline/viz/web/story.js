// What the panel shows of one story: what it is about, who reported it, and what became of it.

import { byId, count, data, make, setColour } from "./data.js";
import { NO_OUTLET, NO_STORY, tally } from "./filters.js";
import { filters, setFilters } from "./state.js";
import { counted, dayText, languageName, spanText, timeText } from "./text.js";

const OUTLETS = 12; // most outlets listed with counts

/**
 * Returns the events of the newest run in a few words: "new", "+5", "merged".
 * @param {number} story
 */
export function changeOf(story) {
  const [newest] = data.runs;
  const events = (data.storyEvents[story] ?? []).filter(([at]) => at === newest);
  return events.map(([, event, before, after]) => {
    if (event === "born") return "new";
    if (event === "grown") return `+${after - before}`;
    if (event === "shrunk") return `−${before - after}`;
    return event === "continued" ? "" : event;
  }).filter(Boolean).join(" · ");
}

/** @param {import("./types").StoryEvent} event */
function eventText([at, event, before, after, other]) {
  const quoted = other ? ` “${other}”` : " another story";
  const words = {
    born: `new, ${counted(after, "article", "articles")}`,
    grown: `grew from ${before} to ${counted(after, "article", "articles")}`,
    shrunk: `shrank from ${before} to ${counted(after, "article", "articles")}`,
    split: `split off from${quoted}`,
    merged: `took in${quoted}`,
    ended: "ended",
    continued: "continued",
  }[event] ?? event;
  return `${timeText(at)}: ${words}`;
}

/** @param {number} story */
function rowsOf(story) {
  const rows = [];
  for (let row = data.noise; row < count; row += 1) if (data.story[row] === story) rows.push(row);
  return rows;
}

/** @param {number} story @param {number[]} rows */
function aboutText(story, rows) {
  const [size, outlets, copies] = [data.storySize[story], data.storyOutlets[story], data.storyCopies[story]];
  const languages = tally(data.language, rows).filter(([of]) => of >= 0).map(([of]) => languageName(data.languages[of]));
  return [
    data.storyKind[story] === "column" ? "recurring column" : "",
    counted(size, "article", "articles"),
    copies && copies > size ? `${copies.toLocaleString("en")} with copies` : "",
    outlets ? counted(outlets, "outlet", "outlets") : "",
    spanText(data.storyFirst[story], data.storyLast[story]),
    languages.length > 1 ? languages.join(", ") : "",
  ].filter(Boolean).join(" · ");
}

/** @param {number[]} rows */
function firstReport(rows) {
  const dated = rows.filter((row) => data.time[row] != null && data.venue[row] != null);
  if (!dated.length || data.venues.length < 2) return "";
  const first = dated.reduce((best, row) => (Number(data.time[row]) < Number(data.time[best]) ? row : best));
  return `First reported by ${data.venues[data.venue[first] ?? 0]}, ${timeText(data.time[first])}.`;
}

/** @param {number[]} rows */
function outletButtons(rows) {
  const counts = tally(data.venue, rows).filter(([venue]) => venue !== NO_OUTLET);
  const shown = counts.slice(0, OUTLETS).map(([venue, sum]) => {
    const name = make("bdi", { textContent: data.venues[venue] });
    const button = make("button", { type: "button", className: "chip" }, name, ` ${sum.toLocaleString("en")}`);
    button.setAttribute("aria-pressed", String(filters.outlets.includes(venue)));
    button.addEventListener("click", () => {
      const others = filters.outlets.filter((of) => of !== venue);
      setFilters({ outlets: others.length < filters.outlets.length ? others : [...others, venue] });
    });
    return make("li", {}, button);
  });
  const rest = counts.length - shown.length;
  return rest > 0 ? [...shown, make("li", { className: "more", textContent: `and ${rest} more` })] : shown;
}

/** @param {number} story */
function keywordButtons(story) {
  return data.storyKeywords[story].map((word) => {
    const button = make("button", { type: "button", className: "chip" }, make("bdi", { textContent: word }));
    button.addEventListener("click", () => setFilters({ story: NO_STORY, query: word }));
    return make("li", {}, button);
  });
}

/**
 * Returns a strip of a story's life: one bar of its size per run, newest right.
 * @param {number} story
 */
function lifeStrip(story) {
  const events = data.storyEvents[story] ?? [];
  const highest = Math.max(1, ...events.map(([, , , after]) => after));
  return events.slice(-40).map(([at, event, , after]) => {
    const bar = make("i", { className: `life life-${event}`, title: `${dayText(at)}: ${after}` });
    bar.style.height = `${Math.max(12, (after / highest) * 100)}%`;
    return bar;
  });
}

export function showStory() {
  const { story } = filters;
  const box = byId("chosen-story");
  box.hidden = story === NO_STORY;
  if (box.hidden) return;
  const rows = rowsOf(story);
  byId("chosen-title").textContent = data.storyTitle[story];
  setColour(byId("chosen-dot"), story);
  byId("chosen-about").textContent = aboutText(story, rows);
  byId("chosen-lead").textContent = data.storyLead[story] ?? "";
  byId("chosen-first").textContent = firstReport(rows);
  byId("chosen-keywords").replaceChildren(...keywordButtons(story));
  byId("chosen-outlets").replaceChildren(...outletButtons(rows));
  const events = data.storyEvents[story] ?? [];
  byId("chosen-history").hidden = !events.length;
  byId("chosen-life").replaceChildren(...lifeStrip(story));
  byId("chosen-events").replaceChildren(
    ...events.filter(([, event]) => event !== "continued").slice(-8).reverse()
      .map((event) => make("li", { textContent: eventText(event) })));
}
