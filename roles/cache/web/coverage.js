// Which areas the sources are asked about, and how that goes: on the map, in a legend and a table.

import { getJson } from "./api.js";
import { AreaOverlay } from "./area_overlay.js";
import { element } from "./dom.js";
import { legendOf } from "./legend.js";
import { fillTable } from "./table.js";

const EVERY_MS = 5000;
const STATES = { covered: "covered", capped: "at the source's cap", failing: "failing", never: "not asked yet" };

const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const exact = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const timeOf = (text) => (text ? clock.format(new Date(text)) : "–");
const wordOf = (state) => (Object.hasOwn(STATES, state) ? state : "other");
const nameOf = (state) => (Object.hasOwn(STATES, state) ? STATES[state] : String(state));

const kilometres = (area) => `${number.format(area)} km²`;

export class Coverage {
  #overlay;
  #on = false;
  #timer = 0;

  /** fit(bounds): shows these on the map. */
  constructor(map, fit) {
    this.#overlay = new AreaOverlay(map, "coverage", 350);
    element("coverage-fit").addEventListener("click", () => this.#overlay.bounds.isValid() && fit(this.#overlay.bounds));
    element("coverage-on").addEventListener("change", ({ target }) => this.#switch(target.checked));
  }

  #switch(on) {
    this.#on = on;
    element("coverage-part").hidden = !on;
    element("coverage-legend").hidden = !on;
    clearInterval(this.#timer);
    if (on) {
      this.#timer = setInterval(() => !document.hidden && this.#load(), EVERY_MS);
      this.#load();
    } else {
      this.#overlay.clear();
    }
  }

  async #load() {
    try {
      const { features } = await getJson("/coverage");
      if (this.#on) this.#show(features.filter(({ geometry }) => geometry));
    } catch (error) {
      element("coverage-totals").textContent = `No answer: ${error.message}`;
    }
  }

  #show(tiles) {
    this.#overlay.show(tiles.map(({ geometry, properties: p }) => ({
      geometry,
      className: `state-${wordOf(p.state)}`,
      text: [
        `${p.source} ${p.tile ?? ""}: ${nameOf(p.state)}`,
        `${exact.format(p.events ?? 0)} events`,
        `last answer ${timeOf(p.last_answer)}, next poll ${timeOf(p.next_poll)}`,
      ],
    })));
    const sums = new Map(); // state -> {tiles, area}
    for (const { properties } of tiles) {
      const state = wordOf(properties.state);
      const { count, area } = sums.get(state) ?? { count: 0, area: 0 };
      sums.set(state, { count: count + 1, area: area + (properties.area_km2 ?? 0) });
    }
    const covered = sums.get("covered")?.area ?? 0;
    const all = [...sums.values()].reduce((total, { area }) => total + area, 0);
    element("coverage-totals").textContent = tiles.length === 0
      ? "No tiles: no scraper has written to this database."
      : `${exact.format(tiles.length)} ${tiles.length === 1 ? "tile" : "tiles"} · ${kilometres(covered)} covered · ${kilometres(all - covered)} not`;
    const keys = [...sums].map(([state, { count }]) => [`state-${state}`, nameOf(state), count]);
    element("coverage-keys").replaceChildren(...legendOf(keys));
    const rows = tiles.map(({ properties: p }) => [
      p.tile ?? p.source, nameOf(p.state), timeOf(p.last_answer), timeOf(p.next_poll), exact.format(p.events ?? 0), kilometres(p.area_km2 ?? 0),
    ]);
    fillTable(element("coverage-table"), ["Tile", "State", "Last answer", "Next poll", "Events", "Area"], rows,
      (index) => this.#overlay.mark(index));
  }
}
