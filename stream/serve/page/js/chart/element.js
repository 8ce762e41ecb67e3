/**
 * <time-chart>: a chart over event time. Set its property `spec`; setting it again moves the lines. It sends `zoom`
 * ({from, to} in seconds) when somebody drags over a stretch. Screen readers get `spec.label`, and the links to spikes.
 */
import uPlot from "../../vendor/uplot/uplot.js";
import { optionsOf, dataOf } from "./options.js";

/**
 * @typedef {object} Series
 * @property {string} label
 * @property {(number | null)[]} values
 * @property {string} colour  name of a CSS variable, such as --negative
 * @property {"line" | "bars" | "edge"} kind  an edge is invisible: it bounds a band
 * @property {(number | null)[]} [told]  what the tooltip says, where it is not the height (stacked bars)
 * @property {number[]} [dash]
 * @property {number} [width]
 * @property {(x: number | null) => string} [format]
 *
 * @typedef {object} Flag  a spike: a stretch, and a link at its beginning
 * @property {number} from
 * @property {number} to
 * @property {string} title
 * @property {string} href
 * @property {string} colour
 *
 * @typedef {object} ChartSpec
 * @property {number[]} x  middles of the windows, seconds
 * @property {number} step  length of a window, seconds
 * @property {[number, number]} range  what is shown, seconds
 * @property {Series[]} series
 * @property {{upper: number, lower: number, colour: string}[]} bands  between two of the series
 * @property {Flag[]} flags
 * @property {"share" | "signed" | "count"} axis
 * @property {number} height
 * @property {string} label
 * @property {string} [sync]  charts with the same name share their cursor
 */

export class TimeChart extends HTMLElement {
  /** @type {ChartSpec | null} */ #spec = null;
  /** @type {any} */ #plot = null;
  #shape = "";
  #resize = new ResizeObserver(() => this.#fit());
  #restyle = () => this.#build();
  #box = document.createElement("div");
  #flags = document.createElement("div");

  connectedCallback() {
    this.#box.className = "plot";
    this.#box.setAttribute("role", "img");
    this.#flags.className = "flags";
    this.replaceChildren(this.#box, this.#flags);
    this.#resize.observe(this);
    addEventListener("themechange", this.#restyle);
  }

  disconnectedCallback() {
    this.#resize.disconnect();
    removeEventListener("themechange", this.#restyle);
    this.#plot?.destroy();
    this.#plot = null;
    this.#shape = "";
  }

  get spec() {
    return this.#spec;
  }

  /** @param {ChartSpec | null} spec */
  set spec(spec) {
    if (spec === this.#spec) return;
    this.#spec = spec;
    if (spec) this.#show(spec);
  }

  /** @param {ChartSpec} spec */
  #show(spec) {
    this.#box.setAttribute("aria-label", spec.label);
    // Only what a plot cannot change later needs a new one.
    const shape = JSON.stringify([spec.axis, spec.height, spec.bands, spec.series.map(({ label, colour }) => [label, colour])]);
    if (shape !== this.#shape || !this.#plot) {
      this.#shape = shape;
      this.#build();
      return;
    }
    this.#plot.setData(dataOf(spec));
  }

  #build() {
    const width = this.clientWidth;
    if (!this.#spec || !width || !this.isConnected) return;
    this.#plot?.destroy();
    const style = getComputedStyle(this);
    const options = optionsOf({
      spec: () => /** @type {ChartSpec} */ (this.#spec),
      colour: (name) => style.getPropertyValue(name).trim(),
      width,
      flags: this.#flags,
      onZoom: (from, to) => this.dispatchEvent(new CustomEvent("zoom", { detail: { from, to } })),
    });
    this.#plot = new uPlot(options, dataOf(this.#spec), this.#box);
  }

  #fit() {
    if (!this.#spec) return;
    if (!this.#plot) {
      this.#build();
      return;
    }
    if (this.clientWidth && this.clientWidth !== this.#plot.width) {
      this.#plot.setSize({ width: this.clientWidth, height: this.#spec.height });
    }
  }
}

customElements.define("time-chart", TimeChart);
