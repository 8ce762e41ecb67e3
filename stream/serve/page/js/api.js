/** The HTTP API, one function for each thing the page asks. All reject with an ApiError that can be shown. */

/** @typedef {import("./types.js").Brand} Brand */
/** @typedef {import("./types.js").Freshness} Freshness */
/** @typedef {import("./types.js").Spike} Spike */
/** @typedef {import("./types.js").Tweet} Tweet */
/** @typedef {import("./types.js").Window} Window */

const PATIENCE_MS = 20_000;

/** What went wrong, in words for people. `status` is 0 when there was no answer at all. */
export class ApiError extends Error {
  /** @param {number} status @param {string} title @param {string} detail */
  constructor(status, title, detail) {
    super(detail || title);
    this.status = status;
    this.title = title;
  }
}

/**
 * @param {string} path  relative, so that the page works under any prefix
 * @param {Record<string, any>} [query]  what is null, undefined or empty is left out
 * @param {RequestInit} [init]
 */
async function ask(path, query = {}, init = {}) {
  let response;
  try {
    response = await fetch(path + queryString(query), { signal: AbortSignal.timeout(PATIENCE_MS), ...init });
  } catch (error) {
    const slow = error instanceof DOMException && error.name === "TimeoutError";
    throw new ApiError(0, slow ? "No answer in time" : "The server cannot be reached", "");
  }
  const body = await response.json().catch(() => null);
  if (response.ok && body !== null) return body;
  const detail = typeof body?.detail === "string" ? body.detail : "";
  throw new ApiError(response.status, body?.title || `The server answered ${response.status}`, detail);
}

/** "?a=1&b=x", or nothing. @param {Record<string, any>} query */
export function queryString(query) {
  const given = Object.entries(query).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return given.length ? `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}` : "";
}

/** @param {string} brand */
const under = (brand) => `brands/${encodeURIComponent(brand)}`;

/** @returns {Promise<{freshness: Freshness, brands: Brand[]}>} */
export const getBrands = () => ask("brands", { limit: 500 });

/** @param {string} brand @returns {Promise<Brand & {freshness: Freshness, spikes: Spike[]}>} */
export const getBrand = (brand) => ask(under(brand));

/** @param {string} brand @param {{from?: string, to?: string, size: string}} query @returns {Promise<{windows: Window[]}>} */
export const getWindows = (brand, query) => ask(`${under(brand)}/windows`, query);

/** @param {string} brand @param {{label?: string, limit?: number, before?: string}} query @returns {Promise<{tweets: Tweet[], next: string | null}>} */
export const getTweets = (brand, query) => ask(`${under(brand)}/tweets`, query);

/** @param {string[]} brands @param {{from?: string, to?: string, size: string}} query @returns {Promise<{series: {brand: string, windows: Window[]}[]}>} */
export const getComparison = (brands, query) => ask("compare", { brands: brands.join(","), ...query });

/** @param {{brand?: string, kind?: string, status?: string, limit?: number}} query @returns {Promise<{spikes: Spike[]}>} */
export const getSpikes = (query) => ask("spikes", query);

/** @param {string} id @returns {Promise<Spike>} */
export const getSpike = (id) => ask(`spikes/${encodeURIComponent(id)}`);

/** @returns {Promise<any>} */
export const getStats = () => ask("stats");

/** @param {string} text @returns {Promise<{predictions: import("./types.js").Prediction[], model: {name: string, version: string}}>} */
export const predict = (text) =>
  ask("predict", {}, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ text }) });
