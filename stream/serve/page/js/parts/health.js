/** Pipeline health: a light in the corner that opens to figures. */
import { html, nothing } from "../dom.js";
import { count, dateTime, duration, isReplay, ms } from "../format.js";

/** @typedef {{tone: "good" | "warn" | "bad" | "wait", word: string, notice: string}} HealthState */

/** The worst thing that is known. @param {import("../app.js").App} app @returns {HealthState} */
export function healthState(app) {
  const fresh = app.freshness;
  const until = fresh?.watermark ? ` Figures are as of ${dateTime(fresh.watermark)}.` : "";
  if (app.connection === "lost") {
    return { tone: "bad", word: "Reconnecting", notice: `No connection to the server. Trying again.${until}` };
  }
  if (!fresh) return { tone: "wait", word: "Connecting", notice: "" };
  if (fresh.kafka === "down") {
    return { tone: "bad", word: "Kafka down", notice: `Kafka cannot be reached, so nothing new comes in.${until}` };
  }
  if (fresh.state === "stale") {
    return { tone: "warn", word: "Stale", notice: `Nothing new has come in for a while.${until}` };
  }
  if (fresh.state === "catching-up") {
    return { tone: "warn", word: "Catching up", notice: "Reading what was missed: figures are still growing." };
  }
  return { tone: "good", word: "Live", notice: "" };
}

/** @param {import("../app.js").App} app */
export function health(app) {
  const state = healthState(app);
  return html`
    <button class="health ${state.tone}" popovertarget="health" aria-label="Pipeline health: ${state.word}">
      <i aria-hidden="true"></i><span>${state.word}</span>
    </button>
    <section class="popover" id="health" popover aria-label="Pipeline health">
      <h2>Pipeline health</h2>
      <dl>${figures(app).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
      ${app.stats.error ? html`<p class="hint">Figures of the model are not to be had: ${app.stats.error.message}</p>` : nothing}
    </section>
  `;
}

/** @param {import("../app.js").App} app @returns {[string, any][]} */
function figures(app) {
  const fresh = app.freshness;
  const stats = app.stats.data;
  const model = stats?.labelling_model ?? stats?.model;
  const distance = Math.abs(Date.now() - ms(fresh?.watermark));
  return [
    ["Connection", { open: "Open", connecting: "Connecting", lost: "Lost, trying again" }[app.connection]],
    ["Kafka", fresh ? { up: "Up", down: "Down" }[fresh.kafka] : "–"],
    ["Event time", html`${dateTime(fresh?.watermark)}${isReplay(fresh?.watermark) ? html`<small>a replay: ${duration(distance)} from the wall clock</small>` : nothing}`],
    ["Last record", fresh?.lag_s === null || fresh?.lag_s === undefined ? "–" : `${duration(fresh.lag_s * 1000)} ago`],
    ["Throughput", rate(stats)],
    ["Model", model?.name ?? "–"],
    ["Version", html`<code>${model?.version ?? "–"}</code>`],
  ];
}

/** @param {any} stats */
function rate(stats) {
  const perSecond = stats?.labelled_per_s;
  return perSecond === null || perSecond === undefined ? "–" : `${perSecond < 10 ? perSecond.toFixed(1) : count(perSecond)} tweets/s`;
}
