// The articles and stories that page_data.py packed into the page, and helpers for the document.

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/** @param {string} base64 */
function bytesOf(base64) {
  const packed = atob(base64);
  const bytes = new Uint8Array(packed.length);
  for (let at = 0; at < packed.length; at += 1) bytes[at] = packed.charCodeAt(at);
  return bytes;
}

/**
 * Returns the text of an element that page.py deflated and encoded in base64.
 * @param {string} id
 */
export function unpack(id) {
  const stream = new Blob([bytesOf(byId(id).textContent)]).stream();
  return new Response(stream.pipeThrough(new DecompressionStream("deflate"))).text();
}

/**
 * Returns a new element; text is set as textContent only, never as HTML.
 * @param {string} tag @param {Record<string, unknown>} properties @param {(string | Node)[]} children
 * @returns {any}
 */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/**
 * Returns a function that runs `work` once, some milliseconds after its last call.
 * @param {() => void} work @param {number} wait
 */
export function debounced(work, wait) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, wait);
  };
}

if (!("DecompressionStream" in window)) {
  const message = "This browser is too old for the map: it needs Chrome 123, Firefox 120 or Safari 17.5.";
  byId("map")?.replaceWith(make("p", { className: "empty", textContent: message }));
}

/** @type {import("./types").PageData} */
export const data = JSON.parse(await unpack("data"));
for (const axis of /** @type {("x" | "y" | "z")[]} */ (["x", "y", "z"])) {
  data[axis] = new Float32Array(bytesOf(/** @type {any} */ (data[axis])).buffer);
}
data.similar = new Int32Array(bytesOf(/** @type {any} */ (data.similar)).buffer);

export const count = data.title.length;
export const storyCount = data.storyTitle.length;
export const flat = data.home.length === 2;

const SIMILAR = count ? data.similar.length / count : 0;

/**
 * Returns the rows of the articles most similar to one, nearest first.
 * @param {number} row
 */
export const similarTo = (row) =>
  [...data.similar.subarray(row * SIMILAR, (row + 1) * SIMILAR)].filter((other) => other >= 0);

/** @param {number} row */
export const outletOf = (row) => data.venues[data.venue[row] ?? -1] ?? "";

/**
 * Returns the address of an article. page_data.py keeps only http(s) addresses; they are checked
 * again here, where a link is made.
 * @param {number} row
 */
export function linkOf(row) {
  const url = data.url[row];
  return url && /^https?:\/\//i.test(url) ? url : null;
}

/**
 * Returns the dot of a story's colour.
 * @param {number} story
 */
export function dotOf(story) {
  const dot = make("i", { className: "dot" });
  setColour(dot, story);
  return dot;
}

/** @param {HTMLElement} element @param {number} story */
export function setColour(element, story) {
  const colour = data.storyColour[story];
  if (colour === undefined) element.style.removeProperty("--hue");
  else element.style.setProperty("--hue", `var(--colour-${colour})`);
}
