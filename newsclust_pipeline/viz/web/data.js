// The articles and stories that page_data.py packed into the page, column by column, and functions
// that format them. Times are minutes since 1970, UTC.

export const byId = (id) => document.getElementById(id);

function bytesOf(base64) {
  const packed = atob(base64);
  const bytes = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at += 1) bytes[at] = packed.charCodeAt(at);
  return bytes;
}

// Returns the text of an element that page.py deflated and encoded in base64.
export function unpack(id) {
  const stream = new Blob([bytesOf(byId(id).textContent)]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream("deflate"))).text();
}

if (!("DecompressionStream" in window)) {
  const message = "This browser is too old for the map: Chrome 123, Firefox 120 or Safari 17.5 draw it.";
  byId("map")?.replaceWith(make("p", { className: "empty", textContent: message }));
}

export const articles = JSON.parse(await unpack("articles"));
export const figure = JSON.parse(byId("figure").textContent);
export const count = articles.title.length;
export const storyCount = articles.storyTitle.length;

// Returns a column of both traces as one: the rows of articles in no story come first.
function column(name, part = (trace) => trace) {
  const all = new Float32Array(count);
  let at = 0;
  for (const trace of figure?.data ?? []) {
    const packed = part(trace)[name];
    if (!packed) continue;
    const values = packed.bdata ? new Float32Array(bytesOf(packed.bdata).buffer) : packed;
    all.set(values, at);
    at += values.length;
  }
  return all;
}

export const xs = column("x");
export const ys = column("y");
export const zs = column("z");
export const sizes = column("size", (trace) => trace.marker);

// page_data.py keeps only http(s) addresses; checked again here, where a link is made.
export function linkOf(row) {
  const url = articles.url[row];
  return /^https?:\/\//i.test(url ?? "") ? url : null;
}

// --- words --------------------------------------------------------------------------------------

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
const DAY = 1440;

function parts(minute) {
  const time = new Date(minute * 60_000);
  return [time.getUTCDate(), MONTHS[time.getUTCMonth()], time.getUTCFullYear()];
}

// Returns a day as in "24 Apr 2024", with no-break spaces.
export const dayText = (minute) => (minute == null ? "" : parts(minute).join("\u00a0"));

// Returns "24 Apr 2024, 18:05"; at midnight only the day, as feeds without times write midnight.
export function timeText(minute) {
  if (minute == null || minute % DAY === 0) return dayText(minute);
  return `${dayText(minute)}, ${new Date(minute * 60_000).toISOString().slice(11, 16)}`;
}

// Returns first and last day without repeating month or year: "24–26 Apr 2024".
export function spanText(first, last, withYear = true) {
  if (first == null && last == null) return "";
  const [from, to] = [parts(first ?? last), parts(last ?? first)];
  const same = (at) => from.slice(at).join() === to.slice(at).join();
  const end = (withYear ? to : to.slice(0, 2)).join("\u00a0");
  if (same(0)) return end;
  if (same(1)) return `${from[0]}–\u2060${end}`;
  return `${(same(2) ? from.slice(0, 2) : from).join("\u00a0")}\u00a0– ${end}`;
}

export function counted(number, one, many) {
  return `${number.toLocaleString("en")}\u00a0${number === 1 ? one : many}`;
}

// Returns a text for comparison: without case, accents and differences of width.
export function folded(text) {
  const plain = text ?? "";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  if (/^[\x00-\x7f]*$/.test(plain)) return plain.toLowerCase();
  return plain.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

// Returns a new element; text is set as textContent only, never as HTML.
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

export function later(work, wait) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, wait);
  };
}
