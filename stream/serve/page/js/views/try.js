/** A text box to try the model in. */
import { predict } from "../api.js";
import { html, nothing, repeat } from "../dom.js";
import { count, cut, share } from "../format.js";
import { bar, labelChip } from "../parts/marks.js";
import { LABELS } from "../types.js";

/** @typedef {{number: number, text: string, prediction: import("../types.js").Prediction, model: {name: string, version: string}}} Try */

const EXAMPLES = [
  "Two hours in the queue and nobody tells us anything. Never again.",
  "Does the 9:40 still leave from gate 12?",
  "Crew went out of their way to help my dad. Thank you 💙",
  "Great, another delay. Just what I needed today.",
];
const MOST_TRIES = 8;

export class TryView {
  title = "Try the model";
  key = "try/";
  wants = { types: "spike" };
  text = "";
  busy = false;
  /** @type {import("../api.js").ApiError | null} */ error = null;
  /** @type {Try[]} */ tries = [];
  #number = 0;

  /** @param {import("../app.js").App} app */
  constructor(app) {
    this.app = app;
  }

  update() {}
  onEvent() {}
  onReconnect() {}
  close() {}

  async #send() {
    const text = this.text.trim();
    if (!text || this.busy) return;
    this.busy = true;
    this.app.invalidate();
    try {
      const { predictions, model } = await predict(text);
      this.#number += 1;
      this.tries = [{ number: this.#number, text, prediction: predictions[0], model }, ...this.tries].slice(0, MOST_TRIES);
      this.error = null;
      this.app.say(`${predictions[0].label}, ${share(predictions[0].confidence)}`);
    } catch (error) {
      this.error = /** @type {import("../api.js").ApiError} */ (error);
    }
    this.busy = false;
    this.app.invalidate();
  }

  /** @param {string} text */
  #example(text) {
    this.text = text;
    this.#send();
  }

  render() {
    return html`
      <div class="title-row"><h1 tabindex="-1">Try the model</h1><p class="lead">The same model, and the same preparation of the text, as in the stream.</p></div>
      <div class="columns even">
        <form class="card try" @submit=${(/** @type {Event} */ e) => { e.preventDefault(); this.#send(); }}>
          <label for="try-text"><h2>Text of a tweet</h2></label>
          <textarea id="try-text" data-filter rows="5" dir="auto" placeholder="Write or paste a tweet" .value=${this.text}
            @input=${(/** @type {any} */ e) => { this.text = e.target.value; this.app.invalidate(); }}
            @keydown=${(/** @type {KeyboardEvent} */ e) => { if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) this.#send(); }}></textarea>
          <div class="try-actions"><button class="button strong" ?disabled=${this.busy || !this.text.trim()}>${this.busy ? "Labelling…" : "Label it"}</button>
            <span class="hint"><kbd>Ctrl</kbd> <kbd>Enter</kbd></span><span class="hint end">${count(this.text.length)} characters</span></div>
          ${this.error ? html`<p class="problem" role="alert">${this.error.message}</p>` : nothing}
          <h3>Examples</h3>
          <ul class="examples">${EXAMPLES.map((text) => html`<li><button type="button" class="quiet" @click=${() => this.#example(text)}>${text}</button></li>`)}</ul>
        </form>
        <section class="card" aria-labelledby="labels-title"><header><h2 id="labels-title">Labels</h2></header>
          ${this.tries.length ? html`<ol class="plain">${repeat(this.tries, ({ number }) => number, tried)}</ol>` : html`<p class="hint">The label, and how sure the model is of each, appear here.</p>`}
        </section>
      </div>
    `;
  }
}

/** @param {Try} one */
function tried({ text, prediction, model }) {
  return html`<li class="tried">
    <p class="tweet-text" dir="auto">${cut(text, 280)}</p>
    <p class="verdict">${labelChip(prediction.label)} <span class="hint">${model.name} ${model.version}</span></p>
    <dl class="shares">${LABELS.map((label) => html`<div><dt>${label}</dt><dd>${bar(prediction.probabilities[label], label)}<span>${(prediction.probabilities[label] * 100).toFixed(1)}%</span></dd></div>`)}</dl>
    ${prediction.truncated ? html`<p class="problem">The text is longer than the model reads: only its beginning counted.</p>` : nothing}
  </li>`;
}
