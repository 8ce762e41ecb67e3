/** Words that are used most in a few tweets, each with the labels of the tweets that use it. */
import { LABELS } from "./types.js";

/** @typedef {import("./types.js").Tweet} Tweet */

const WORD = /#?[\p{L}\p{N}][\p{L}\p{N}’']*|\p{Extended_Pictographic}/gu;
const LEAST_LETTERS = 3;
const LONGEST = 30;
const MOST_TEXT = 600;
const STOP = new Set(
  ("a about after again all also am an and any are as at back be because been before being but by can can't could did do does doing don't " +
    "down even ever for from get gets getting go going got had has have he her here him his how i i'm i've if in into is isn't it it's its " +
    "just like made make me more most much my need never new no not now of off on one only or our out over own please really said same say " +
    "see she should so some still such take than thank that that's the their them then there they thing this those through time to today too " +
    "under until up us very via want was way we we're well were what when where which while who why will with would yes yet you you're your " +
    "http https amp rt co www com").split(" "),
);

/**
 * The `most` words, the most used first. A word counts once for each tweet, and not at all if it names the brand,
 * which is in every tweet.
 * @param {Tweet[]} tweets @param {string} brand @param {number} most
 * @returns {{word: string, tweets: number, counts: import("./types.js").ByLabel}[]}
 */
export function topWords(tweets, brand, most) {
  const own = brand.toLowerCase().replace(/\s/g, "");
  /** @type {Map<string, import("./types.js").ByLabel>} */
  const found = new Map();
  for (const tweet of tweets) {
    for (const word of wordsOf(tweet.text)) {
      if (own.includes(word) || word.includes(own)) continue;
      const counts = found.get(word) ?? { negative: 0, neutral: 0, positive: 0 };
      counts[tweet.label] += 1;
      found.set(word, counts);
    }
  }
  return [...found]
    .map(([word, counts]) => ({ word, counts, tweets: LABELS.reduce((sum, label) => sum + counts[label], 0) }))
    .filter((entry) => entry.tweets > 1)
    .sort((a, b) => b.tweets - a.tweets || (a.word < b.word ? -1 : 1))
    .slice(0, most);
}

/** @param {string} text @returns {Set<string>} */
function wordsOf(text) {
  const plain = text.slice(0, MOST_TEXT).toLowerCase().replace(/https?:\S*|@\S+/g, " ");
  const words = plain.match(WORD) ?? [];
  return new Set(words.filter((word) => !STOP.has(word.replace("’", "'")) && word.length <= LONGEST && (word.length >= LEAST_LETTERS || /\p{Extended_Pictographic}/u.test(word)) && !/^\d+$/.test(word)));
}
