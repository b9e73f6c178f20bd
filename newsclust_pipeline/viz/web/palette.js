// The colours of the dots. page.css owns them, so that both schemes, the lists and the map agree.

import { byId, data } from "./data.js";
import { rgba } from "./draw.js";

/** @typedef {[number, number, number, number]} Colour */

/** @param {string} name of a custom property */
function read(name) {
  const probe = byId("probe");
  probe.style.setProperty("--hue", `var(${name})`);
  return rgba(getComputedStyle(probe).backgroundColor);
}

/**
 * Returns the colours of the current scheme: one per story, and those of other dots.
 */
export function readPalette() {
  const colours = new Map([...new Set(data.storyColour)].map((n) => [n, read(`--colour-${n}`)]));
  return {
    stories: data.storyColour.map((n) => /** @type {Colour} */ (colours.get(n))),
    noise: read("--noise"),
    found: read("--found"),
    dim: read("--dim"),
    dimSolid: read("--dim-solid"),
    rim: read("--panel"),
    accent: read("--accent"),
  };
}
