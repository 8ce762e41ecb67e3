/** Keys. Each view may have its own (`onKey`); these hold everywhere. */
import { go, href } from "./router.js";
import { nextTheme } from "./theme.js";

/** What the help shows: keys, and what they do. @type {[string[], string][]} */
export const SHORTCUTS = [
  [["g", "b"], "All brands"],
  [["g", "c"], "Compare brands"],
  [["g", "s"], "Spikes"],
  [["g", "t"], "Try the model"],
  [["/"], "Filter the list"],
  [["j"], "Next row"],
  [["k"], "Previous row"],
  [["1", "…", "4"], "Window size: 1 min, 5 min, 15 min, 1 h"],
  [["p"], "Pause or resume the tweets"],
  [["d"], "Light, dark or as the system"],
  [["?"], "This help"],
  [["Esc"], "Close, or leave a field"],
];

const GO = /** @type {Record<string, string>} */ ({ b: "brands", c: "compare", s: "spikes", t: "try" });
const CHORD_MS = 1500;
let chordUntil = 0;

/** @param {KeyboardEvent} event @param {import("./app.js").App} app */
export function onShortcut(event, app) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.closest?.("input, textarea, select, dialog[open]")) {
    if (event.key === "Escape" && !target.closest("dialog")) target.blur();
    return;
  }
  if (handle(event.key, app)) event.preventDefault();
}

/** @param {string} key @param {import("./app.js").App} app */
function handle(key, app) {
  if (performance.now() < chordUntil && key in GO) {
    chordUntil = 0;
    go(href(GO[key]));
    return true;
  }
  if (key === "g") chordUntil = performance.now() + CHORD_MS;
  else if (key === "/") return focus("[data-filter]");
  else if (key === "j" || key === "k") return step(key === "j" ? 1 : -1);
  else if (key === "d") app.say(`Theme: ${nextTheme()}`);
  else if (key === "?") openHelp();
  else return app.view?.onKey?.(key) ?? false;
  return true;
}

export function openHelp() {
  /** @type {HTMLDialogElement | null} */ (document.querySelector("dialog.help"))?.showModal();
}

/** @param {string} selector */
function focus(selector) {
  const field = /** @type {HTMLElement | null} */ (document.querySelector(selector));
  field?.focus();
  return field !== null;
}

/** To the link of the next or previous row. @param {number} by */
function step(by) {
  const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("[data-row]")]);
  const at = rows.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  const next = rows[at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by];
  next?.focus();
  return rows.length > 0;
}
