// What the reader wants to see: kinds, sources and the least severity.

import { element, make } from "./dom.js";

const MOST_NAMES = 32; // that the server takes of one parameter

export class Filters {
  #hidden = new Set();
  #kinds = new Set(); // known ones
  #sources = new Set();
  #tell;

  /** tell(): something else is wanted. */
  constructor(tell) {
    this.#tell = tell;
    element("source").addEventListener("change", tell);
    const severity = element("least-severity");
    severity.addEventListener("input", () => this.#showSeverity());
    severity.addEventListener("change", tell);
    element("clear-filters").addEventListener("click", () => {
      element("source").value = "";
      severity.value = "0";
      this.#showSeverity();
      tell();
    });
    this.#showSeverity();
  }

  get source() {
    return element("source").value.split(",").map((name) => name.trim()).filter(Boolean);
  }
  get severity() {
    return Number(element("least-severity").value);
  }
  /** Whether counts by cell can answer: they are of all sources and severities. */
  get onlyKinds() {
    return this.source.length === 0 && this.severity === 0;
  }
  get hidesAll() {
    return this.#kinds.size > 0 && [...this.#kinds].every((kind) => this.#hidden.has(kind));
  }

  isShown(kind) {
    return !this.#hidden.has(kind);
  }

  show(kind, shown) {
    if (shown) this.#hidden.delete(kind);
    else this.#hidden.add(kind);
    this.#tell();
  }

  learnKinds(kinds) {
    for (const kind of kinds) this.#kinds.add(kind);
  }

  /** Kinds and sources that there are. */
  learn(features) {
    for (const { properties: { kind, source } } of features) {
      this.#kinds.add(kind);
      if (this.#sources.has(source)) continue;
      this.#sources.add(source);
      element("sources").append(make("option", { value: source }));
    }
  }

  /** Parameters of /events; without kinds when all of them are to come, or too many: then the page hides the others. */
  parameters({ kinds = true } = {}) {
    const shown = [...this.#kinds].filter((kind) => !this.#hidden.has(kind)).sort();
    return {
      kind: kinds && shown.length < this.#kinds.size && shown.length <= MOST_NAMES ? shown : [],
      source: this.source,
      min_severity: this.severity || undefined,
    };
  }

  /** Whether an event that the stream tells of is wanted: the stream knows no severities. */
  wants({ properties }) {
    return (Number(properties.severity) || 0) >= this.severity;
  }

  #showSeverity() {
    const least = this.severity;
    const text = least === 0 ? "any" : `${least} or more`;
    element("severity-text").textContent = text;
    element("least-severity").setAttribute("aria-valuetext", text);
    element("clear-filters").hidden = this.onlyKinds;
  }
}
