/** What happened: all spikes, newest first. */
import { getSpikes } from "../api.js";
import { html, icon, nothing } from "../dom.js";
import { ago, brandName, dateTime, duration, ms } from "../format.js";
import { choices } from "../parts/choices.js";
import { kindWord } from "../parts/marks.js";
import { empty, shownWhenThere, skeleton } from "../parts/states.js";
import { Resource } from "../resource.js";
import { href, withQuery } from "../router.js";

/** @typedef {import("../types.js").Spike} Spike */

const EVERY_MS = 2000;
const MOST = 100;
const KINDS = /** @type {const} */ (["negative", "positive", "volume"]);

export class SpikesView {
  title = "Spikes";
  key = "spikes/";
  wants = { types: "spike" };

  /** @param {import("../app.js").App} app @param {import("../router.js").Route} route */
  constructor(app, route) {
    this.app = app;
    this.query = route.query;
    this.spikes = this.#load();
  }

  #load() {
    const query = { kind: this.query.get("kind") ?? "", status: this.query.get("status") ?? "", brand: this.query.get("brand") ?? "", limit: MOST };
    return new Resource(() => getSpikes(query), () => this.app.invalidate(), EVERY_MS);
  }

  /** @param {import("../router.js").Route} route */
  update(route) {
    this.query = route.query;
    this.spikes.close();
    const before = this.spikes.data;
    this.spikes = this.#load();
    this.spikes.data = before;
  }

  onEvent() {
    this.spikes.ask();
  }

  onReconnect() {
    this.spikes.ask();
  }

  close() {
    this.spikes.close();
  }

  render() {
    const { route } = this.app;
    const [kind, status] = [this.query.get("kind") ?? "", this.query.get("status") ?? ""];
    return html`
      <div class="title-row"><h1 tabindex="-1">Spikes</h1><p class="lead">When a brand was suddenly spoken of more, or otherwise, than is usual.</p></div>
      <div class="range-bar">
        ${choices("Kind", [{ title: "all", href: withQuery(route, { kind: null }), chosen: !kind },
          ...KINDS.map((one) => ({ title: one, href: withQuery(route, { kind: one }), chosen: kind === one }))])}
        ${choices("Status", ["", "open", "closed"].map((one) => ({ title: one || "open and closed", href: withQuery(route, { status: one || null }), chosen: status === one })))}
      </div>
      ${shownWhenThere(this.spikes, html`<div class="card">${skeleton(4, "84px")}</div>`, ({ spikes }) => this.#list(spikes))}
    `;
  }

  /** @param {Spike[]} spikes */
  #list(spikes) {
    if (!spikes.length) {
      return empty("No spikes", "A spike opens when a share or the volume rises further than chance and the brand's own habits explain.");
    }
    return html`<ol class="spike-cards">${spikes.map((spike) => html`<li class="card spike-card ${spike.kind}">
      <header><span class="badge ${spike.kind}">${icon("alarm")}${kindWord(spike.kind)}</span>
        <h2><a data-row href=${href("spike", spike.id)}><bdi>${brandName(spike.brand)}</bdi></a></h2>
        ${spike.status === "open" ? html`<em class="tag open">open</em>` : nothing}
        <p class="hint"><time datetime=${spike.opened_at} title=${ago(spike.opened_at, this.app.now)}>${dateTime(spike.opened_at)}</time>,
          ${spike.closed_at ? "lasted" : "for"} ${duration((spike.closed_at ? ms(spike.closed_at) : this.app.now || ms(spike.updated_at)) - ms(spike.opened_at))}</p></header>
      <p class="sentence">${spike.sentence}</p>
      <p class="term-chips">${spike.evidence.terms.slice(0, 6).map(({ term }) => html`<span class="term"><bdi>${term}</bdi></span>`)}</p>
    </li>`)}</ol>`;
  }
}
