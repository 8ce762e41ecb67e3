/** An address that leads nowhere. */
import { html } from "../dom.js";
import { href } from "../router.js";

export class MissingView {
  title = "Not found";
  wants = { types: "spike" };

  /** @param {import("../app.js").App} _app @param {import("../router.js").Route} route */
  constructor(_app, route) {
    this.key = `${route.name}/${route.id}`;
  }

  update() {}
  onEvent() {}
  onReconnect() {}
  close() {}

  render() {
    return html`<div class="empty"><h1 tabindex="-1">There is no such view</h1><p><a href=${href("brands")}>All brands</a></p></div>`;
  }
}
