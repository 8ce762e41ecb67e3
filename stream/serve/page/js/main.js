/** Starts the page: routes to views, view and frame to the document, keys to shortcuts. */
import { App } from "./app.js";
import { render } from "./dom.js";
import { parse } from "./router.js";
import { frame } from "./parts/frame.js";
import { onShortcut } from "./shortcuts.js";
import { applyTheme } from "./theme.js";
import { BrandsView } from "./views/brands.js";
import { BrandView } from "./views/brand.js";
import { CompareView } from "./views/compare.js";
import { SpikesView } from "./views/spikes.js";
import { SpikeView } from "./views/spike.js";
import { TryView } from "./views/try.js";
import { MissingView } from "./views/missing.js";
import "./chart/element.js";

/** @type {Record<string, new (app: App, route: import("./router.js").Route) => import("./app.js").View>} */
const VIEWS = {
  brands: BrandsView,
  brand: BrandView,
  compare: CompareView,
  spikes: SpikesView,
  spike: SpikeView,
  try: TryView,
};

const root = /** @type {HTMLElement} */ (document.getElementById("app"));
root.replaceChildren();
applyTheme();
const app = new App(() => {
  render(frame(app), root);
  document.title = app.view ? `${app.view.title} · Barometer` : "Barometer";
});

function follow() {
  const route = parse(location.hash);
  const kind = VIEWS[route.name] ?? MissingView;
  const same = app.view instanceof kind && app.view.key === `${route.name}/${route.id}`;
  if (same && app.view) {
    app.route = route;
    app.view.update(route);
    app.listen();
    app.invalidate();
    return;
  }
  const first = app.view === null;
  app.open(new kind(app, route), route);
  if (first) return;
  scrollTo(0, 0);
  // As after loading a page: what comes next is the view's heading.
  requestAnimationFrame(() => requestAnimationFrame(() => document.querySelector("h1")?.focus({ preventScroll: true })));
}

addEventListener("hashchange", follow);
addEventListener("keydown", (event) => onShortcut(event, app));
follow();
app.draw();
