/** Tweets with what the model says of them. Text is hostile until shown otherwise: it stays text, in its own box. */
import { html, icon, nothing, repeat } from "../dom.js";
import { ago, count, cut, dateTime } from "../format.js";
import { withQuery } from "../router.js";
import { LABELS } from "../types.js";
import { choices } from "./choices.js";
import { labelChip } from "./marks.js";
import { failure, skeleton } from "./states.js";

/** @typedef {import("../tweets.js").TweetFeed} TweetFeed */

const MOST_TEXT = 600;

/** @param {import("../app.js").App} app @param {TweetFeed} feed */
export function tweetPanel(app, feed) {
  const waiting = feed.waiting.length + feed.missed;
  return html`<section class="card tweets" aria-labelledby="tweets-title">
    <header>
      <h2 id="tweets-title">Tweets</h2>
      ${feed.paused && waiting ? html`<span class="waiting">${count(waiting)} new</span>` : nothing}
      <button class="quiet" aria-pressed=${feed.paused} @click=${() => feed.pause(!feed.paused)}>
        ${feed.paused ? html`${icon("play")} Resume` : html`${icon("pause")} Pause`}
      </button>
    </header>
    ${choices("Filter tweets by label", ["", ...LABELS].map((label) => ({
      title: label || "all",
      href: withQuery(app.route, { label: label || null }),
      chosen: feed.label === label,
    })))}
    <div class="tweet-scroll" tabindex="0" role="region" aria-label="Newest tweets">${list(app, feed)}</div>
  </section>`;
}

/** @param {import("../app.js").App} app @param {TweetFeed} feed */
function list(app, feed) {
  if (feed.loading) return skeleton(6, "76px");
  if (feed.error && !feed.items.length) return failure(feed.error, () => feed.load());
  if (!feed.items.length) return html`<p class="hint">No ${feed.label} tweets yet. New ones appear here by themselves.</p>`;
  return html`
    <ol>${repeat(feed.items, (tweet) => tweet.id, (tweet) => tweetItem(tweet, app.now))}</ol>
    ${feed.hasOlder ? html`<button class="older" @click=${() => feed.older()}>Show older</button>` : nothing}
  `;
}

/** @param {{text: string, created_at: string, author?: string | null, label: import("../types.js").Label, confidence: number, copies?: number}} tweet @param {number} now */
export function tweetItem(tweet, now) {
  return html`<li class="tweet">
    <div class="tweet-head">
      ${tweet.author ? html`<bdi class="author">@${cut(tweet.author, 40)}</bdi>` : nothing}
      <time datetime=${tweet.created_at} title=${dateTime(tweet.created_at)}>${ago(tweet.created_at, now)}</time>
      ${labelChip(tweet.label, tweet.confidence)}
    </div>
    <p class="tweet-text" dir="auto">${cut(tweet.text, MOST_TEXT)}</p>
    ${tweet.copies && tweet.copies > 1 ? html`<p class="copies">${count(tweet.copies)} like it in the sample</p>` : nothing}
  </li>`;
}
