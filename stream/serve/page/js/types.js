/**
 * What the HTTP API answers, as far as the page reads it. Types only; docs/openapi.json is the truth.
 *
 * Times are ISO 8601 in UTC, shares lie between 0 and 1.
 *
 * @typedef {"negative" | "neutral" | "positive"} Label
 * @typedef {"negative" | "positive" | "volume"} SpikeKind
 * @typedef {Record<Label, number>} ByLabel
 *
 * @typedef {object} Freshness
 * @property {"live" | "catching-up" | "stale"} state
 * @property {string | null} watermark  event time up to which everything is counted
 * @property {number | null} lag_s  wall clock since a record was last read
 * @property {"up" | "down"} kafka
 *
 * @typedef {object} TrendPoint
 * @property {string} t
 * @property {number} volume
 * @property {number | null} net_sentiment
 * @property {number | null} negative_share
 *
 * @typedef {object} Alarm
 * @property {SpikeKind} kind
 * @property {string} spike_id
 * @property {string} opened_at
 * @property {string} sentence
 *
 * @typedef {object} Brand  the last 15 closed minutes of a brand
 * @property {string} brand
 * @property {string | null} watermark
 * @property {string | null} window_start
 * @property {string | null} window_end
 * @property {number} volume
 * @property {number | null} volume_baseline
 * @property {ByLabel} counts
 * @property {number | null} net_sentiment
 * @property {number | null} negative_share
 * @property {number | null} negative_share_low
 * @property {number | null} negative_share_high
 * @property {number | null} negative_share_corrected
 * @property {number | null} negative_baseline
 * @property {number | null} z
 * @property {number | null} authors
 * @property {string | null} latest_tweet_at
 * @property {TrendPoint[]} trend
 * @property {Alarm | null} alarm
 *
 * @typedef {object} Baseline  what was expected
 * @property {number | null} negative_share
 * @property {number | null} low
 * @property {number | null} high
 * @property {number | null} tweets
 *
 * @typedef {object} Window
 * @property {string} start
 * @property {string} end
 * @property {ByLabel} counts
 * @property {number} net_sentiment
 * @property {number} negative_share
 * @property {number} negative_share_low
 * @property {number} negative_share_high
 * @property {number | null} [negative_share_corrected]
 * @property {Baseline | null} [baseline]
 * @property {number} authors
 * @property {"open" | "closed"} status
 *
 * @typedef {object} Tweet
 * @property {string} id
 * @property {string} text
 * @property {string} created_at
 * @property {string | null} author
 * @property {string} brand
 * @property {Label} label
 * @property {number} confidence
 *
 * @typedef {object} EvidenceTerm
 * @property {string} term
 * @property {number} z
 * @property {number} voices
 * @property {number} share
 * @property {number} share_before
 * @property {number} explains
 *
 * @typedef {object} EvidenceTweet
 * @property {string} id
 * @property {string} created_at
 * @property {string} text
 * @property {Label} label
 * @property {number} confidence
 * @property {number} copies
 *
 * @typedef {object} Evidence
 * @property {EvidenceTerm[]} terms
 * @property {number} explains
 * @property {EvidenceTweet[]} tweets
 * @property {number} sampled
 * @property {number} sampled_before
 * @property {number} voices
 * @property {number | null} [people_share]
 * @property {number} copies_share
 * @property {Record<string, number>} sources
 * @property {Record<string, number>} languages
 *
 * @typedef {object} Spike
 * @property {string} id
 * @property {string} brand
 * @property {SpikeKind} kind
 * @property {"open" | "closed"} status
 * @property {string} started_at
 * @property {string} opened_at
 * @property {string} updated_at
 * @property {string | null} [closed_at]
 * @property {string | null} [reason]
 * @property {string} window_start
 * @property {number} tweets
 * @property {number | null} [authors]
 * @property {number} share
 * @property {number} baseline
 * @property {number} z
 * @property {number} peak_share
 * @property {number} peak_z
 * @property {Evidence} evidence
 * @property {string} sentence
 *
 * @typedef {object} Prediction
 * @property {Label} label
 * @property {number} confidence
 * @property {ByLabel} probabilities
 * @property {boolean} truncated
 *
 * @typedef {object} ServerEvent
 * @property {"window" | "spike" | "tweet" | "freshness" | "reset"} type  reset: events were missed
 * @property {any} data
 */

/** In the order in which they are always shown. @type {Label[]} */
export const LABELS = ["negative", "neutral", "positive"];
