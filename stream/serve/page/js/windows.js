/** Sizes of windows, ranges of time, and windows as columns that a chart draws. */
import { ms } from "./format.js";

/** @typedef {import("./types.js").Window} Window */

/** Lengths in seconds. @type {Record<string, number>} */
export const SIZES = { "1m": 60, "5m": 300, "15m": 900, "1h": 3600 };
/** @type {Record<string, number>} */
export const RANGES = { "1h": 3600, "3h": 10_800, "6h": 21_600, "24h": 86_400, "7d": 604_800 };
const MOST_WINDOWS = 750; // Narrower than a pixel or two, and more than is worth fetching again and again.
const DEFAULT_RANGE = "6h";
const MOST_AHEAD_MS = 6 * 3_600_000; // A clock that is years ahead must not move the chart there.

/**
 * @typedef {object} Span  which windows are looked at
 * @property {string} size
 * @property {string} range  a name in RANGES; "" where from and to are given
 * @property {number} from  ms; NaN before event time is known
 * @property {number} to
 * @property {boolean} live  it moves on with event time
 */

/**
 * Until when a live chart goes: the newest tweet, which lies after the watermark while its window is still open.
 * @param {number} now  event time, ms
 * @param {({latest_tweet_at: string | null} | null)[]} brands
 */
export function latestOf(now, brands) {
  return Math.max(now, ...brands.map((brand) => ms(brand?.latest_tweet_at) + 1).filter((at) => at < now + MOST_AHEAD_MS));
}

/** What an address asks for. @param {URLSearchParams} query @param {number} now  event time, ms @returns {Span} */
export function spanOf(query, now) {
  const [from, to] = [ms(query.get("from")), ms(query.get("to"))];
  const fixed = from < to;
  const range = query.get("range") ?? "";
  const name = range in RANGES ? range : DEFAULT_RANGE;
  const seconds = fixed ? (to - from) / 1000 : RANGES[name];
  const size = sizeFor(seconds, query.get("size") ?? "");
  if (fixed) return { size, range: "", from, to, live: false };
  // Whole windows, so that the left edge stands still while the newest one fills.
  const step = SIZES[size] * 1000;
  const end = Math.ceil(now / step) * step;
  return { size, range: name, from: end - seconds * 1000, to: end, live: true };
}

/** May windows of this size be shown over so many seconds? @param {string} size @param {number} seconds */
export function fits(size, seconds) {
  return seconds / SIZES[size] <= MOST_WINDOWS;
}

/** The size asked for if it fits, else the one that gives a readable chart. @param {number} seconds @param {string} asked */
function sizeFor(seconds, asked) {
  if (asked in SIZES && fits(asked, seconds)) return asked;
  const names = Object.keys(SIZES);
  return names.find((name) => seconds / SIZES[name] <= 100) ?? names[names.length - 1];
}

/** As the API wants it. @param {Span} span */
export function queryOf(span) {
  return { from: new Date(span.from).toISOString(), to: new Date(span.to).toISOString(), size: span.size };
}

/** The middle of each window of a span, in seconds. @param {Span} span */
export function middles(span) {
  const step = SIZES[span.size];
  const first = Math.floor(span.from / 1000 / step) * step;
  const number = Math.max(1, Math.min(2 * MOST_WINDOWS, Math.ceil((span.to / 1000 - first) / step)));
  return Array.from({ length: number }, (_, i) => first + (i + 0.5) * step);
}

/** For each middle its window, or null where nobody spoke. @param {Window[]} windows @param {Span} span @returns {(Window | null)[]} */
export function aligned(windows, span) {
  const step = SIZES[span.size];
  const byMiddle = new Map(windows.map((window) => [ms(window.start) / 1000 + step / 2, window]));
  return middles(span).map((at) => {
    const window = byMiddle.get(at) ?? null;
    return window && total(window) > 0 ? window : null;
  });
}

/** @param {{counts: import("./types.js").ByLabel}} window */
export function total({ counts }) {
  return counts.negative + counts.neutral + counts.positive;
}
