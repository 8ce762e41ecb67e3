/** Why something is a spike. */
import { html, nothing } from "../dom.js";
import { count, share } from "../format.js";
import { bar } from "./marks.js";
import { tweetItem } from "./tweet-list.js";

/** @typedef {import("../types.js").Spike} Spike */

const languages = new Intl.DisplayNames("en", { type: "language" });

/** @param {Spike} spike @param {number} most */
export function termTable(spike, most = 12) {
  const { terms } = spike.evidence;
  if (!terms.length) return html`<p class="hint">No word stands out: the tweets speak of many things.</p>`;
  return html`<table class="terms">
    <caption class="unseen">Words used more than before the spike</caption>
    <thead><tr><th scope="col">Term</th><th scope="col" class="wide">Share of people before and during the spike</th>
      <th scope="col" class="number">Explains</th></tr></thead>
    <tbody>${terms.slice(0, most).map((term) => html`<tr>
      <th scope="row"><bdi>${term.term}</bdi></th>
      <td class="wide"><div class="before-after">${bar(term.share_before, "muted-fill")}${bar(term.share, spike.kind)}
        <span>${share(term.share_before)} → <b>${share(term.share)}</b></span></div></td>
      <td class="number">${share(term.explains)}</td>
    </tr>`)}</tbody>
  </table>`;
}

/** @param {Spike} spike @param {number} now @param {number} most */
export function evidenceTweets(spike, now, most = 6) {
  return html`<ol class="plain">${spike.evidence.tweets.slice(0, most).map((tweet) => tweetItem(tweet, now))}</ol>`;
}

/** Where the sampled tweets come from. @param {Spike} spike */
export function origins(spike) {
  const { evidence } = spike;
  return html`
    ${shares("Languages", evidence.languages, languageName)}
    ${shares("Sources", evidence.sources, (name) => name)}
    <p class="hint">From ${count(evidence.sampled)} tweets of the spike and ${count(evidence.sampled_before)} before it, by
      ${count(evidence.voices)} people. ${share(evidence.copies_share)} of them copy another tweet.</p>
  `;
}

/** @param {string} title @param {Record<string, number> | undefined} parts @param {(name: string) => string} name */
function shares(title, parts, name) {
  const entries = Object.entries(parts ?? {}).sort((a, b) => b[1] - a[1]).slice(0, 6);
  if (!entries.length) return nothing;
  return html`<h3>${title}</h3><dl class="shares">${entries.map(([key, part]) => html`<div>
    <dt><bdi>${name(key)}</bdi></dt><dd>${bar(part, "ink-fill")}<span>${share(part)}</span></dd></div>`)}</dl>`;
}

/** @param {string} code */
function languageName(code) {
  try {
    return languages.of(code) ?? code;
  } catch {
    return code; // Anything may stand in that field.
  }
}
