/** What the chart says where the cursor is. */
import { day, hourMinute } from "../format.js";
import { FORMATS } from "./options.js";

const GAP_PX = 14;

/** A plugin of uPlot. @param {import("./options.js").Setting} setting */
export function tooltip(setting) {
  const box = document.createElement("div");
  box.className = "tooltip";
  box.hidden = true;
  return {
    hooks: {
      init: (/** @type {any} */ plot) => plot.over.append(box),
      setCursor: (/** @type {any} */ plot) => {
        const at = plot.cursor.idx;
        const spec = setting.spec();
        // Of charts that share a cursor, the one under the mouse speaks.
        box.hidden = at === null || at === undefined || plot.cursor.left < 0 || !plot.over.matches(":hover");
        if (box.hidden) return;
        box.replaceChildren(heading(spec, at), ...rows(spec, at));
        place(box, plot);
      },
    },
  };
}

/** @param {import("./element.js").ChartSpec} spec @param {number} at */
function heading(spec, at) {
  const start = (spec.x[at] - spec.step / 2) * 1000;
  const end = start + spec.step * 1000;
  const title = document.createElement("b");
  title.textContent = `${day(start)}, ${hourMinute(start)} – ${hourMinute(end)}`;
  return title;
}

/** @param {import("./element.js").ChartSpec} spec @param {number} at */
function rows(spec, at) {
  return spec.series
    .filter((series) => series.label)
    .map((series) => {
      const value = (series.told ?? series.values)[at];
      const row = document.createElement("span");
      const key = document.createElement("i");
      key.style.background = `var(${series.colour})`;
      const number = document.createElement("em");
      number.textContent = (series.format ?? FORMATS[spec.axis])(value);
      row.append(key, series.label, number);
      return row;
    });
}

/** @param {HTMLElement} box @param {any} plot */
function place(box, plot) {
  const { left } = plot.cursor;
  const width = box.offsetWidth;
  const flip = left + GAP_PX + width > plot.over.clientWidth;
  box.style.transform = `translate(${Math.max(0, flip ? left - GAP_PX - width : left + GAP_PX)}px, 6px)`;
}
