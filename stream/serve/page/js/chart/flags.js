/** Spikes in a chart: a shaded stretch on the canvas, and above it a real link, which keys and screen readers reach. */

/** @typedef {import("./element.js").Flag} Flag */

const FLAG_PX = 20;

/** A plugin of uPlot. @param {import("./options.js").Setting} setting */
export function shadeFlags(setting) {
  return {
    hooks: {
      drawClear: (/** @type {any} */ plot) => {
        const { ctx, bbox } = plot;
        ctx.save();
        ctx.beginPath();
        ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
        ctx.clip();
        for (const flag of setting.spec().flags) {
          const [left, right] = [plot.valToPos(flag.from, "x", true), plot.valToPos(flag.to, "x", true)];
          ctx.fillStyle = setting.colour(`${flag.colour}-shade`);
          ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
          ctx.fillStyle = setting.colour(flag.colour);
          ctx.fillRect(left, bbox.top, Math.max(1, devicePixelRatio), bbox.height);
        }
        ctx.restore();
      },
    },
  };
}

/** Links over the plot, one for each flag that begins in what is shown. @param {HTMLElement} layer @param {any} plot @param {Flag[]} flags */
export function placeFlags(layer, plot, flags) {
  const offset = plot.over.offsetLeft;
  const width = plot.over.clientWidth;
  const kept = new Map([...layer.children].map((link) => [/** @type {HTMLElement} */ (link).dataset.href, link]));
  let before = -Infinity;
  let level = 0;
  for (const flag of [...flags].sort((a, b) => a.from - b.from)) {
    const at = plot.valToPos(flag.from, "x");
    const inside = at >= -1 && at <= width;
    const link = /** @type {HTMLAnchorElement} */ (kept.get(flag.href) ?? document.createElement("a"));
    if (inside) kept.delete(flag.href);
    else continue;
    // Two that begin together stand one below the other.
    level = at - before < FLAG_PX ? level + 1 : 0;
    before = at;
    link.dataset.href = flag.href;
    link.href = flag.href;
    link.className = "flag";
    link.style.setProperty("--flag", `var(${flag.colour})`);
    link.style.left = `${offset + at}px`;
    link.style.top = `${plot.over.offsetTop + level * FLAG_PX}px`;
    link.setAttribute("aria-label", flag.title);
    link.title = flag.title;
    if (!link.isConnected) layer.append(link);
  }
  for (const gone of kept.values()) gone.remove();
}
