/**
 * What all views share: the route, freshness, the connection to the events, and one drawing for each frame.
 *
 * A view never touches the document. It keeps its state, returns a template from `render`, and calls
 * `app.invalidate()` when that would come out differently now; however often it does, the page is drawn once a frame.
 */
import { EventStream } from "./events.js";
import { getStats } from "./api.js";
import { Resource } from "./resource.js";
import { ms } from "./format.js";

/** @typedef {import("./router.js").Route} Route */
/** @typedef {import("./types.js").ServerEvent} ServerEvent */
/**
 * @typedef {object} View
 * @property {string} title
 * @property {string} key  a route with another key gets a new view
 * @property {Record<string, any>} wants  query of /events: which types, which brands
 * @property {(route: Route) => void} update  the same view, another query
 * @property {() => any} render
 * @property {(event: ServerEvent) => void} onEvent
 * @property {() => void} onReconnect  events may have been missed
 * @property {() => void} close
 * @property {(key: string) => boolean} [onKey]  true if it was a shortcut of this view
 */

const STATS_EVERY_MS = 10_000;
const HIDDEN_CLOSE_MS = 30_000; // A tab in the background gives its connection back: a browser has few for each server.

export class App {
  /** @type {View | null} */ view = null;
  /** @type {Route} */ route = { name: "brands", id: "", query: new URLSearchParams() };
  /** @type {import("./types.js").Freshness | null} */ freshness = null;
  /** @type {import("./events.js").Connection} */ connection = "connecting";
  /** Words for screen readers, said politely. */
  said = "";
  #frame = 0;
  #hidden = 0;
  #lost = false;
  /** What is shown was loaded while something was missing, and was not loaded again yet. */
  #behind = false;
  /** @type {EventStream | null} */ #stream = null;
  #wants = "";

  /** @param {() => void} draw */
  constructor(draw) {
    this.draw = draw;
    this.stats = new Resource(getStats, () => this.invalidate(), STATS_EVERY_MS / 2);
    setInterval(() => this.#tick(), STATS_EVERY_MS);
    document.addEventListener("visibilitychange", () => this.#visibility());
  }

  /** Event time: what counts as now. NaN until it is known. */
  get now() {
    return ms(this.freshness?.watermark);
  }

  invalidate() {
    if (this.#frame || document.hidden) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.draw();
    });
  }

  /** @param {import("./types.js").Freshness | null | undefined} freshness  as of an answer or an event */
  learn(freshness) {
    if (freshness) this.freshness = freshness;
    this.invalidate();
  }

  /** @param {string} words */
  say(words) {
    this.said = words;
    this.invalidate();
  }

  /** @param {View} view @param {Route} route */
  open(view, route) {
    this.view?.close();
    this.view = view;
    this.route = route;
    this.listen();
    this.invalidate();
  }

  /** Connect to the events that the view wants, unless that is so already. */
  listen() {
    const wants = this.view?.wants ?? {};
    const key = JSON.stringify(wants);
    if (this.#stream && key === this.#wants) return;
    this.#stream?.close();
    this.#wants = key;
    this.#stream = new EventStream(
      /** @type {any} */ (wants),
      (event) => this.#onEvent(event),
      (connection) => this.#onConnection(connection),
    );
  }

  /** @param {ServerEvent} event */
  #onEvent(event) {
    if (event.type === "freshness") {
      this.learn(event.data);
      this.#catchUp();
    }
    else if (event.type === "reset") this.view?.onReconnect();
    else this.view?.onEvent(event);
  }

  /** @param {import("./events.js").Connection} connection */
  #onConnection(connection) {
    if (connection === "lost" && !this.#lost) {
      this.#lost = true;
      this.say("Connection lost. Reconnecting.");
    }
    if (connection === "open" && this.#lost) {
      this.#lost = false;
      this.#behind = true;
      this.say("Connected again.");
      this.stats.ask();
    }
    // While it tries again, "lost" stays until a connection is open.
    this.connection = connection === "connecting" && this.#lost ? "lost" : connection;
    this.invalidate();
  }

  /** Load what was missed, but not from a server that was started just now and still reads its topics. */
  #catchUp() {
    const whole = this.freshness?.state !== "catching-up";
    if (whole && this.#behind) this.view?.onReconnect();
    this.#behind = !whole;
  }

  #tick() {
    if (document.hidden) return;
    this.stats.ask();
    this.invalidate(); // Relative times move on.
  }

  #visibility() {
    clearTimeout(this.#hidden);
    if (document.hidden) {
      this.#hidden = setTimeout(() => {
        this.#stream?.close();
        this.#stream = null;
      }, HIDDEN_CLOSE_MS);
      return;
    }
    if (!this.#stream) {
      this.listen();
      this.view?.onReconnect();
    }
    this.invalidate();
  }
}
