/**
 * The server's events (SSE), over fetch rather than EventSource: that gives up for good on a 503, cannot say where to
 * go on after that, and does not notice a connection that died without a word.
 */
import { queryString } from "./api.js";

const SILENCE_MS = 45_000; // The server sends at least a comment more often than this.
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
const MAX_LINE = 4_000_000;

/** @typedef {import("./types.js").ServerEvent} ServerEvent */
/** @typedef {"connecting" | "open" | "lost"} Connection */

export class EventStream {
  #abort = new AbortController();
  #lastId = "";
  #wait = FIRST_WAIT_MS;
  /** @type {number | undefined} */ #timer;

  /**
   * @param {{brands?: string, types: string}} query
   * @param {(event: ServerEvent) => void} onEvent
   * @param {(connection: Connection) => void} onConnection
   */
  constructor(query, onEvent, onConnection) {
    this.query = query;
    this.onEvent = onEvent;
    this.onConnection = onConnection;
    this.#run();
  }

  close() {
    clearTimeout(this.#timer);
    this.#abort.abort();
  }

  async #run() {
    const closed = this.#abort.signal;
    for (let first = true; !closed.aborted; first = false) {
      if (first) this.onConnection("connecting");
      await this.#connect().catch(() => {});
      if (closed.aborted) return;
      this.onConnection("lost");
      await new Promise((resolve) => setTimeout(resolve, this.#wait * (0.75 + Math.random() / 2)));
      this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_MS);
    }
  }

  async #connect() {
    const attempt = new AbortController();
    const signal = AbortSignal.any([this.#abort.signal, attempt.signal]);
    const alive = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => attempt.abort(), SILENCE_MS);
    };
    alive();
    try {
      /** @type {Record<string, string>} */
      const headers = { Accept: "text/event-stream" };
      if (this.#lastId) headers["Last-Event-ID"] = this.#lastId;
      const response = await fetch(`events${queryString(this.query)}`, { headers, signal, cache: "no-store" });
      if (!response.ok || !response.body) throw new Error(`events: ${response.status}`);
      this.onConnection("open");
      this.#wait = FIRST_WAIT_MS;
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const parser = new SseParser((event) => this.#deliver(event));
      for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
        alive();
        parser.feed(chunk.value);
      }
    } finally {
      clearTimeout(this.#timer);
    }
  }

  /** @param {{type: string, data: string, id: string | null}} raw */
  #deliver({ type, data, id }) {
    if (id !== null) this.#lastId = id;
    if (data === "" || this.#abort.signal.aborted) return;
    this.onEvent({ type: /** @type {ServerEvent["type"]} */ (type), data: JSON.parse(data) });
  }
}

/** Chunks of text in, events out, by the rules of the HTML standard as far as a server needs them. */
export class SseParser {
  #rest = "";
  #type = "message";
  /** @type {string[]} */ #data = [];
  /** @type {string | null} */ #id = null;

  /** @param {(event: {type: string, data: string, id: string | null}) => void} onEvent */
  constructor(onEvent) {
    this.onEvent = onEvent;
  }

  /** @param {string} chunk */
  feed(chunk) {
    const lines = (this.#rest + chunk).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > MAX_LINE) throw new Error("events: a line without an end");
    for (const line of lines) this.#line(line);
  }

  /** @param {string} line */
  #line(line) {
    if (line === "") {
      if (this.#data.length || this.#id !== null) {
        this.onEvent({ type: this.#type, data: this.#data.join("\n"), id: this.#id });
      }
      this.#type = "message";
      this.#data = [];
      this.#id = null;
      return;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#type = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id") this.#id = value;
  }
}
