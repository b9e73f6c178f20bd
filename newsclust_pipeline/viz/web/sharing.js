// Getting data out: CSV, the clipboard, links, and the printed page.

import { byId, data, linkOf, make, outletOf } from "./data.js";
import { byTime } from "./filters.js";
import { visible } from "./state.js";
import { toCsv } from "./text.js";

const NAMES = ["doc_id", "title", "outlet", "published_at", "url", "story_id", "story", "copies"];

/** @param {number} row */
function record(row) {
  const story = data.story[row];
  const time = data.time[row];
  return [
    data.id[row], data.title[row], outletOf(row),
    time == null ? "" : `${new Date(time * 60_000).toISOString().slice(0, 16)}Z`,
    linkOf(row), data.storyId[story], data.storyTitle[story], data.copies[row],
  ];
}

const records = () => byTime(data, visible.focus, false).map(record);

/** Returns the articles in focus as CSV, oldest first. */
export const csv = () => toCsv(NAMES, records());

function download() {
  // The byte order mark makes spreadsheets read UTF-8.
  const address = URL.createObjectURL(new Blob(["\ufeff", csv()], { type: "text/csv" }));
  make("a", { href: address, download: "articles.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/**
 * Copies a text, and says so on the button for a moment.
 * @param {HTMLElement} button @param {string} text
 */
export async function copy(button, text) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without permission, or on a page that is not served securely.
    const field = make("textarea", { value: text });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  button.textContent = "Copied";
  setTimeout(() => {
    button.textContent = before;
  }, 1500);
}

/** Tab-separated, which spreadsheets and mail programs paste as a table. */
const tsv = () => [NAMES, ...records()]
  .map((row) => row.map((value) => String(value ?? "").replace(/\s+/g, " ")).join("\t")).join("\n");

/**
 * @param {() => void} remember keeps the view, before the page takes the shape of the printed one
 * @param {(printing: boolean) => void} redraw draws the map in the page's new shape
 */
export function startSharing(remember, redraw) {
  byId("download").addEventListener("click", download);
  byId("copy").addEventListener("click", (/** @type {any} */ { currentTarget }) => copy(currentTarget, tsv()));
  for (const button of document.querySelectorAll(".copy-link")) {
    button.addEventListener("click", () => copy(/** @type {HTMLElement} */ (button), location.href));
  }
  byId("print").addEventListener("click", () => print());
  const printing = (/** @type {boolean} */ on) => {
    if (document.documentElement.classList.contains("printing") === on) return;
    if (on) remember();
    document.documentElement.classList.toggle("printing", on);
    redraw(on);
  };
  addEventListener("beforeprint", () => printing(true));
  addEventListener("afterprint", () => printing(false));
}
