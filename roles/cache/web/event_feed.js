// The stream of changes of an area, and the picture that it begins with.

import { addressOf } from "./api.js";
import { fetchEvents } from "./event_pages.js";

const CHANGES = ["appeared", "changed", "ended"];

export class EventFeed {
  #tell;
  #source = null;
  #wanted = null; // {area, filter, whole}
  #last = "";
  #pending = null; // changes that came while the picture was loading
  #wait = 1000;
  #generation = 0;
  #timer = 0;
  #begun; // resolves when the first stream is there, or could not be had
  #begin;

  /**
   * tell: {state(name), picture(features, matched), change(name, feature), missed()}; missed: changes may have gone
   * unheard, so what was counted is to be counted again.
   */
  constructor(tell) {
    this.#tell = tell;
    this.#begun = new Promise((resolve) => (this.#begin = resolve));
  }

  /** Listens to everything; what is asked for once this has returned will be kept up to date. */
  async begin() {
    this.#wanted = { area: null, filter: {}, whole: false };
    this.#open();
    await this.#begun;
  }

  /**
   * Follows an area (a box, null: everywhere) with the stream's filter {kind, source} and the picture's {min_severity};
   * `whole`: loads the events too, and not only their changes. The stream goes on where the one before was.
   */
  follow(wanted) {
    if (this.#wanted && JSON.stringify(wanted) === JSON.stringify(this.#wanted)) return;
    const sameStream = this.#source && this.#streamOf(wanted) === this.#streamOf(this.#wanted);
    this.#wanted = wanted;
    if (!sameStream) this.#open();
    if (wanted.whole) this.#load();
    else this.#forget();
  }

  /** Hears no more until follow() is called again. */
  pause() {
    this.#close();
    this.#forget();
    this.#wanted = null;
  }

  #hasBegun() {
    this.#begin?.();
    this.#begin = null;
  }

  #streamOf({ area, filter }) {
    return addressOf("/events/stream", { bbox: area, kind: filter.kind, source: filter.source });
  }

  #close() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #forget() {
    this.#generation += 1;
    this.#pending = null;
  }

  #open() {
    this.#close();
    const { area, filter } = this.#wanted;
    const parameters = { bbox: area, kind: filter.kind, source: filter.source, last_event_id: this.#last };
    const source = new EventSource(addressOf("/events/stream", parameters));
    this.#source = source;
    source.onopen = () => {
      this.#wait = 1000;
      if (!this.#pending) this.#tell.state("live");
    };
    source.onerror = () => this.#lost();
    for (const first of ["hello", "reset"]) {
      source.addEventListener(first, (event) => {
        this.#last = event.lastEventId;
        if (this.#begin) this.#hasBegun();
        else this.#tell.missed();
        if (this.#wanted.whole) this.#load();
      });
    }
    for (const name of CHANGES) {
      source.addEventListener(name, (event) => {
        this.#last = event.lastEventId;
        this.#change(name, JSON.parse(event.data));
      });
    }
  }

  #lost() {
    this.#hasBegun();
    this.#tell.state("reconnecting");
    if (this.#source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    this.#close();
    this.#timer = setTimeout(() => this.#open(), this.#wait);
    this.#wait = Math.min(this.#wait * 2, 30000);
  }

  #change(name, feature) {
    if (this.#pending) this.#pending.push([name, feature]);
    else this.#tell.change(name, feature);
  }

  async #load() {
    const generation = ++this.#generation;
    this.#pending = [];
    for (let wait = 500; ; wait = Math.min(wait * 2, 15000)) {
      try {
        const { area, filter } = this.#wanted;
        const { features, matched } = await fetchEvents({ bbox: area, ...filter });
        if (generation !== this.#generation) return;
        this.#tell.picture(features, matched);
        break;
      } catch {
        if (generation !== this.#generation) return;
        this.#tell.state("reconnecting");
        await new Promise((resume) => setTimeout(resume, wait));
        if (generation !== this.#generation) return;
      }
    }
    const pending = this.#pending;
    this.#pending = null;
    pending.forEach(([name, feature]) => this.#tell.change(name, feature));
    if (this.#source?.readyState === EventSource.OPEN) this.#tell.state("live");
  }
}
