/** Which stretch of time, and in windows of which size. */
import { html, nothing } from "../dom.js";
import { dateTime } from "../format.js";
import { withQuery } from "../router.js";
import { RANGES, SIZES, fits } from "../windows.js";
import { choices } from "./choices.js";

/** @param {import("../router.js").Route} route @param {import("../windows.js").Span} span */
export function rangeBar(route, span) {
  const seconds = (span.to - span.from) / 1000;
  return html`<div class="range-bar">
    ${span.live ? nothing : html`<p class="zoomed">${dateTime(span.from)} – ${dateTime(span.to)}
      <a class="button" href=${withQuery(route, { from: null, to: null })}>Back to live</a></p>`}
    ${choices("Range of time", Object.keys(RANGES).map((name) => ({
      title: name,
      href: withQuery(route, { range: name, from: null, to: null, size: null }),
      chosen: span.range === name,
    })))}
    ${choices("Window size", Object.keys(SIZES).map((name) => ({
      title: name,
      href: withQuery(route, { size: name }),
      chosen: span.size === name,
      disabled: !fits(name, seconds),
      hint: fits(name, seconds) ? `Windows of ${name}` : "Too many windows for this range",
    })))}
  </div>`;
}

/** The query's change for a stretch that was dragged over. @param {CustomEvent<{from: number, to: number}>} event @param {number} step  s */
export function zoomQuery(event, step) {
  const { from, to } = event.detail;
  const whole = (/** @type {number} */ s) => new Date(Math.round(s / step) * step * 1000).toISOString();
  const [start, end] = [whole(from), whole(to)];
  return start < end ? { from: start, to: end, range: null, size: null } : null;
}
