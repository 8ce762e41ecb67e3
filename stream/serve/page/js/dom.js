/**
 * What views are written with: lit-html's templates. Text that is put into one becomes text, never markup, so a tweet
 * cannot run anything here. No element has a style attribute, which the page's content security policy forbids;
 * `css` sets properties from script instead, and bars are SVG.
 */
import { html, svg, nothing, noChange, render } from "../vendor/lit-html/lit-html.js";
import { Directive, directive } from "../vendor/lit-html/directive.js";
import { repeat } from "../vendor/lit-html/directives/repeat.js";
import { live } from "../vendor/lit-html/directives/live.js";

export { html, svg, nothing, render, repeat, live };

class CssDirective extends Directive {
  render() {
    return noChange;
  }

  /** @param {any} part @param {[Record<string, string>]} values */
  update(part, [values]) {
    for (const [name, value] of Object.entries(values)) part.element.style.setProperty(name, value);
    return noChange;
  }
}

/** In a tag: `<td ${css({"--share": "0.4"})}>`. */
export const css = /** @type {(values: Record<string, string>) => any} */ (/** @type {any} */ (directive(CssDirective)));

/**
 * An icon, drawn in the colour of the text around it; hidden from screen readers, so the words beside it must do.
 * @param {keyof typeof ICONS} name
 */
export function icon(name) {
  return html`<svg class="icon" viewBox="0 0 20 20" aria-hidden="true"><path d=${ICONS[name]} /></svg>`;
}

const ICONS = {
  up: "M10 16V5M5 9.5 10 4.5l5 5",
  down: "M10 4v11M5 10.5l5 5 5-5",
  right: "M4 10h11M10.5 5.5 15 10l-4.5 4.5",
  left: "M16 10H5M9.500 5.5 5 10l4.500 4.500",
  alarm: "M10 3.200 17.600 16.500H2.400ZM10 8.300v3.400M10 14v.2",
  pause: "M7 4.500v11M13 4.500v11",
  play: "M6.500 4.500v11l9-5.500Z",
  sun: "M10 6.800a3.200 3.200 0 1 0 0 6.400 3.200 3.200 0 0 0 0-6.400M10 2v1.800M10 16.200V18M2 10h1.800M16.200 10H18M4.300 4.300l1.300 1.300M14.400 14.400l1.300 1.300M4.300 15.700l1.300-1.300M14.400 5.600l1.300-1.300",
  moon: "M16.500 11.800A6.800 6.800 0 0 1 8.200 3.500a6.800 6.800 0 1 0 8.300 8.300Z",
  auto: "M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14M10 3v14M10 6.500h5.500M10 10h7M10 13.500h5.500",
  search: "M9 3.500a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11M13 13l4 4",
  close: "M5 5l10 10M15 5 5 15",
  plus: "M10 4.500v11M4.500 10h11",
};
