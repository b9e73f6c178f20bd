// The page's state as the fragment of its address: #story=s12&q=flood&view=1.5,-2,3.2

import { DAY } from "./text.js";

/** @param {number} minute */
function timestamp(minute) {
  const text = new Date(minute * 60_000).toISOString();
  return minute % DAY === 0 ? text.slice(0, 10) : text.slice(0, 16);
}

/** @param {string | null} text @returns {number | undefined} */
function minutes(text) {
  const match = /^\d{4}-\d\d-\d\d(T\d\d:\d\d)?$/.test(text ?? "");
  const time = match ? Date.parse(`${text}${text?.includes("T") ? "Z" : "T00:00Z"}`) : Number.NaN;
  return Number.isNaN(time) ? undefined : time / 60_000;
}

/** @param {number} number */
const short = (number) => String(Number(number.toPrecision(6)));

/**
 * Returns the fragment, without "#"; empty for a page as it opens.
 * @param {import("./types").Address} address
 */
export function formatAddress(address) {
  const parameters = new URLSearchParams();
  const { story, article, q, from, to, since, outlets = [], languages = [], noise, tab } = address;
  if (story) parameters.append("story", story);
  if (article) parameters.append("article", article);
  if (q) parameters.append("q", q);
  if (from !== undefined) parameters.append("from", timestamp(from));
  if (to !== undefined) parameters.append("to", timestamp(to));
  if (since !== undefined) parameters.append("since", timestamp(since));
  for (const outlet of outlets) parameters.append("outlet", outlet);
  for (const language of languages) parameters.append("language", language);
  if (noise === false) parameters.append("noise", "0");
  if (tab) parameters.append("tab", tab);
  if (address.view) parameters.append("view", address.view.map(short).join(","));
  if (address.theme) parameters.append("theme", address.theme);
  return parameters.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
}

/**
 * Returns the state in a fragment; parts that can't be read are left out.
 * @param {string} fragment with or without "#"
 * @returns {import("./types").Address}
 */
export function parseAddress(fragment) {
  const parameters = new URLSearchParams(fragment.replace(/^#/, ""));
  const text = (/** @type {string} */ name) => parameters.get(name) || undefined;
  const view = (parameters.get("view") ?? "").split(",").map(Number);
  const theme = text("theme");
  return {
    story: text("story"),
    article: text("article"),
    q: text("q"),
    from: minutes(parameters.get("from")),
    to: minutes(parameters.get("to")),
    since: minutes(parameters.get("since")),
    outlets: parameters.getAll("outlet"),
    languages: parameters.getAll("language"),
    noise: parameters.get("noise") !== "0",
    tab: text("tab") === "articles" ? "articles" : undefined,
    view: view.length === 3 && view.every(Number.isFinite) && view[2] > 0
      ? [view[0], view[1], view[2]] : undefined,
    theme: theme === "light" || theme === "dark" ? theme : undefined,
  };
}
