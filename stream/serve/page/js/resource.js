/** Something that is fetched, shown and fetched again when the server says that it changed, but not too often. */

const TRANSIENT = new Set([0, 429, 502, 503, 504]); // No answer, or "come back later".
const RETRY_MS = 3000;

export class Resource {
  /** @type {any} */ data = null;
  /** @type {import("./api.js").ApiError | null} */ error = null;
  #asked = 0;
  #busy = false;
  #again = false;
  #closed = false;
  /** @type {number | undefined} */ #timer;

  /**
   * @param {() => Promise<any>} load
   * @param {() => void} changed  called after each answer
   * @param {number} every  shortest time between two requests, ms
   */
  constructor(load, changed, every = 1000) {
    this.load = load;
    this.changed = changed;
    this.every = every;
    this.ask();
  }

  /** Nothing has come yet, neither data nor an error. */
  get loading() {
    return this.data === null && this.error === null;
  }

  /** Fetch soon. Any number of calls in between make one request. */
  ask() {
    if (this.#closed) return;
    if (this.#busy) {
      this.#again = true;
      return;
    }
    if (this.#timer !== undefined) {
      if (!this.error) return;
      clearTimeout(this.#timer); // It only waited to try again.
    }
    const due = this.#asked + this.every - performance.now();
    this.#timer = setTimeout(() => this.#fetch(), this.#asked ? Math.max(0, due) : 0);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  async #fetch() {
    this.#timer = undefined;
    this.#busy = true;
    this.#asked = performance.now();
    try {
      const data = await this.load();
      if (this.#closed) return;
      this.data = data;
      this.error = null;
    } catch (error) {
      if (this.#closed) return;
      this.error = /** @type {import("./api.js").ApiError} */ (error);
      if (!("status" in this.error)) throw error;
    } finally {
      this.#busy = false;
    }
    this.changed();
    if (this.error && TRANSIENT.has(this.error.status)) this.#timer = setTimeout(() => this.#fetch(), RETRY_MS);
    else if (this.#again) {
      this.#again = false;
      this.ask();
    }
  }
}
