/** Numbers and times as they are shown. Whatever is unknown (null) is a dash. Times are UTC, since they are event times. */

const UNKNOWN = "–";
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const parts = /** @type {const} */ ({ timeZone: "UTC", hourCycle: "h23" });
const clock = new Intl.DateTimeFormat("en-GB", { ...parts, hour: "2-digit", minute: "2-digit" });
const clockSeconds = new Intl.DateTimeFormat("en-GB", { ...parts, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayOnly = new Intl.DateTimeFormat("en-GB", { ...parts, day: "numeric", month: "short" });
const dayYear = new Intl.DateTimeFormat("en-GB", { ...parts, day: "numeric", month: "short", year: "numeric" });

/** @typedef {string | number | Date | null | undefined} Time */

/** @param {Time} time @returns {number} milliseconds since 1970, NaN if there is none */
export function ms(time) {
  return time === null || time === undefined ? NaN : new Date(time).getTime();
}

/** @param {Time} time @param {Intl.DateTimeFormat} form */
function written(time, form) {
  const at = ms(time);
  return Number.isNaN(at) ? UNKNOWN : form.format(at);
}

/** 1234 → "1,234"; above 100,000 "123.5K". @param {number | null | undefined} n */
export function count(n) {
  if (n === null || n === undefined || Number.isNaN(n)) return UNKNOWN;
  return Math.abs(n) >= 100_000 ? compact.format(n) : whole.format(n);
}

/** 0.456 → "46%". @param {number | null | undefined} x */
export function share(x) {
  return x === null || x === undefined || Number.isNaN(x) ? UNKNOWN : `${Math.round(x * 100)}%`;
}

/** 0.456 → "+0.46", with a true minus sign. @param {number | null | undefined} x @param {number} digits */
export function signed(x, digits = 2) {
  if (x === null || x === undefined || Number.isNaN(x)) return UNKNOWN;
  const text = Math.abs(x).toFixed(digits);
  if (Number(text) === 0) return text;
  return (x < 0 ? "−" : "+") + text;
}

/** How many times the usual: 2.34 → "2.3×". @param {number | null | undefined} x */
export function times(x) {
  if (x === null || x === undefined || !Number.isFinite(x)) return UNKNOWN;
  return `${x >= 9.95 ? Math.round(x) : x.toFixed(1)}×`;
}

/** "19:35" @param {Time} time */
export const hourMinute = (time) => written(time, clock);
/** "19:35:07" @param {Time} time */
export const hourMinuteSecond = (time) => written(time, clockSeconds);
/** "24 Feb" @param {Time} time */
export const day = (time) => written(time, dayOnly);
/** "24 Feb 2015" @param {Time} time */
export const date = (time) => written(time, dayYear);
/** "24 Feb 2015, 19:35" @param {Time} time */
export const dateTime = (time) => (Number.isNaN(ms(time)) ? UNKNOWN : `${date(time)}, ${hourMinute(time)}`);

/** A length of time, in milliseconds, in its largest unit or two: "45 s", "12 min", "3 h 20 min", "2 days". @param {number} length */
export function duration(length) {
  if (!Number.isFinite(length)) return UNKNOWN;
  if (length < MINUTE) return `${Math.max(0, Math.round(length / 1000))} s`;
  if (length < HOUR) return `${Math.round(length / MINUTE)} min`;
  if (length < DAY) {
    const minutes = Math.round((length % HOUR) / MINUTE);
    return `${Math.floor(length / HOUR)} h${minutes ? ` ${minutes} min` : ""}`;
  }
  const days = Math.round(length / DAY);
  return days < 700 ? `${whole.format(days)} ${days === 1 ? "day" : "days"}` : `${Math.round(days / 365.25)} years`;
}

/** How long before `now` (event time, that is the watermark) something was: "3 min ago". @param {Time} time @param {Time} now */
export function ago(time, now) {
  const past = ms(now) - ms(time);
  if (Number.isNaN(past)) return UNKNOWN;
  if (past > 2 * DAY) return dateTime(time);
  return past < 5000 ? "now" : `${duration(past)} ago`;
}

/** Is event time so far from the wall clock that this must be a replay? @param {Time} watermark @param {number} wall */
export function isReplay(watermark, wall = Date.now()) {
  return Math.abs(wall - ms(watermark)) > HOUR;
}

/** Brand names are as they are, but for the one that stands for no brand. @param {string} name */
export function brandName(name) {
  return name === "_other" ? "No known brand" : name;
}

/** `text` of at most `length` characters, not cut inside a surrogate pair. @param {string} text @param {number} length */
export function cut(text, length) {
  if (text.length <= length) return text;
  const high = text.charCodeAt(length - 1);
  return `${text.slice(0, high >= 0xd800 && high < 0xdc00 ? length - 1 : length)}…`;
}
