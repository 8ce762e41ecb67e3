/** One of several: a row of links, so that each choice has an address. */
import { html, nothing } from "../dom.js";

/**
 * @param {string} name  for screen readers
 * @param {{title: string, href: string, chosen: boolean, disabled?: boolean, hint?: string}[]} options
 */
export function choices(name, options) {
  return html`<div class="choices" role="group" aria-label=${name}>
    ${options.map(({ title, href, chosen, disabled, hint }) =>
      disabled
        ? html`<span class="choice off" title=${hint ?? ""}>${title}</span>`
        : html`<a class="choice" href=${href} aria-current=${chosen ? "true" : nothing} title=${hint ?? nothing}>${title}</a>`)}
  </div>`;
}
