// The cells that answer the current view: from which layer, how old, at what cost; on the map, in a legend and a table.

import { getJson, wasCancelled } from "./api.js";
import { AreaOverlay, outlineOf } from "./area_overlay.js";
import { boxOf } from "./boxes.js";
import { element, throttled } from "./dom.js";
import { legendOf } from "./legend.js";
import { fillTable } from "./table.js";

const EVERY_MS = 2000;
const LAYERS = { answer: "Answer", cell: "Cell", parent: "Larger cell", shared: "Shared cell", database: "Database" };
const STATUSES = { hit: "hit", miss: "miss", negative: "empty, kept", split: "split", stale: "stale" };

const known = (value, format) => (value === undefined ? "–" : format(value));
const number = new Intl.NumberFormat("en");
const nameIn = (names, key) => (Object.hasOwn(names, key) ? names[key] : String(key));
const wordOf = (names, key) => (Object.hasOwn(names, key) ? key : "other");
const bytesOf = (bytes) => (bytes < 1024 ? `${bytes} B` : `${number.format(Math.round(bytes / 102.4) / 10)} KiB`);
const ageOf = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : ms < 90000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60000)} min`);
const costOf = (us) => (us < 1000 ? `${Math.round(us)} µs` : `${(us / 1000).toFixed(1)} ms`);

export class Explain {
  #map;
  #overlay;
  #parameters;
  #on = false;
  #abort = new AbortController();
  #ask = throttled(() => this.#load(), 300);
  #timer = 0;

  /** parameters(): the view's filters as /events takes them. */
  constructor(map, parameters) {
    this.#map = map;
    this.#parameters = parameters;
    this.#overlay = new AreaOverlay(map, "explain", 360);
    element("explain-on").addEventListener("change", ({ target }) => this.#switch(target.checked));
    element("explain-fill").addEventListener("click", () => this.#load({ fill: true }));
    map.on("moveend", () => this.refresh());
  }

  /** Asks again soon, if it is on. */
  refresh() {
    if (this.#on) this.#ask();
  }

  #switch(on) {
    this.#on = on;
    element("explain-part").hidden = !on;
    element("explain-legend").hidden = !on;
    clearInterval(this.#timer);
    if (on) {
      this.#timer = setInterval(() => !document.hidden && this.#ask(), EVERY_MS);
      this.#load();
    } else {
      this.#abort.abort();
      this.#overlay.clear();
    }
  }

  async #load({ fill = false } = {}) {
    if (!this.#on) return;
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    try {
      const bbox = boxOf(this.#map.getBounds());
      const answer = await getJson("/explain", { bbox, ...this.#parameters(), fill: fill || undefined }, signal);
      if (this.#on) this.#show(answer);
    } catch (error) {
      if (!wasCancelled(error)) element("explain-totals").textContent = `No answer: ${error.message}`;
    }
  }

  #show({ cells, cost_us: cost, events, level, direct }) {
    const texts = cells.map((cell) => [
      `${nameIn(LAYERS, cell.layer)}: ${nameIn(STATUSES, cell.status)}`,
      ...(cell.age_ms === undefined ? [] : [
        `${number.format(cell.events ?? 0)} events, ${bytesOf(cell.bytes ?? 0)}`,
        `${ageOf(cell.age_ms)} old, cost ${costOf(cell.cost_us ?? 0)}`,
      ]),
      `cell ${cell.cell}`,
    ]);
    this.#overlay.show(cells.map((cell, index) => ({
      geometry: outlineOf(cell.bbox),
      className: `layer-${wordOf(LAYERS, cell.layer)} status-${wordOf(STATUSES, cell.status)}`,
      text: texts[index],
    })));
    const kept = cells.filter(({ status }) => status === "hit" || status === "negative").length;
    const counted = [`${cells.length} ${cells.length === 1 ? "cell" : "cells"} of level ${level}`, `${kept} from memory`];
    counted.push(`${number.format(events)} events`, costOf(cost));
    // Of the past, and where too many cells would be needed, the database is asked for the whole.
    element("explain-totals").textContent = direct ? "Without cells: the database answers directly." : counted.join(" · ");
    this.#showLegend(cells);
    const rows = cells.map((cell) => [
      cell.cell, nameIn(LAYERS, cell.layer), nameIn(STATUSES, cell.status), known(cell.age_ms, ageOf),
      known(cell.events, number.format), known(cell.bytes, bytesOf), known(cell.cost_us, costOf),
    ]);
    fillTable(element("explain-table"), ["Cell", "Layer", "Status", "Age", "Events", "Size", "Cost"], rows,
      (index) => this.#overlay.mark(index));
  }

  #showLegend(cells) {
    const count = (member, key) => cells.filter((cell) => wordOf(member === "layer" ? LAYERS : STATUSES, cell[member]) === key).length;
    const layers = Object.entries(LAYERS).map(([key, name]) => [`layer-${key} status-hit`, name, count("layer", key)]);
    const statuses = Object.entries(STATUSES).map(([key, name]) => [`layer-none status-${key}`, name, count("status", key)]);
    element("explain-keys").replaceChildren(...legendOf([...layers, ...statuses].filter(([, , n]) => n > 0)));
  }
}
