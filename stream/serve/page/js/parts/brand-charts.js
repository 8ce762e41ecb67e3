/** The two charts of a brand, which share their time axis and their cursor. */
import { html, nothing } from "../dom.js";
import { brandName, count, dateTime, hourMinute, ms, share } from "../format.js";
import { href } from "../router.js";
import { LABELS } from "../types.js";
import { SIZES, aligned, middles, total } from "../windows.js";
import { kindWord } from "./marks.js";

/** @typedef {import("../types.js").Window} Window */
/** @typedef {import("../types.js").Spike} Spike */
/** @typedef {import("../windows.js").Span} Span */
/** @typedef {import("../chart/element.js").ChartSpec} ChartSpec */

const SYNC = "brand";
const SHARE_HEIGHT = 270;
const VOLUME_HEIGHT = 140;
const TABLE_ROWS = 60;

/** @param {string} brand @param {Window[]} windows @param {Span} span @param {Spike[]} spikes @param {(e: any) => void} onZoom */
export function shareChart(brand, windows, span, spikes, onZoom) {
  const cells = aligned(windows, span);
  const column = (/** @type {(w: Window) => number | null | undefined} */ of) => cells.map((w) => (w ? (of(w) ?? null) : null));
  const name = brandName(brand);
  /** @type {ChartSpec} */
  const spec = {
    x: middles(span),
    step: SIZES[span.size],
    range: [span.from / 1000, span.to / 1000],
    series: [
      { label: "", values: column((w) => w.baseline?.high), colour: "--muted", kind: "edge" },
      { label: "", values: column((w) => w.baseline?.low), colour: "--muted", kind: "edge" },
      { label: "", values: column((w) => w.negative_share_high), colour: "--negative", kind: "edge" },
      { label: "", values: column((w) => w.negative_share_low), colour: "--negative", kind: "edge" },
      { label: "Usual", values: column((w) => w.baseline?.negative_share), colour: "--muted", kind: "line", dash: [5, 4], width: 1.5 },
      { label: "Positive", values: column((w) => w.counts.positive / total(w)), colour: "--positive", kind: "line", width: 1.5, dash: [2, 3] },
      { label: "Negative", values: column((w) => w.negative_share), colour: "--negative", kind: "line", width: 2.5 },
    ],
    bands: [{ upper: 0, lower: 1, colour: "--baseline-band" }, { upper: 2, lower: 3, colour: "--negative-band" }],
    flags: spikes.map((spike) => flag(spike, span)),
    axis: "share",
    height: SHARE_HEIGHT,
    label: shareWords(name, cells, span, spikes),
    sync: SYNC,
  };
  return html`<div class="chart-block">
    <h3>Shares of tweets</h3>
    <p class="legend-line"><span class="key negative">negative, with its 95% interval</span>
      <span class="key usual">usual negative share, and how far it wanders</span><span class="key positive dotted">positive</span></p>
    <time-chart class="tall" .spec=${spec} @zoom=${onZoom}></time-chart>
  </div>`;
}

/** @param {string} brand @param {Window[]} windows @param {Span} span @param {(e: any) => void} onZoom */
export function volumeChart(brand, windows, span, onZoom) {
  const cells = aligned(windows, span);
  const stack = (/** @type {(w: Window) => number} */ height) => cells.map((w) => (w ? height(w) : null));
  const told = LABELS.map((label) => stack((w) => w.counts[label]));
  /** @type {ChartSpec} */
  const spec = {
    x: middles(span),
    step: SIZES[span.size],
    range: [span.from / 1000, span.to / 1000],
    // Each is drawn over the one before it, so the highest comes first.
    series: [
      { label: "Positive", values: stack(total), told: told[2], colour: "--positive", kind: "bars" },
      { label: "Neutral", values: stack((w) => w.counts.negative + w.counts.neutral), told: told[1], colour: "--neutral", kind: "bars" },
      { label: "Negative", values: told[0], colour: "--negative", kind: "bars" },
      { label: "Usual", values: cells.map((w) => w?.baseline?.tweets ?? null), colour: "--ink", kind: "line", dash: [5, 4], width: 1.5 },
    ],
    bands: [],
    flags: [],
    axis: "count",
    height: VOLUME_HEIGHT,
    label: volumeWords(brandName(brand), cells, span),
    sync: SYNC,
  };
  return html`<div class="chart-block">
    <h3>Tweets in each window</h3>
    <p class="legend-line">${LABELS.map((label) => html`<span class="key ${label}">${label}</span>`)}${
      cells.some((w) => w?.baseline?.tweets) ? html`<span class="key ink">usual number</span>` : nothing}</p>
    <time-chart class="low" .spec=${spec} @zoom=${onZoom}></time-chart>
    ${table(windows)}
  </div>`;
}

/** @param {Spike} spike @param {Span} span @returns {import("../chart/element.js").Flag} */
function flag(spike, span) {
  return {
    from: ms(spike.opened_at) / 1000,
    to: (spike.status === "open" ? span.to : ms(spike.closed_at ?? spike.updated_at)) / 1000,
    title: `${kindWord(spike.kind)}, ${dateTime(spike.opened_at)}: ${spike.sentence}`,
    href: href("spike", spike.id),
    colour: `--${spike.kind}`,
  };
}

/** @param {Span} span */
const spanWords = (span) => `windows of ${span.size} from ${dateTime(span.from)} to ${dateTime(span.to)}`;

/** What the chart shows, for who cannot see it. @param {string} name @param {(Window | null)[]} cells @param {Span} span @param {Spike[]} spikes */
function shareWords(name, cells, span, spikes) {
  const there = cells.filter((cell) => cell !== null);
  const begin = `Negative share of ${name}, ${spanWords(span)}`;
  if (!there.length) return `${begin}: no tweets.`;
  const last = there[there.length - 1];
  const worst = there.reduce((a, b) => (b.negative_share > a.negative_share ? b : a));
  const inside = spikes.filter((spike) => ms(spike.opened_at) >= span.from && ms(spike.opened_at) <= span.to).length;
  const usual = last.baseline ? `, usual ${share(last.baseline.negative_share)}` : "";
  return `${begin}: last ${share(last.negative_share)}${usual}; highest ${share(worst.negative_share)} at ${hourMinute(worst.start)}; ${inside} spikes.`;
}

/** @param {string} name @param {(Window | null)[]} cells @param {Span} span */
function volumeWords(name, cells, span) {
  const sum = cells.reduce((all, cell) => all + (cell ? total(cell) : 0), 0);
  const most = Math.max(0, ...cells.map((cell) => (cell ? total(cell) : 0)));
  return `Tweets about ${name}, ${spanWords(span)}: ${count(sum)} in all, at most ${count(most)} in one.`;
}

/** The numbers behind both charts. @param {Window[]} windows */
function table(windows) {
  const newest = windows.slice(-TABLE_ROWS).reverse();
  return html`<details class="numbers"><summary>Show as table</summary>
    <div class="scroll" tabindex="0" role="region" aria-label="Windows as a table"><table>
      <thead><tr><th scope="col">Window (UTC)</th><th scope="col">Tweets</th><th scope="col">Negative</th><th scope="col">95% interval</th>
        <th scope="col">Usual</th><th scope="col">Neutral</th><th scope="col">Positive</th><th scope="col">Authors</th></tr></thead>
      <tbody>${newest.map((w) => html`<tr><th scope="row">${dateTime(w.start)}${w.status === "open" ? " (open)" : ""}</th><td>${count(total(w))}</td>
        <td>${share(total(w) ? w.negative_share : null)}</td><td>${total(w) ? `${share(w.negative_share_low)}–${share(w.negative_share_high)}` : "–"}</td>
        <td>${share(w.baseline?.negative_share)}</td><td>${count(w.counts.neutral)}</td><td>${count(w.counts.positive)}</td><td>${count(w.authors)}</td></tr>`)}</tbody>
    </table></div>
  </details>`;
}
