/** Brands side by side. */
import { getBrands, getComparison } from "../api.js";
import { css, html, icon, nothing } from "../dom.js";
import { brandName, count, share, signed } from "../format.js";
import { choices } from "../parts/choices.js";
import { rangeBar, zoomQuery } from "../parts/range.js";
import { empty, shownWhenThere, skeleton } from "../parts/states.js";
import { Resource } from "../resource.js";
import { go, href, withQuery } from "../router.js";
import { SIZES, aligned, latestOf, middles, queryOf, spanOf, total } from "../windows.js";

/** @typedef {import("../types.js").Window} Window */
/** @typedef {import("../types.js").Brand} Brand */
/** @typedef {{brand: string, windows: Window[]}} OneSeries */

const MOST = 6;
const EVERY_MS = 2000;
const HEIGHT = 340;
/** Told apart by dashes too. */
const DASHES = [[], [8, 4], [2, 3], [10, 3, 2, 3], [5, 2], [1, 2]];
const MEASURES = /** @type {const} */ ({
  negative: { title: "Negative share", axis: "share", of: (/** @type {Window} */ w) => w.negative_share },
  net: { title: "Net sentiment", axis: "signed", of: (/** @type {Window} */ w) => w.net_sentiment },
  volume: { title: "Tweets", axis: "count", of: (/** @type {Window} */ w) => total(w) },
});

export class CompareView {
  title = "Compare";
  key = "compare/";
  /** @type {Resource | null} */ series = null;
  asked = "";

  /** @param {import("../app.js").App} app @param {import("../router.js").Route} route */
  constructor(app, route) {
    this.app = app;
    this.query = route.query;
    this.all = new Resource(getBrands, () => this.#came(), EVERY_MS * 2);
  }

  get brands() {
    return [...new Set((this.query.get("brands") ?? "").split(",").filter(Boolean))].slice(0, MOST);
  }

  get wants() {
    return { brands: this.brands.join(",") || null, types: "window" };
  }

  get #span() {
    return spanOf(this.query, latestOf(this.app.now, this.all.data?.brands ?? []));
  }

  get #measure() {
    const name = /** @type {keyof typeof MEASURES} */ (this.query.get("measure") ?? "negative");
    return { name, ...(MEASURES[name] ?? MEASURES.negative) };
  }

  /** @param {import("../router.js").Route} route */
  update(route) {
    this.query = route.query;
    this.#load();
  }

  onEvent() {
    this.all.ask();
    if (this.#span.live) this.series?.ask();
  }

  onReconnect() {
    this.onEvent();
  }

  close() {
    this.all.close();
    this.series?.close();
  }

  /** @param {string} key */
  onKey(key) {
    const size = Object.keys(SIZES)[Number(key) - 1];
    if (size) go(withQuery(this.app.route, { size }));
    return Boolean(size);
  }

  #came() {
    this.app.learn(this.all.data?.freshness);
    this.#load();
    if (this.series?.data && this.series.data.span.to !== this.#span.to) this.series.ask(); // The chart moves on.
  }

  #load() {
    const asked = ["brands", "size", "range", "from", "to"].map((name) => this.query.get(name)).join(" ");
    if (!this.brands.length || !Number.isFinite(this.app.now) || asked === this.asked) return;
    this.asked = asked;
    const before = this.series?.data ?? null;
    this.series?.close();
    this.series = new Resource(
      async () => {
        const span = this.#span;
        return { span, series: (await getComparison(this.brands, queryOf(span))).series };
      },
      () => this.app.invalidate(),
      EVERY_MS,
    );
    this.series.data = before;
  }

  render() {
    return html`
      <div class="title-row"><h1 tabindex="-1">Compare</h1><p class="lead">Up to ${MOST} brands on one scale.</p></div>
      ${shownWhenThere(this.all, html`<div class="card">${skeleton(1, "440px")}</div>`, (data) => this.#content(data.brands))}
    `;
  }

  /** @param {Brand[]} all */
  #content(all) {
    if (!all.length) return empty("No tweets yet", "Brands can be compared as soon as the first ones are counted.");
    const { name } = this.#measure;
    return html`
      ${this.#picker(all)}
      ${this.brands.length ? html`
        <section class="card" aria-labelledby="measure-title">
          <header><h2 id="measure-title" class="unseen">${this.#measure.title}</h2>
            ${choices("What is compared", Object.entries(MEASURES).map(([key, { title }]) => ({ title, href: withQuery(this.app.route, { measure: key }), chosen: key === name })))}
            ${rangeBar(this.app.route, this.#span)}</header>
          ${this.series ? shownWhenThere(this.series, skeleton(1, `${HEIGHT}px`), (data) => this.#chart(data)) : skeleton(1, `${HEIGHT}px`)}
        </section>
        ${this.#table(all)}` : empty("Choose brands", "Pick two or more above. The address of this page then holds the choice, and can be shared.")}
    `;
  }

  /** @param {Brand[]} all */
  #picker(all) {
    const rest = all.map(({ brand }) => brand).filter((brand) => !this.brands.includes(brand));
    const full = this.brands.length >= MOST;
    return html`<div class="picker" role="group" aria-label="Compared brands">
      ${this.brands.map((brand, i) => html`<span class="chip line-${i}"><svg class="line-key" viewBox="0 0 22 4" aria-hidden="true"><path d="M0 2h22" stroke-dasharray=${DASHES[i].join(" ")} /></svg>
        <a href=${href("brand", brand)}><bdi>${brandName(brand)}</bdi></a>
        <a class="remove" href=${this.#with(this.brands.filter((other) => other !== brand))} aria-label="Remove ${brandName(brand)}">${icon("close")}</a></span>`)}
      <label class="add"><span class="unseen">Add a brand</span>
        <select data-filter ?disabled=${full || !rest.length} @change=${(/** @type {any} */ e) => this.#add(e.target)}>
          <option value="">${full ? `No more than ${MOST}` : "Add a brand…"}</option>
          ${rest.map((brand) => html`<option value=${brand}>${brandName(brand)}</option>`)}
        </select></label>
    </div>`;
  }

  /** @param {HTMLSelectElement} select */
  #add(select) {
    const brand = select.value;
    select.value = "";
    if (brand) go(this.#with([...this.brands, brand]));
  }

  /** @param {string[]} brands */
  #with(brands) {
    return withQuery(this.app.route, { brands: brands.join(",") || null });
  }

  /** @param {{span: import("../windows.js").Span, series: OneSeries[]}} data */
  #chart({ span, series }) {
    const { axis, of, title } = this.#measure;
    const shown = this.brands.flatMap((brand, i) => series.filter((one) => one.brand === brand).map((one) => ({ ...one, i })));
    const spec = {
      x: middles(span),
      step: SIZES[span.size],
      range: [span.from / 1000, span.to / 1000],
      series: shown.map(({ brand, windows, i }) => ({
        label: brandName(brand),
        values: aligned(windows, span).map((w) => (w ? of(w) : axis === "count" ? 0 : null)),
        colour: `--line-${i}`,
        kind: "line",
        dash: DASHES[i],
      })),
      bands: [],
      flags: [],
      axis,
      height: HEIGHT,
      label: `${title} of ${shown.map(({ brand }) => brandName(brand)).join(", ")} in windows of ${span.size}. The table below has the last 15 minutes.`,
    };
    const zoom = (/** @type {any} */ event) => {
      const change = zoomQuery(event, spec.step);
      if (change) go(withQuery(this.app.route, change));
    };
    return html`<time-chart class="compare" ${css({ height: `${HEIGHT}px` })} .spec=${spec} @zoom=${zoom}></time-chart>`;
  }

  /** @param {Brand[]} all */
  #table(all) {
    const rows = this.brands.map((name) => all.find(({ brand }) => brand === name)).filter((brand) => brand !== undefined);
    if (!rows.length) return nothing;
    return html`<section class="card" aria-labelledby="now-title"><header><h2 id="now-title">Last 15 minutes</h2></header>
      <div class="scroll" tabindex="0" role="region" aria-label="Last 15 minutes"><table class="plain-table">
        <thead><tr><th scope="col">Brand</th><th scope="col">Tweets</th><th scope="col">Negative share</th><th scope="col">95% interval</th><th scope="col">Usual</th><th scope="col">Net sentiment</th></tr></thead>
        <tbody>${rows.map((b) => html`<tr><th scope="row"><a data-row href=${href("brand", b.brand)}><bdi>${brandName(b.brand)}</bdi></a></th><td>${count(b.volume)}</td><td>${share(b.negative_share)}</td>
          <td>${b.negative_share === null ? "–" : `${share(b.negative_share_low)}–${share(b.negative_share_high)}`}</td><td>${share(b.negative_baseline)}</td><td>${signed(b.net_sentiment)}</td></tr>`)}</tbody>
      </table></div></section>`;
  }
}
