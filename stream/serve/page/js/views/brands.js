/** All brands at a glance. */
import { getBrands } from "../api.js";
import { html, icon, nothing, repeat, svg } from "../dom.js";
import { brandName, count, dateTime, ms, share, signed, times } from "../format.js";
import { intervalBar, kindWord, sentimentBar, trend } from "../parts/marks.js";
import { empty, shownWhenThere, skeleton } from "../parts/states.js";
import { Resource } from "../resource.js";
import { go, href, withQuery } from "../router.js";

/** @typedef {import("../types.js").Brand} Brand */
/** @typedef {import("../app.js").App} App */

const EVERY_MS = 1500;
const MANY = 40;
const EVERY_MANY_MS = 4000; // A hundred brands are some 200 kB.
const MOST_ROWS = 200;
const MOST_COMPARED = 6;

/** @typedef {{name: string, title: string, hint: string, by: (brand: Brand) => number | string | null, first: "asc" | "desc"}} Column */

/** @type {Column[]} */
const COLUMNS = [
  { name: "brand", title: "Brand", hint: "", by: (b) => b.brand.toLowerCase(), first: "asc" },
  { name: "volume", title: "Tweets", hint: "In the last 15 minutes, and how many times what is usual", by: (b) => b.volume, first: "desc" },
  { name: "net", title: "Net sentiment", hint: "(positive − negative) / all, from −1 to +1", by: (b) => b.net_sentiment, first: "asc" },
  { name: "negative", title: "Negative share", hint: "With its 95% interval; the tick is what is usual", by: (b) => b.negative_share, first: "desc" },
  { name: "trend", title: "Last 2 hours", hint: "Bars: tweets. Line: negative share. Sorted by how unusual now is", by: (b) => b.z, first: "desc" },
  { name: "state", title: "State", hint: "", by: (b) => (b.alarm ? ms(b.alarm.opened_at) : null), first: "desc" },
];

export class BrandsView {
  title = "All brands";
  key = "brands/";
  wants = { types: "window,spike" };
  query = new URLSearchParams();
  /** @type {Set<string>} */ chosen = new Set();

  /** @param {App} app @param {import("../router.js").Route} route */
  constructor(app, route) {
    this.app = app;
    this.query = route.query;
    this.brands = new Resource(getBrands, () => this.#came(), EVERY_MS);
  }

  /** @param {import("../router.js").Route} route */
  update(route) {
    this.query = route.query;
  }

  onEvent() {
    this.brands.ask();
  }

  onReconnect() {
    this.brands.ask();
  }

  close() {
    this.brands.close();
  }

  #came() {
    const data = this.brands.data;
    if (data) {
      this.brands.every = data.brands.length > MANY ? EVERY_MANY_MS : EVERY_MS;
      this.app.learn(data.freshness);
    }
    this.app.invalidate();
  }

  render() {
    return html`
      <div class="title-row"><h1 tabindex="-1">Brands</h1><p class="lead">The last 15 minutes of event time, against what is usual for each brand.</p></div>
      ${shownWhenThere(this.brands, html`<div class="tiles">${[1, 2, 3, 4].map(() => html`<div class="tile">${skeleton(1, "52px")}</div>`)}</div>
        <div class="card">${skeleton(8, "56px")}</div>`, (data) => this.#content(data.brands))}
    `;
  }

  /** @param {Brand[]} brands */
  #content(brands) {
    if (!brands.length) {
      return empty("No tweets yet", html`Brands appear here as soon as the first window of a minute is counted.
        Publish some: <code>barometer replay FILE</code>, or <code>POST /tweets</code>.`);
    }
    const words = (this.query.get("q") ?? "").trim().toLowerCase();
    const found = this.#sorted(brands.filter((b) => brandName(b.brand).toLowerCase().includes(words)));
    return html`
      ${tiles(brands)} ${alarms(brands)}
      <section class="card table-card" aria-label="Brands">
        <div class="table-tools">
          <label class="search">${icon("search")}<span class="unseen">Filter brands</span>
            <input type="search" data-filter placeholder="Filter brands" .value=${this.query.get("q") ?? ""}
              @input=${(/** @type {any} */ e) => go(withQuery(this.app.route, { q: e.target.value }), { replace: true })}>
            <kbd aria-hidden="true">/</kbd></label>
          ${this.#sortMenu()}
          <p class="hint found" role="status">${found.length === brands.length ? `${brands.length} brands` : `${found.length} of ${brands.length} brands`}</p>
          ${this.#compareButton()}
        </div>
        ${found.length ? this.#table(found) : html`<div class="empty"><h2>No brand is called that</h2><p>Nothing matches “${words}”.
          <a href=${withQuery(this.app.route, { q: null })}>Show all</a></p></div>`}
      </section>
      ${legend()}
    `;
  }

  get #sort() {
    const column = COLUMNS.find(({ name }) => name === this.query.get("sort")) ?? COLUMNS[1];
    const asked = this.query.get("dir");
    return { column, direction: asked === "asc" || asked === "desc" ? asked : column.first };
  }

  /** @param {Brand[]} brands */
  #sorted(brands) {
    const { column, direction } = this.#sort;
    const sign = direction === "asc" ? 1 : -1;
    return brands.sort((a, b) => {
      const [x, y] = [column.by(a), column.by(b)];
      // What is not known comes last, whichever way round.
      if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
      return x === y ? (a.brand < b.brand ? -1 : 1) : x < y ? -sign : sign;
    });
  }

  /** @param {Brand[]} found */
  #table(found) {
    return html`<table class="brands" role="table">
      <thead role="rowgroup"><tr role="row">
        <th role="columnheader" class="pick"><span class="unseen">Compare</span></th>
        ${COLUMNS.map((column) => this.#header(column))}
      </tr></thead>
      <tbody role="rowgroup">${repeat(found.slice(0, MOST_ROWS), (brand) => brand.brand, (brand) => this.#row(brand))}</tbody>
    </table>
    ${found.length > MOST_ROWS ? html`<p class="hint">The first ${MOST_ROWS} are shown. Filter to find the others.</p>` : nothing}`;
  }

  /** @param {Column} column */
  #header(column) {
    const { column: sorted, direction } = this.#sort;
    const here = column === sorted;
    return html`<th role="columnheader" class=${`col-${column.name}`} aria-sort=${here ? (direction === "asc" ? "ascending" : "descending") : nothing}>
      <a href=${this.#sortHref(column)} title=${column.hint || nothing}>${column.title}${here ? icon(direction === "asc" ? "up" : "down") : nothing}</a>
    </th>`;
  }

  /** @param {Column} column */
  #sortHref(column) {
    const { column: sorted, direction } = this.#sort;
    const turned = direction === "asc" ? "desc" : "asc";
    return withQuery(this.app.route, { sort: column.name, dir: column === sorted ? turned : null });
  }

  /** On a phone the table has no header. */
  #sortMenu() {
    return html`<label class="sort-menu"><span class="unseen">Sort by</span>
      <select @change=${(/** @type {any} */ e) => go(withQuery(this.app.route, { sort: e.target.value, dir: null }), { replace: true })}>
        ${COLUMNS.map(({ name, title }) => html`<option value=${name} ?selected=${this.#sort.column.name === name}>${title}</option>`)}
      </select></label>`;
  }

  /** @param {Brand} brand */
  #row(brand) {
    const picked = this.chosen.has(brand.brand);
    const name = brandName(brand.brand);
    return html`<tr role="row" class=${brand.alarm ? `alarmed ${brand.alarm.kind}` : ""}>
      <td role="cell" class="pick"><label><input type="checkbox" .checked=${picked} ?disabled=${!picked && this.chosen.size >= MOST_COMPARED}
        aria-label="Compare ${name}" @change=${() => this.#pick(brand.brand)}></label></td>
      <th role="rowheader" scope="row" class="col-brand"><a data-row href=${href("brand", brand.brand)}><bdi>${name}</bdi></a></th>
      <td role="cell" class="col-volume"><b>${count(brand.volume)}</b><small>${usualVolume(brand)}</small></td>
      <td role="cell" class="col-net"><b>${signed(brand.net_sentiment)}</b>${sentimentBar(brand.net_sentiment)}</td>
      <td role="cell" class="col-negative"><b>${share(brand.negative_share)}</b>
        ${intervalBar({ share: brand.negative_share, low: brand.negative_share_low, high: brand.negative_share_high, usual: brand.negative_baseline })}
        <small>${brand.negative_baseline === null ? "usual unknown" : `usual ${share(brand.negative_baseline)}`}</small></td>
      <td role="cell" class="col-trend">${trend(brand.trend)}</td>
      <td role="cell" class="col-state">${state(brand)}</td>
    </tr>`;
  }

  /** @param {string} brand */
  #pick(brand) {
    if (!this.chosen.delete(brand)) this.chosen.add(brand);
    this.app.invalidate();
  }

  #compareButton() {
    const number = this.chosen.size;
    const ready = number >= 2;
    return html`<a class="button compare-button ${ready ? "strong" : ""}" href=${href("compare", "", { brands: [...this.chosen].join(",") })}
      >${number ? `Compare ${number}` : "Compare"}</a>`;
  }
}

/** @param {Brand} brand */
function usualVolume({ volume, volume_baseline: usual }) {
  return usual === null || usual <= 0 ? "" : `${times(volume / usual)} usual`;
}

/** @param {Brand} brand */
function state(brand) {
  if (brand.alarm) {
    return html`<a class="badge ${brand.alarm.kind}" href=${href("spike", brand.alarm.spike_id)}>${icon("alarm")}${kindWord(brand.alarm.kind)}</a>`;
  }
  if (!brand.volume) return html`<span class="calm">Quiet</span>`;
  return html`<span class="calm">${brand.negative_baseline === null ? "Learning" : "Normal"}</span>`;
}

/** What the small drawings mean. */
function legend() {
  const key = (/** @type {any} */ drawing, /** @type {string} */ words) => html`<span><svg viewBox="0 0 22 12" aria-hidden="true">${drawing}</svg>${words}</span>`;
  return html`<p class="table-legend">
    ${key(svg`<rect class="range" x="1" y="3" width="20" height="6" /><rect class="point" x="10" y="1" width="2" height="10" />`, "negative share now, with its 95% interval")}
    ${key(svg`<rect class="usual" x="10" y="0" width="2" height="12" />`, "usual for this brand")}
    ${key(svg`<rect class="volume" x="1" y="4" width="4" height="8" /><rect class="volume" x="6" y="1" width="4" height="11" /><rect class="volume" x="11" y="6" width="4" height="6" /><rect class="volume" x="16" y="3" width="4" height="9" />`, "tweets in 5 minutes")}
    ${key(svg`<path class="line" d="M1 9 6 5l5 3 5-6 5 3" />`, "negative share")}
  </p>`;
}

/** @param {Brand[]} brands */
function tiles(brands) {
  const sum = { negative: 0, neutral: 0, positive: 0 };
  for (const { counts } of brands) {
    sum.negative += counts.negative;
    sum.neutral += counts.neutral;
    sum.positive += counts.positive;
  }
  const total = sum.negative + sum.neutral + sum.positive;
  const open = brands.filter((brand) => brand.alarm).length;
  const heard = brands.filter((brand) => brand.volume).length;
  return html`<div class="tiles">
    ${tile("Tweets in 15 minutes", count(total), `about ${count(heard)} ${heard === 1 ? "brand" : "brands"}`)}
    ${tile("Net sentiment", total ? signed((sum.positive - sum.negative) / total) : "–", "of all together")}
    ${tile("Negative share", total ? share(sum.negative / total) : "–", "of all together")}
    ${tile("Open alarms", String(open), open ? "see below" : "nothing unusual", open ? "alarming" : "")}
  </div>`;
}

/** @param {string} title @param {string} value @param {string} hint @param {string} tone */
function tile(title, value, hint, tone = "") {
  return html`<div class="tile ${tone}"><h2>${title}</h2><p class="value">${value}</p><p class="hint">${hint}</p></div>`;
}

/** @param {Brand[]} brands */
function alarms(brands) {
  const open = brands.filter((brand) => brand.alarm).sort((a, b) => ms(b.alarm?.opened_at) - ms(a.alarm?.opened_at));
  if (!open.length) return nothing;
  return html`<section class="alarms" aria-label="Open alarms">${open.slice(0, 4).map(({ brand, alarm }) => alarm && html`
    <a class="alarm ${alarm.kind}" href=${href("spike", alarm.spike_id)}>
      <span class="alarm-head">${icon("alarm")}<b>${brandName(brand)}</b> ${kindWord(alarm.kind).toLowerCase()}
        <time datetime=${alarm.opened_at}>since ${dateTime(alarm.opened_at)}</time></span>
      <span class="sentence">${alarm.sentence}</span>
    </a>`)}</section>`;
}
