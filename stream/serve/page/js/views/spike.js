/** One spike, with all that speaks for it. */
import { getSpike } from "../api.js";
import { html, icon, nothing } from "../dom.js";
import { ago, brandName, count, dateTime, duration, ms, share, times } from "../format.js";
import { evidenceTweets, origins, termTable } from "../parts/evidence.js";
import { kindWord } from "../parts/marks.js";
import { shownWhenThere, skeleton } from "../parts/states.js";
import { Resource } from "../resource.js";
import { href } from "../router.js";

/** @typedef {import("../types.js").Spike} Spike */

const EVERY_MS = 1500;
const BEFORE_MS = 3 * 3_600_000;
const AFTER_MS = 3_600_000;

export class SpikeView {
  title = "Spike";

  /** @param {import("../app.js").App} app @param {import("../router.js").Route} route */
  constructor(app, route) {
    this.app = app;
    this.key = `spike/${route.id}`;
    this.spike = new Resource(() => getSpike(route.id), () => this.#came(), EVERY_MS);
  }

  get wants() {
    return { types: "spike", brands: this.spike.data?.brand ?? null };
  }

  update() {}

  /** @param {import("../types.js").ServerEvent} event */
  onEvent(event) {
    if (event.data?.id === this.spike.data?.id) this.spike.ask();
  }

  onReconnect() {
    this.spike.ask();
  }

  close() {
    this.spike.close();
  }

  #came() {
    /** @type {Spike | null} */
    const spike = this.spike.data;
    if (spike) this.title = `${kindWord(spike.kind)}: ${brandName(spike.brand)}`;
    this.app.invalidate();
  }

  render() {
    return html`
      <nav class="crumbs" aria-label="Path"><a href=${href("spikes")}>Spikes</a> / <span>${this.spike.data ? html`<bdi>${brandName(this.spike.data.brand)}</bdi>` : "…"}</span></nav>
      ${this.spike.data ? nothing : html`<h1 tabindex="-1" class="unseen">Spike</h1>`}
      ${shownWhenThere(this.spike, html`<div class="card">${skeleton(6, "64px")}</div>`, (spike) => this.#content(spike))}
    `;
  }

  /** @param {Spike} spike */
  #content(spike) {
    return html`
      <div class="title-row">
        <h1 tabindex="-1"><bdi>${brandName(spike.brand)}</bdi></h1>
        <span class="badge ${spike.kind}">${icon("alarm")}${kindWord(spike.kind)}</span>
        ${spike.status === "open" ? html`<em class="tag open">open</em>` : html`<em class="tag">closed</em>`}
        <p class="lead">${dateTime(spike.opened_at)} UTC (${ago(spike.opened_at, this.app.now)})</p>
        <a class="button" href=${inChart(spike)}>See it in the chart ${icon("right")}</a>
      </div>
      <p class="headline ${spike.kind}">${spike.sentence}</p>
      ${figures(spike, this.app.now)}
      <div class="columns even">
        <div class="column">
          <section class="card" aria-labelledby="terms-title"><header><h2 id="terms-title">What people say</h2>
            <p class="hint">${spike.evidence.terms.length ? `these words explain ${share(spike.evidence.explains)} of the rise` : ""}</p></header>${termTable(spike)}</section>
          <section class="card" aria-labelledby="origins-title"><header><h2 id="origins-title">Where it comes from</h2></header>${origins(spike)}</section>
        </div>
        <section class="card" aria-labelledby="tweets-title"><header><h2 id="tweets-title">Tweets that stand for many</h2></header>
          ${evidenceTweets(spike, this.app.now)}</section>
      </div>
    `;
  }
}

/** @param {Spike} spike */
function inChart(spike) {
  const from = new Date(ms(spike.opened_at) - BEFORE_MS).toISOString();
  const to = new Date(ms(spike.closed_at ?? spike.updated_at) + AFTER_MS).toISOString();
  return href("brand", spike.brand, { from, to });
}

/** @param {Spike} spike @param {number} now */
function figures(spike, now) {
  const volume = spike.kind === "volume";
  const level = (/** @type {number} */ x) => (volume ? `${count(x)}/min` : share(x));
  const end = spike.closed_at ? ms(spike.closed_at) : now || ms(spike.updated_at);
  return html`<div class="tiles">
    <div class="tile"><h2>${volume ? "Tweets a minute" : `${spike.kind === "negative" ? "Negative" : "Positive"} share`}</h2>
      <p class="value">${level(spike.share)} <small>usual ${level(spike.baseline)}</small></p>
      <p class="hint">at its peak ${level(spike.peak_share)}</p></div>
    <div class="tile"><h2>How unusual</h2><p class="value">${spike.peak_z.toFixed(1)} <small>σ at its peak</small></p>
      <p class="hint">${spike.baseline > 0 ? `${times(spike.share / spike.baseline)} what is usual` : "usual is none"}</p></div>
    <div class="tile"><h2>Tweets</h2><p class="value">${count(spike.tweets)}</p>
      <p class="hint">${spike.authors ? `by at least ${count(spike.authors)} people` : "authors not known"}</p></div>
    <div class="tile"><h2>${spike.closed_at ? "Lasted" : "Lasts for"}</h2><p class="value">${duration(end - ms(spike.started_at))}</p>
      <p class="hint">${spike.closed_at ? `ended ${dateTime(spike.closed_at)}${spike.reason ? `: ${spike.reason}` : ""}` : "still open"}</p></div>
  </div>`;
}
