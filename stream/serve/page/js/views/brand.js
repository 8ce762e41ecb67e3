/** One brand in depth: how it is spoken of now and over time, by which words, in which tweets, and why it spikes. */
import { getBrand, getSpikes, getWindows } from "../api.js";
import { html, icon, nothing } from "../dom.js";
import { ago, brandName, count, dateTime, share, signed, times } from "../format.js";
import { shareChart, volumeChart } from "../parts/brand-charts.js";
import { termTable } from "../parts/evidence.js";
import { kindWord, splitBar } from "../parts/marks.js";
import { rangeBar, zoomQuery } from "../parts/range.js";
import { shownWhenThere, skeleton } from "../parts/states.js";
import { tweetPanel } from "../parts/tweet-list.js";
import { wordPanel } from "../parts/words.js";
import { Resource } from "../resource.js";
import { go, href, withQuery } from "../router.js";
import { TweetFeed } from "../tweets.js";
import { LABELS } from "../types.js";
import { SIZES, latestOf, queryOf, spanOf } from "../windows.js";

/** @typedef {import("../types.js").Brand} Brand */
/** @typedef {import("../types.js").Label} Label */
/** @typedef {import("../types.js").Spike} Spike */

const BRAND_EVERY_MS = 1500;
const WINDOWS_EVERY_MS = 1500;
const SPIKES_EVERY_MS = 2000;
const MOST_SPIKES = 50;

export class BrandView {
  /** @param {import("../app.js").App} app @param {import("../router.js").Route} route */
  constructor(app, route) {
    this.app = app;
    this.brand = route.id;
    this.key = `brand/${route.id}`;
    this.title = brandName(route.id);
    this.wants = { brands: route.id, types: "window,spike,tweet" };
    this.query = route.query;
    /** What the windows were asked for. */
    this.loaded = "";
    const changed = () => app.invalidate();
    this.now = new Resource(() => getBrand(this.brand), () => this.#came(), BRAND_EVERY_MS);
    this.spikes = new Resource(() => getSpikes({ brand: this.brand, limit: MOST_SPIKES }), changed, SPIKES_EVERY_MS);
    this.feed = new TweetFeed(this.brand, this.#label, changed);
    /** Waits for event time: until then nobody knows what the last hours are. @type {Resource | null} */
    this.windows = null;
  }

  get #label() {
    const asked = this.query.get("label") ?? "";
    return LABELS.includes(/** @type {Label} */ (asked)) ? /** @type {Label} */ (asked) : "";
  }

  get #span() {
    return spanOf(this.query, latestOf(this.app.now, [this.now.data]));
  }

  /** @param {import("../router.js").Route} route */
  update(route) {
    this.query = route.query;
    this.feed.filter(this.#label);
    this.#loadWindows();
  }

  /** @param {import("../types.js").ServerEvent} event */
  onEvent(event) {
    if (event.type === "tweet") {
      this.feed.add(event.data);
      return;
    }
    this.now.ask();
    if (event.type === "spike") this.spikes.ask();
    else if (this.#span.live) this.windows?.ask();
  }

  onReconnect() {
    this.now.ask();
    this.spikes.ask();
    this.windows?.ask();
    this.feed.load();
  }

  close() {
    this.now.close();
    this.spikes.close();
    this.windows?.close();
    this.feed.close();
  }

  /** @param {string} key */
  onKey(key) {
    const size = Object.keys(SIZES)[Number(key) - 1];
    if (size) go(withQuery(this.app.route, { size }));
    else if (key === "p") this.feed.pause(!this.feed.paused);
    else return false;
    return true;
  }

  #came() {
    this.app.learn(this.now.data?.freshness);
    if (!this.windows) this.#loadWindows();
    else if (this.windows.data && this.windows.data.span.to !== this.#span.to) this.windows.ask(); // The chart moves on.
    this.app.invalidate();
  }

  #loadWindows() {
    const wanted = `${this.query.get("size")} ${this.query.get("range")} ${this.query.get("from")} ${this.query.get("to")}`;
    if (!Number.isFinite(this.app.now) || wanted === this.loaded) return;
    this.loaded = wanted;
    const before = this.windows?.data ?? null;
    this.windows?.close();
    this.windows = new Resource(
      async () => {
        const span = this.#span;
        return { span, windows: (await getWindows(this.brand, queryOf(span))).windows };
      },
      () => this.app.invalidate(),
      WINDOWS_EVERY_MS,
    );
    this.windows.data = before; // The old picture stays until the new one is there.
  }

  render() {
    return html`
      <nav class="crumbs" aria-label="Path"><a href=${href("brands")}>Brands</a> / <span><bdi>${brandName(this.brand)}</bdi></span></nav>
      ${this.now.data ? nothing : html`<div class="title-row"><h1 tabindex="-1"><bdi>${brandName(this.brand)}</bdi></h1></div>`}
      ${shownWhenThere(this.now, this.#waiting(), (brand) => this.#content(brand))}
    `;
  }

  #waiting() {
    return html`<div class="tiles">${[1, 2, 3, 4].map(() => html`<div class="tile">${skeleton(1, "52px")}</div>`)}</div>
      <div class="columns"><div class="card">${skeleton(1, "420px")}</div><div class="card">${skeleton(6, "76px")}</div></div>`;
  }

  /** @param {Brand} brand */
  #content(brand) {
    /** @type {Spike[]} */
    const spikes = this.spikes.data?.spikes ?? [];
    return html`
      <div class="title-row">
        <h1 tabindex="-1"><bdi>${brandName(brand.brand)}</bdi></h1>
        ${brand.alarm ? html`<a class="badge ${brand.alarm.kind}" href=${href("spike", brand.alarm.spike_id)}>${icon("alarm")}${kindWord(brand.alarm.kind)}</a>` : nothing}
        <p class="lead">Last tweet ${ago(brand.latest_tweet_at, this.app.now)}</p>
        <a class="button" href=${href("compare", "", { brands: brand.brand })}>${icon("plus")} Compare</a>
      </div>
      ${figures(brand)}
      <div class="columns">
        <div class="column">
          <section class="card" aria-labelledby="over-time">
            <header><h2 id="over-time">Over time</h2>${rangeBar(this.app.route, this.#span)}</header>
            ${this.#charts(spikes)}
          </section>
          ${latestSpike(spikes, this.app.now)}
          ${spikeList(spikes)}
        </div>
        <div class="column">${tweetPanel(this.app, this.feed)} ${wordPanel(this.feed.items)}</div>
      </div>
    `;
  }

  /** @param {Spike[]} spikes */
  #charts(spikes) {
    const resource = this.windows;
    if (!resource) return skeleton(1, "400px");
    return shownWhenThere(resource, skeleton(1, "400px"), ({ span, windows }) => {
      const zoom = (/** @type {any} */ event) => {
        const change = zoomQuery(event, SIZES[span.size]);
        if (change) go(withQuery(this.app.route, change));
      };
      return html`${shareChart(this.brand, windows, span, spikes, zoom)} ${volumeChart(this.brand, windows, span, zoom)}`;
    });
  }
}

/** @param {Brand} brand */
function figures(brand) {
  const { counts, negative_baseline: usual } = brand;
  const interval = brand.negative_share_low === null ? "" : `${share(brand.negative_share_low)} to ${share(brand.negative_share_high)}`;
  return html`<div class="tiles" aria-label="Last 15 minutes">
    <div class="tile"><h2>Tweets in 15 minutes</h2><p class="value">${count(brand.volume)}</p>
      <p class="hint">${brand.volume_baseline ? `${times(brand.volume / brand.volume_baseline)} the usual ${count(Math.round(brand.volume_baseline))}` : "usual not known yet"}</p></div>
    <div class="tile"><h2>Negative share</h2><p class="value">${share(brand.negative_share)} <small>${interval}</small></p>
      <p class="hint">${usual === null ? "usual not known yet" : `usual ${share(usual)}`}${brand.negative_share_corrected === null || brand.negative_share_corrected === undefined ? nothing
        : html` · <abbr title="Corrected for what the model is known to get wrong">corrected ${share(brand.negative_share_corrected)}</abbr>`}</p></div>
    <div class="tile"><h2>Net sentiment</h2><p class="value">${signed(brand.net_sentiment)}</p>
      <p class="hint">(positive − negative) / all</p></div>
    <div class="tile"><h2>Split</h2>${splitBar(counts)}
      <p class="legend-line">${LABELS.map((label) => html`<span class="key ${label}">${label} <b>${count(counts[label])}</b></span>`)}</p></div>
  </div>`;
}

/** @param {Spike[]} spikes @param {number} now */
function latestSpike(spikes, now) {
  const spike = spikes.find(({ status }) => status === "open") ?? spikes[0];
  if (!spike) return nothing;
  return html`<section class="card why" aria-labelledby="why">
    <header><h2 id="why">${spike.status === "open" ? "Why it spikes now" : "Why it spiked last"}</h2>
      <span class="badge ${spike.kind}">${icon("alarm")}${kindWord(spike.kind)}</span>
      <time class="hint" datetime=${spike.opened_at} title=${dateTime(spike.opened_at)}>${ago(spike.opened_at, now)}</time></header>
    <p class="sentence">${spike.sentence}</p>
    ${termTable(spike, 6)}
    <p><a href=${href("spike", spike.id)}>All evidence ${icon("right")}</a></p>
  </section>`;
}

/** @param {Spike[]} spikes */
function spikeList(spikes) {
  if (spikes.length < 2) return nothing;
  return html`<section class="card" aria-labelledby="spike-list"><header><h2 id="spike-list">Spikes so far</h2></header>
    <ul class="lines">${spikes.slice(0, 8).map((spike) => html`<li><a data-row href=${href("spike", spike.id)}>
      <span class="badge ${spike.kind}">${kindWord(spike.kind)}</span><time datetime=${spike.opened_at}>${dateTime(spike.opened_at)}</time>
      <span class="one-line">${spike.sentence}</span></a></li>`)}</ul>
  </section>`;
}
