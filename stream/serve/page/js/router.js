/** Addresses of views: everything after the #, so that a link can be shared and the server need not know views. */
import { queryString } from "./api.js";

/** @typedef {{name: string, id: string, query: URLSearchParams}} Route */

/** "#/brand/United?size=5m" → {name: "brand", id: "United", query}. @param {string} hash @returns {Route} */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [name = "", id = ""] = path.split(/\/(.*)/s);
  return { name: name || "brands", id: decode(id), query: new URLSearchParams(query) };
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A % typed by hand.
  }
}

/** @param {string} name @param {string} [id] @param {Record<string, any>} [query] */
export function href(name, id = "", query = {}) {
  const path = name === "brands" ? "" : name;
  return `#/${path}${id ? `/${encodeURIComponent(id)}` : ""}${queryString(query)}`;
}

/** Change some of a route's query (null takes a part out). @param {Route} route @param {Record<string, any>} changes */
export function withQuery(route, changes) {
  return href(route.name, route.id, { ...Object.fromEntries(route.query), ...changes });
}

/** Go there; with `replace` without a new entry in the history. @param {string} to @param {{replace?: boolean}} [how] */
export function go(to, { replace = false } = {}) {
  if (!replace) {
    location.hash = to;
    return;
  }
  history.replaceState(null, "", to);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
