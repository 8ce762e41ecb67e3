/** From what a chart shows to uPlot's options and data. */
import uPlot from "../../vendor/uplot/uplot.js";
import { count, day, hourMinute, share, signed } from "../format.js";
import { placeFlags, shadeFlags } from "./flags.js";
import { tooltip } from "./tooltip.js";

/** @typedef {import("./element.js").ChartSpec} ChartSpec */
/** @typedef {import("./element.js").Series} Series */
/**
 * @typedef {object} Setting
 * @property {() => ChartSpec} spec  the newest
 * @property {(name: string) => string} colour  of a CSS variable
 * @property {number} width
 * @property {(from: number, to: number) => void} onZoom
 * @property {HTMLElement} flags  layer for the links to spikes
 */

export const FORMATS = { share, signed: (/** @type {number | null} */ x) => signed(x, 2), count };
const DAY_S = 86_400;
const AXIS_FONT = "11px InterVariable, system-ui, sans-serif";
const LEAST_DRAG_PX = 8;

/** @param {ChartSpec} spec @returns {any} */
export function dataOf(spec) {
  return [spec.x, ...spec.series.map((series) => series.values)];
}

/** @param {Setting} setting @returns {any} */
export function optionsOf(setting) {
  const { axis, height, sync, series, bands } = setting.spec();
  const { colour, width, onZoom } = setting;
  return {
    width,
    height,
    padding: [10, 20, 0, 0],
    legend: { show: false },
    tzDate: (/** @type {number} */ s) => uPlot.tzDate(new Date(s * 1000), "Etc/UTC"),
    scales: {
      x: { time: true, range: () => setting.spec().range },
      y: { range: (/** @type {any} */ _plot, /** @type {number} */ low, /** @type {number} */ high) => yRange(axis, low, high) },
    },
    axes: [xAxis(colour), yAxis(axis, colour)],
    series: [{}, ...series.map((one) => drawn(one, colour))],
    bands: bands.map((band) => ({ series: [band.upper + 1, band.lower + 1], fill: colour(band.colour) })),
    cursor: {
      drag: { x: true, y: false, setScale: false, dist: LEAST_DRAG_PX },
      points: { size: 7, width: 2, show: true },
      ...(sync ? { sync: { key: sync, scales: ["x", null] } } : {}),
    },
    hooks: { setSelect: [(/** @type {any} */ plot) => zoom(plot, onZoom)], draw: [(/** @type {any} */ plot) => placeFlags(setting.flags, plot, setting.spec().flags)] },
    plugins: [shadeFlags(setting), tooltip(setting)],
  };
}

/** @param {any} plot @param {(from: number, to: number) => void} onZoom */
function zoom(plot, onZoom) {
  const { left, width } = plot.select;
  if (width < LEAST_DRAG_PX) return;
  const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
  plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
  onZoom(from, to);
}

/** @param {ChartSpec["axis"]} axis @param {number} low @param {number} high @returns {[number, number]} */
function yRange(axis, low, high) {
  if (axis === "count") return [0, Math.max(5, (high ?? 0) * 1.1)];
  if (axis === "signed") {
    const far = Math.min(1, Math.max(0.2, Math.abs(low ?? 0), Math.abs(high ?? 0)) * 1.15);
    return [-far, far];
  }
  return [0, Math.min(1, Math.max(0.2, Math.ceil((high ?? 0) * 10.5) / 10))];
}

/** @param {(name: string) => string} colour */
function xAxis(colour) {
  return {
    ...axisStyle(colour),
    size: 44,
    space: 64,
    grid: { show: false },
    values: (/** @type {any} */ _plot, /** @type {number[]} */ splits, /** @type {number} */ _axis, /** @type {number} */ _space, /** @type {number} */ incr) =>
      splits.map((at, i) => {
        if (incr >= DAY_S) return day(at * 1000);
        const newDay = i === 0 || Math.floor(at / DAY_S) !== Math.floor(splits[i - 1] / DAY_S);
        return newDay ? `${hourMinute(at * 1000)}\n${day(at * 1000)}` : hourMinute(at * 1000);
      }),
  };
}

/** @param {ChartSpec["axis"]} axis @param {(name: string) => string} colour */
function yAxis(axis, colour) {
  return {
    ...axisStyle(colour),
    size: 46,
    space: 34,
    grid: { stroke: colour("--grid"), width: 1 },
    ticks: { show: false },
    ...(axis === "count" ? { incrs: [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1e3, 2e3, 2500, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6] } : {}),
    values: (/** @type {any} */ _plot, /** @type {number[]} */ splits) => splits.map(FORMATS[axis]),
  };
}

/** @param {(name: string) => string} colour */
function axisStyle(colour) {
  return { stroke: colour("--muted"), font: AXIS_FONT, ticks: { stroke: colour("--grid"), size: 4 }, gap: 6 };
}

/** @param {Series} series @param {(name: string) => string} colour */
function drawn(series, colour) {
  const { kind, label, dash, width = 2 } = series;
  const points = { show: false };
  if (kind === "edge") return { label, stroke: "transparent", width: 0, points, spanGaps: false };
  if (kind === "bars") {
    const paths = uPlot.paths.bars?.({ size: [0.82, 28], align: 0 });
    return { label, fill: colour(series.colour), stroke: "transparent", width: 0, paths, points };
  }
  const stroke = colour(series.colour);
  const alone = { show: () => false, filter: lonely, size: 5, fill: stroke, width: 0 };
  return { label, stroke, width, dash, points: alone, spanGaps: false };
}

/** Windows without a neighbour, which a line would not show. @param {any} plot @param {number} index */
function lonely(plot, index) {
  const values = plot.data[index];
  /** @type {number[]} */
  const found = [];
  for (let i = 0; i < values.length; i += 1) {
    if (values[i] !== null && (values[i - 1] ?? null) === null && (values[i + 1] ?? null) === null) found.push(i);
  }
  return found;
}
