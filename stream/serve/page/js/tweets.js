/** The tweets of one brand as they come: bounded, filtered by label, paused at will. */
import { getTweets } from "./api.js";

/** @typedef {import("./types.js").Tweet} Tweet */
/** @typedef {import("./types.js").Label} Label */

export const MOST_SHOWN = 100;
const MOST_WITH_OLDER = 400;
const MOST_WAITING = 200;
const SHOW_EVERY_MS = 1000; // A list that moves more often cannot be read.
const PAGE = 40;
const MOST_TEXT = 4000; // More than any tweet; a text of megabytes must not stay in memory a hundred times.

export class TweetFeed {
  /** @type {Tweet[]} newest first */ items = [];
  paused = false;
  loading = true;
  /** @type {import("./api.js").ApiError | null} */ error = null;
  /** Came while paused or since the last look, at most MOST_WAITING. @type {Tweet[]} */ waiting = [];
  /** How many more came than are waiting. */ missed = 0;
  #most = MOST_SHOWN;
  /** @type {string | null} */ #next = null;
  /** @type {number | undefined} */ #timer;
  #asked = 0;

  /** @param {string} brand @param {Label | ""} label @param {() => void} changed */
  constructor(brand, label, changed) {
    this.brand = brand;
    this.label = label;
    this.changed = changed;
    this.load();
  }

  get hasOlder() {
    return this.#next !== null && this.items.length < MOST_WITH_OLDER;
  }

  /** @param {Label | ""} label */
  filter(label) {
    if (label === this.label) return;
    this.label = label;
    this.items = [];
    this.waiting = [];
    this.missed = 0;
    this.#most = MOST_SHOWN;
    this.load();
  }

  /** From the beginning: the newest ones. */
  async load() {
    const asked = ++this.#asked;
    this.loading = this.items.length === 0;
    const answer = await this.#fetch(asked, null);
    if (!answer) return;
    this.items = this.#distinct([...this.items.filter((tweet) => !answer.includes(tweet)), ...answer]);
    this.items.sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
    this.items.length = Math.min(this.items.length, this.#most);
    this.changed();
  }

  async older() {
    if (!this.#next) return;
    const answer = await this.#fetch(++this.#asked, this.#next);
    if (!answer) return;
    this.#most = MOST_WITH_OLDER;
    this.items = this.#distinct([...this.items, ...answer]).slice(0, this.#most);
    this.changed();
  }

  /** @param {Tweet} tweet  one that has just been labelled */
  add(tweet) {
    if (tweet.brand !== this.brand || (this.label && tweet.label !== this.label)) return;
    this.waiting.push(trimmed(tweet));
    if (this.waiting.length > MOST_WAITING) {
      this.waiting.shift();
      this.missed += 1;
    }
    this.#timer ??= setTimeout(() => this.#show(), SHOW_EVERY_MS);
  }

  /** @param {boolean} paused */
  pause(paused) {
    this.paused = paused;
    this.#show();
  }

  close() {
    this.#asked += 1;
    clearTimeout(this.#timer);
  }

  #show() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (!this.paused) {
      this.items = this.#distinct([...this.waiting.reverse(), ...this.items]).slice(0, this.#most);
      this.waiting = [];
      this.missed = 0;
    }
    this.changed();
  }

  /** @param {number} asked @param {string | null} before @returns {Promise<Tweet[] | null>} null if it came too late or not */
  async #fetch(asked, before) {
    try {
      const answer = await getTweets(this.brand, { label: this.label, limit: PAGE, before: before ?? undefined });
      if (asked !== this.#asked) return null;
      this.#next = answer.next;
      this.error = null;
      return answer.tweets.map(trimmed);
    } catch (error) {
      if (asked === this.#asked) this.error = /** @type {import("./api.js").ApiError} */ (error);
      return null;
    } finally {
      if (asked === this.#asked) this.loading = false;
      this.changed();
    }
  }

  /** @param {Tweet[]} tweets */
  #distinct(tweets) {
    const seen = new Set();
    return tweets.filter((tweet) => !seen.has(tweet.id) && seen.add(tweet.id));
  }
}

/** Only what is shown. @param {Tweet} tweet @returns {Tweet} */
function trimmed({ id, text, created_at, author, brand, label, confidence }) {
  return { id, text: text.slice(0, MOST_TEXT), created_at, author, brand, label, confidence };
}
