// What the page knows: the articles and stories that page.py packed into it, column by column, and
// how they are told. Times are minutes since 1970, UTC.

export const byId = (id) => document.getElementById(id);

function bytesOf(base64) {
  const packed = atob(base64);
  const bytes = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at += 1) bytes[at] = packed.charCodeAt(at);
  return bytes;
}

// The text behind an element's base64, deflated by page.py.
export function unpack(id) {
  const stream = new Blob([bytesOf(byId(id).textContent)]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream("deflate"))).text();
}

if (!("DecompressionStream" in window)) {
  const said = "This browser is too old for the map: Chrome 123, Firefox 120 or Safari 17.5 draw it.";
  byId("map")?.replaceWith(make("p", { className: "empty", textContent: said }));
}

export const articles = JSON.parse(await unpack("articles"));
export const figure = JSON.parse(byId("figure").textContent);
export const count = articles.title.length;
export const storyCount = articles.storyTitle.length;

// A column of both traces, one behind the other: rows are first those in no story.
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

// page.py lets only http(s) through; asked again here, because this is where it would hurt.
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

// As in "24 Apr 2024", with spaces that don't break.
export const dayText = (minute) => (minute == null ? "" : parts(minute).join("\u00a0"));

// As in "24 Apr 2024, 18:05"; midnight is most often a day without a time.
export function timeText(minute) {
  if (minute == null || minute % DAY === 0) return dayText(minute);
  return `${dayText(minute)}, ${new Date(minute * 60_000).toISOString().slice(11, 16)}`;
}

// From the first to the last day, nothing said twice: "24–26 Apr 2024".
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

// For comparison: without case, accents and differences of width.
export function folded(text) {
  const plain = text ?? "";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  if (/^[\x00-\x7f]*$/.test(plain)) return plain.toLowerCase();
  return plain.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

// An element with properties; text only ever arrives as textContent.
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
