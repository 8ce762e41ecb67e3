/** Small drawings of numbers, in SVG: bars, an interval against what is usual, a trend. Each has words beside it or in it. */
import { html, nothing, svg } from "../dom.js";
import { LABELS } from "../types.js";
import { share, signed } from "../format.js";

/** @typedef {import("../types.js").Label} Label */

const SIGN = /** @type {Record<Label, string>} */ ({ negative: "−", neutral: "○", positive: "+" });

/** A label, told by sign, word and colour. @param {Label} label @param {number} [confidence] */
export function labelChip(label, confidence) {
  return html`<span class="label ${label}"><i aria-hidden="true">${SIGN[label]}</i>${label}${
    confidence === undefined ? nothing : html` <b>${share(confidence)}</b>`}</span>`;
}

/** @param {import("../types.js").SpikeKind} kind */
export function kindWord(kind) {
  return { negative: "Negative spike", positive: "Positive spike", volume: "Volume spike" }[kind];
}

/** Net sentiment from −1 to +1, about its middle. @param {number | null} x */
export function sentimentBar(x) {
  const at = x ?? 0;
  return html`<svg class="mark sentiment" viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" x="0" y="3" width="100" height="4" rx="2" />
    <rect class=${at < 0 ? "negative" : "positive"} x=${at < 0 ? 50 + at * 50 : 50} y="3" width=${Math.abs(at) * 50} height="4" />
    <rect class="middle" x="49.500" y="0" width="1" height="10" />
  </svg>`;
}

/** A share with its interval, and a tick where it usually is. @param {{share: number | null, low: number | null, high: number | null, usual: number | null}} of */
export function intervalBar({ share: at, low, high, usual }) {
  if (at === null) return html`<svg class="mark interval" viewBox="0 0 100 14" aria-hidden="true"></svg>`;
  return html`<svg class="mark interval" viewBox="0 0 100 14" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" x="0" y="6" width="100" height="2" />
    ${low === null || high === null ? nothing : svg`<rect class="range" x=${low * 100} y="4" width=${Math.max(0.5, (high - low) * 100)} height="6" />`}
    ${usual === null ? nothing : svg`<rect class="usual" x=${usual * 100 - 0.75} y="0" width="1.500" height="14" />`}
    <rect class="point" x=${at * 100 - 1} y="2" width="2" height="10" />
  </svg>`;
}

/** How tweets divide. @param {import("../types.js").ByLabel} counts */
export function splitBar(counts) {
  const total = LABELS.reduce((sum, label) => sum + counts[label], 0);
  let left = 0;
  return html`<svg class="mark split" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" x="0" y="0" width="100" height="8" />
    ${LABELS.map((label) => {
      const width = total ? (counts[label] / total) * 100 : 0;
      const x = left;
      left += width;
      return svg`<rect class=${label} x=${x} y="0" width=${width} height="8" />`;
    })}
  </svg>`;
}

/** A probability or a share, from 0 to 1. @param {number} x @param {string} tone */
export function bar(x, tone) {
  return html`<svg class="mark bar-mark" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" x="0" y="0" width="100" height="8" />
    <rect class=${tone} x="0" y="0" width=${Math.min(1, x) * 100} height="8" />
  </svg>`;
}

const WIDTH = 120;
const HEIGHT = 32;

/** Volume as bars and the negative share as a line. @param {import("../types.js").TrendPoint[]} points */
export function trend(points) {
  if (!points?.length) return html`<svg class="mark trend" viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true"></svg>`;
  const most = Math.max(1, ...points.map((point) => point.volume));
  const step = WIDTH / points.length;
  const bars = points
    .map((point, i) => {
      const height = (point.volume / most) * HEIGHT;
      return height > 0 ? `M${(i * step + 0.5).toFixed(1)} ${HEIGHT}v${-height.toFixed(1)}h${(step - 1).toFixed(1)}V${HEIGHT}Z` : "";
    })
    .join("");
  return html`<svg class="mark trend" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label=${trendWords(points)}>
    <path class="volume" d=${bars} />
    <path class="line" d=${line(points, step)} />
  </svg>`;
}

/** @param {import("../types.js").TrendPoint[]} points @param {number} step */
function line(points, step) {
  let path = "";
  let pen = "M";
  points.forEach((point, i) => {
    if (point.negative_share === null) return;
    path += `${pen}${((i + 0.5) * step).toFixed(1)} ${(HEIGHT - 2 - point.negative_share * (HEIGHT - 4)).toFixed(1)}`;
    pen = "L";
  });
  return path;
}

/** @param {import("../types.js").TrendPoint[]} points */
function trendWords(points) {
  const known = points.filter((point) => point.negative_share !== null);
  if (!known.length) return "No tweets in the last two hours";
  const [first, last] = [known[0], known[known.length - 1]];
  return `Last two hours: negative share from ${share(first.negative_share)} to ${share(last.negative_share)}, net sentiment now ${signed(last.net_sentiment)}`;
}
