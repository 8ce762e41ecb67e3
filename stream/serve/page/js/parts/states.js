/** What stands where there is nothing to show: not yet, nothing at all, or an error. */
import { css, html, icon } from "../dom.js";

/** Grey bars of about the height of what is coming. @param {number} rows @param {string} height  CSS length of one */
export function skeleton(rows, height = "20px") {
  return html`<div class="skeleton" role="status" aria-label="Loading">
    ${Array.from({ length: rows }, () => html`<i ${css({ height })}></i>`)}
  </div>`;
}

/** @param {string} title @param {any} text */
export function empty(title, text) {
  return html`<div class="empty"><h2>${title}</h2><p>${text}</p></div>`;
}

/** @param {import("../api.js").ApiError} error @param {() => void} again */
export function failure(error, again) {
  return html`<div class="empty failed" role="alert">
    <h2>${icon("alarm")} ${error.status === 404 ? "Not found" : (error.title ?? "Something went wrong")}</h2>
    <p>${error.message.split("; GET ")[0]}</p>
    ${error.status === 404 ? html`<p><a href="#/">All brands</a></p>` : ""}
    <button @click=${again}>Try again</button>
  </div>`;
}

/** What a resource has to show for itself. @param {import("../resource.js").Resource} resource @param {any} loading @param {(data: any) => any} shown */
export function shownWhenThere(resource, loading, shown) {
  // What is there stays, also when fetching it anew fails: the notice says so.
  if (resource.data !== null) return shown(resource.data);
  return resource.error ? failure(resource.error, () => resource.ask()) : loading;
}
