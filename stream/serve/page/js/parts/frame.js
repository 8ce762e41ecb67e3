/** What is around every view: bar, notice, help, and words for screen readers. */
import { html, icon, nothing } from "../dom.js";
import { date, hourMinute, isReplay } from "../format.js";
import { href } from "../router.js";
import { SHORTCUTS, openHelp } from "../shortcuts.js";
import { nextTheme, theme } from "../theme.js";
import { health, healthState } from "./health.js";

const NAV = [
  ["brands", "Brands"],
  ["compare", "Compare"],
  ["spikes", "Spikes"],
  ["try", "Try the model"],
];
const PART_OF = /** @type {Record<string, string>} */ ({ brand: "brands", spike: "spikes" });
const THEME_ICON = /** @type {const} */ ({ auto: "auto", light: "sun", dark: "moon" });

/** @param {import("../app.js").App} app */
export function frame(app) {
  return html`
    <a class="skip" href="#main" @click=${skip}>Skip to content</a>
    <header class="bar">
      <div class="bar-inner">
        <a class="logo" href=${href("brands")} aria-label="Barometer, all brands">${logo()}<b>Barometer</b></a>
        <nav aria-label="Views">${NAV.map(([name, title]) => tab(app, name, title))}</nav>
        <div class="bar-end">
          ${eventTime(app)} ${health(app)}
          <button class="quiet square" @click=${() => app.say(`Theme: ${nextTheme()}`)}
            title="Theme: ${theme()}" aria-label="Change theme, now ${theme()}">${icon(THEME_ICON[theme()])}</button>
          <button class="quiet square help-button" @click=${openHelp} title="Keyboard shortcuts" aria-label="Keyboard shortcuts">?</button>
        </div>
      </div>
    </header>
    <main class="page" id="main" tabindex="-1">${app.view?.render() ?? nothing}</main>
    ${notice(app)} ${help()}
    <p class="unseen" role="status" aria-live="polite">${app.said}</p>
  `;
}

/** The address holds the view, so the link cannot be followed as it is. @param {Event} event */
function skip(event) {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function logo() {
  return html`<svg viewBox="0 0 32 32" aria-hidden="true"><path class="dial" d="M5 21.500a11 11 0 0 1 22 0" /><path class="needle" d="M16 21.500l5.500-7.500" /><circle cx="16" cy="21.500" r="2.600" /></svg>`;
}

/** @param {import("../app.js").App} app @param {string} name @param {string} title */
function tab(app, name, title) {
  const here = (PART_OF[app.route.name] ?? app.route.name) === name;
  return html`<a href=${href(name)} aria-current=${here ? "page" : nothing}>${title}</a>`;
}

/** @param {import("../app.js").App} app */
function eventTime(app) {
  const at = app.freshness?.watermark;
  if (!at) return html`<span class="now" aria-hidden="true"></span>`;
  const replay = isReplay(at);
  const why = "Event time, to which everything is counted. All times are UTC.";
  return html`<span class="now" title=${replay ? `${why} It lies far from the clock on the wall: this is a replay.` : why}>
    ${replay ? html`<em class="tag">Replay</em>` : nothing}
    <span class="now-date">${date(at)}</span> <time datetime=${at}>${hourMinute(at)}</time><span class="now-date"> UTC</span>
  </span>`;
}

/** Over the page, so that nothing moves when it comes and goes. @param {import("../app.js").App} app */
function notice(app) {
  const state = healthState(app);
  if (!state.notice) return nothing;
  return html`<div class="notice ${state.tone}" role="status">${icon("alarm")}<span>${state.notice}</span></div>`;
}

function help() {
  return html`<dialog class="help" aria-labelledby="help-title">
    <form method="dialog">
      <h2 id="help-title">Keyboard shortcuts</h2>
      <button class="quiet square" aria-label="Close">${icon("close")}</button>
    </form>
    <dl>${SHORTCUTS.map(([keys, what]) => html`<div><dt>${keys.map((key) => html`<kbd>${key}</kbd> `)}</dt><dd>${what}</dd></div>`)}</dl>
  </dialog>`;
}
