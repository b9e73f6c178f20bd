// Words and numbers as the page shows them. Times are minutes since 1970, UTC.

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");
export const DAY = 1440;

/** @param {number} minute @returns {(string | number)[]} */
function dateParts(minute) {
  const time = new Date(minute * 60_000);
  return [time.getUTCDate(), MONTHS[time.getUTCMonth()], time.getUTCFullYear()];
}

/**
 * Returns a day as in "24 Apr 2024", with no-break spaces.
 * @param {number | null | undefined} minute
 */
export const dayText = (minute) => (minute == null ? "" : dateParts(minute).join("\u00a0"));

/**
 * Returns "24 Apr 2024, 18:05"; at midnight only the day, as feeds without times write midnight.
 * @param {number | null | undefined} minute
 */
export function timeText(minute) {
  if (minute == null || minute % DAY === 0) return dayText(minute);
  return `${dayText(minute)}, ${new Date(minute * 60_000).toISOString().slice(11, 16)}`;
}

/**
 * Returns first and last day without repeating month or year: "24–26 Apr 2024".
 * @param {number | null} first @param {number | null} last
 */
export function spanText(first, last, withYear = true) {
  const [low, high] = [first ?? last, last ?? first];
  if (low == null || high == null) return "";
  const [from, to] = [dateParts(low), dateParts(high)];
  const same = (/** @type {number} */ at) => from.slice(at).join() === to.slice(at).join();
  const end = (withYear ? to : to.slice(0, 2)).join("\u00a0");
  if (same(0)) return end;
  if (same(1)) return `${from[0]}–\u2060${end}`;
  return `${(same(2) ? from.slice(0, 2) : from).join("\u00a0")}\u00a0– ${end}`;
}

/** @param {number} number @param {string} one @param {string} many */
export function counted(number, one, many) {
  return `${number.toLocaleString("en")}\u00a0${number === 1 ? one : many}`;
}

/**
 * Returns a text for comparison: without case, accents and differences of width.
 * @param {string | null | undefined} text
 */
export function folded(text) {
  const plain = text ?? "";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII is meant
  if (/^[\x00-\x7f]*$/.test(plain)) return plain.toLowerCase();
  return plain.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/**
 * Returns the English name of a language: "French" for "fr".
 * @param {string} code
 */
export function languageName(code) {
  try {
    return new Intl.DisplayNames("en", { type: "language" }).of(code) ?? code;
  } catch {
    return code; // not the code of a language
  }
}

/**
 * Returns a headline up to its first clause if that is a good name for it, else the whole headline.
 * @param {string} headline @param {number} length most characters
 */
export function firstClause(headline, length) {
  if (headline.length <= length) return headline;
  const clause = headline.split(/ [–—-] |[:;|?!.。！？](?:\s|$)/u)[0].trim();
  return clause.length >= 12 && clause.length <= length ? clause : headline;
}

/**
 * Returns rows as CSV (RFC 4180). A leading formula sign is quoted with an apostrophe, because
 * spreadsheets would run such a cell.
 * @param {string[]} names @param {(string | number | null | undefined)[][]} rows
 */
export function toCsv(names, rows) {
  const cell = (/** @type {string | number | null | undefined} */ value) => {
    const text = String(value ?? "");
    const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return `${[names, ...rows].map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}
