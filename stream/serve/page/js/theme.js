/** Light, dark, or as the system says; remembered on this machine. */

const KEY = "barometer-theme";
const ORDER = /** @type {const} */ (["auto", "light", "dark"]);
/** @typedef {typeof ORDER[number]} Theme */

/** @returns {Theme} */
export function theme() {
  const chosen = document.documentElement.dataset.theme;
  return chosen === "light" || chosen === "dark" ? chosen : "auto";
}

/** The next one: auto, light, dark. @returns {Theme} */
export function nextTheme() {
  const next = ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length];
  if (next === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = next;
  try {
    if (next === "auto") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, next);
  } catch {
    // Not remembered, then.
  }
  announce();
  return next;
}

/** Tell whoever draws on a canvas, which CSS does not reach, when colours change. */
export function applyTheme() {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announce);
}

function announce() {
  dispatchEvent(new Event("themechange"));
}
