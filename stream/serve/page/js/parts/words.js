/** Top terms of the tweets that are shown. */
import { html } from "../dom.js";
import { count } from "../format.js";
import { topWords } from "../words.js";
import { splitBar } from "./marks.js";

/** @typedef {import("../types.js").Tweet} Tweet */

const MOST = 8;
/** The last answer: the page is drawn more often than tweets come. @type {{tweets: Tweet[] | null, words: ReturnType<typeof topWords>}} */
const last = { tweets: null, words: [] };

/** @param {Tweet[]} tweets */
export function wordPanel(tweets) {
  if (last.tweets !== tweets) {
    last.tweets = tweets;
    last.words = topWords(tweets, tweets[0]?.brand ?? "", MOST);
  }
  return html`<section class="card words" aria-labelledby="words-title">
    <header><h2 id="words-title">Top terms</h2><p class="hint">of the ${count(tweets.length)} tweets above</p></header>
    ${last.words.length
      ? html`<table class="terms"><caption class="unseen">Most used words, with the labels of their tweets</caption>
        <thead class="unseen"><tr><th scope="col">Word</th><th scope="col">Labels</th><th scope="col">Tweets</th></tr></thead>
        <tbody>${last.words.map(({ word, counts, tweets: number }) => html`<tr><th scope="row"><bdi>${word}</bdi></th><td class="wide">${splitBar(counts)}</td><td class="number">${count(number)}</td></tr>`)}</tbody></table>`
      : html`<p class="hint">No word is used twice yet.</p>`}
  </section>`;
}
