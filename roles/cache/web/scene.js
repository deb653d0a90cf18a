// What is drawn: the events themselves, or bubbles where they are too many; of everywhere, or of the view alone.

import { getJson, wasCancelled } from "./api.js";
import { boxOf, holdsBox } from "./boxes.js";
import { throttled } from "./dom.js";
import { firstOf } from "./event_layer.js";
import { fetchEvents } from "./event_pages.js";

const MANY = 2000; // more events than this are not worth drawing one by one
const MANY_FAR = 500; // seen from far away
const FULL_SIZE = 1e6; // pixels that have room for so many; smaller screens have less
const FAR = 6; // zooms below this are far away
const NEAREST = 17; // from here on nothing is grouped: going nearer would not help
const SLACK = 0.9; // what is grouped stays so until it is fewer than this share: no flapping
const RECOUNT_MS = 2000;
const AROUND = 0.15; // what is loaded beside the view, as a share of it

const sum = (counts) => [...counts].reduce((total, [, n]) => total + n, 0);

export class Scene {
  #map;
  #parts;
  #at = null; // a Date; null: live
  #area = null;
  #everywhere = []; // [[kind, count]…] when not everything is loaded
  #grouped = false;
  #byCell = false; // the bubbles are counts of cells, not loaded events
  #run = 0;
  #abort = new AbortController();
  #recount;

  /** parts: {events, clusters, tiles, feed, filters, tell: {counts(…), state(name), problem(text), busy(yes)}} */
  constructor(map, parts) {
    this.#map = map;
    this.#parts = parts;
    this.#recount = throttled(() => this.refresh(), RECOUNT_MS);
    map.on("moveend", () => this.refresh({ moved: true }));
  }

  get at() {
    return this.#at;
  }

  /** What is loaded and listened to; null: everywhere. */
  get area() {
    return this.#area;
  }
  /** Whether events are loaded, and not only counted. */
  get keepsEvents() {
    return !(this.#grouped && this.#byCell);
  }

  /** Shows a moment of the past, or (null) the present again; returns when it is drawn. */
  async moveTo(at) {
    this.#at = at;
    if (at) this.#parts.feed.pause();
    await this.refresh();
  }

  /** Something changed at a place: what was counted there is counted again, a little later. */
  touch(lon, lat) {
    this.#parts.tiles.touch(lon, lat);
    if (this.#area || this.#parts.events.size > MANY) this.#recount();
  }

  /** Everything may have changed. */
  doubt() {
    this.#parts.tiles.doubt();
    if (!this.#at) this.#recount();
  }

  /** Draws what the view, the filters and the time ask for; of several calls the last one counts. */
  async refresh({ moved = false } = {}) {
    const run = ++this.#run;
    this.#abort.abort();
    this.#abort = new AbortController();
    const ask = { signal: this.#abort.signal, current: () => run === this.#run, moved };
    const { tell } = this.#parts;
    tell.busy(true);
    try {
      await (this.#at ? this.#past(ask) : this.#present(ask));
      if (!ask.current()) return;
      tell.problem("");
      tell.busy(false);
    } catch (error) {
      if (!ask.current() || wasCancelled(error)) return;
      tell.problem(error.message);
      this.#recount();
    }
  }

  // Of the past everything is loaded that may be: there are no counts by cell of it.
  async #past({ signal, current, moved }) {
    const { events, filters } = this.#parts;
    if (!moved || this.#area) {
      const wanted = { at: this.#at.toISOString(), ...filters.parameters({ kinds: false }) };
      let found = await fetchEvents(wanted, signal);
      const area = found.whole ? null : boxOf(this.#map.getBounds(), AROUND);
      if (!found.whole) found = await fetchEvents({ ...wanted, ...filters.parameters(), bbox: area }, signal);
      if (!current()) return;
      this.#area = area;
      this.#byCell = false;
      this.#everywhere = [];
      events.replace(found.features);
      filters.learn(found.features);
    }
    this.#group(this.#loadedInView());
    this.redraw();
  }

  async #present({ signal, current, moved }) {
    const { feed, filters, events } = this.#parts;
    if (!moved || this.#area) {
      const counted = await this.#countKinds(filters.parameters({ kinds: false }), signal);
      if (!current()) return;
      this.#everywhere = counted;
      filters.learnKinds(counted.map(([kind]) => kind));
    }
    const few = sum(this.#everywhere) <= MANY * (this.#area ? SLACK : 1);
    this.#byCell = !few && filters.onlyKinds;
    this.#chooseArea(few);
    const inView = few ? this.#loadedInView() : await this.#countView(signal);
    if (!current()) return;
    this.#group(inView);
    const whole = !filters.hidesAll && this.keepsEvents;
    if (!whole) events.replace([]);
    feed.follow({ area: this.#area, filter: filters.parameters({ kinds: !few }), whole });
    this.redraw();
  }

  // One area, of whole tiles, serves until the view leaves it or has become a small part of it.
  #chooseArea(few) {
    const bounds = this.#map.getBounds();
    const before = this.#area;
    if (few) this.#area = null;
    else if (!before || !holdsBox(before, boxOf(bounds)) || holdsBox(before, boxOf(bounds, 2))) {
      const { tiles } = this.#parts;
      this.#area = tiles.boxAround(bounds.pad(AROUND), this.#map.getZoom());
      // Nobody has listened to what lay outside.
      if (before) tiles.doubt([before, this.#area]);
    }
  }

  async #countView(signal) {
    const { tiles, filters } = this.#parts;
    const bounds = this.#map.getBounds();
    if (!this.#byCell) {
      const counted = await this.#countKinds({ bbox: boxOf(bounds), ...filters.parameters() }, signal);
      return sum(counted.filter(([kind]) => filters.isShown(kind)));
    }
    await tiles.load(tiles.cover(bounds, this.#map.getZoom()));
    return this.#countedInView();
  }

  /** Draws what is known anew: after changes, and when kinds are switched. */
  redraw() {
    const { events, clusters, filters, tell } = this.#parts;
    if (!this.#area) this.#group(this.#loadedInView());
    events.draw(!this.#grouped);
    if (!this.#grouped) clusters.clear();
    else clusters.show(this.#byCell ? this.#cellsInView() : this.#pointsInView());
    const scoped = this.#area !== null;
    const kinds = this.#everywhere.length > 0 && scoped ? this.#everywhere : [...events.counts];
    const inView = !this.keepsEvents ? this.#countedInView() : this.#loadedInView();
    const all = sum(kinds.filter(([kind]) => filters.isShown(kind)));
    tell.counts({ kinds, inView: scoped ? inView : events.size, all: scoped ? all : events.size });
  }

  #group(inView) {
    const zoom = this.#map.getZoom();
    const { x, y } = this.#map.getSize();
    const room = Math.min(1, (x * y) / FULL_SIZE);
    const limit = (zoom < FAR ? MANY_FAR : MANY) * room * (this.#grouped ? SLACK : 1);
    this.#grouped = zoom < NEAREST && inView > limit;
  }

  #cellsInView() {
    const { tiles, filters } = this.#parts;
    const bounds = this.#map.getBounds();
    return tiles.cellsOf(tiles.cover(bounds, this.#map.getZoom())).flatMap((cell) => {
      const [west, south, east, north] = cell.box;
      if (!bounds.intersects([[south, west], [north, east]])) return [];
      const kinds = Object.entries(cell.kinds).filter(([kind]) => filters.isShown(kind));
      return kinds.length ? [{ ...cell, kinds, count: sum(kinds) }] : [];
    });
  }

  // Far away the view shows parts of the world twice.
  #countedInView() {
    const once = new Map(this.#cellsInView().map(({ of, count }) => [of, count]));
    return sum(once);
  }

  #pointsInView() {
    const { events, filters } = this.#parts;
    const bounds = this.#map.getBounds();
    return events.features().flatMap(({ properties: { kind }, geometry }) => {
      const [lat, lon] = firstOf(geometry);
      if (!filters.isShown(kind) || !bounds.contains([lat, lon])) return [];
      return [{ lat, lon, box: [lon, lat, lon, lat], count: 1, kinds: [[kind, 1]] }];
    });
  }

  #loadedInView() {
    return this.#pointsInView().length;
  }

  async #countKinds(parameters, signal) {
    const { counts } = await getJson("/events/count", { by: "kind", ...parameters }, signal);
    return Object.entries(counts);
  }
}
