// Where the events come from: the stream of changes, and the whole picture when the stream begins.

const PAGE = 5000;
const MOST = 20000; // events shown at once
const CHANGES = ["appeared", "changed", "ended"];

export class EventFeed {
  #tell;
  #source = null;
  #last = "";
  #pending = null; // changes that came while the picture was loading
  #wait = 1000;
  #generation = 0;

  /** tell: {state(name), picture(features, matched), change(name, feature)} */
  constructor(tell) {
    this.#tell = tell;
  }

  open() {
    const query = this.#last ? `?last_event_id=${encodeURIComponent(this.#last)}` : "";
    this.#source = new EventSource(`/events/stream${query}`);
    this.#source.onopen = () => {
      this.#wait = 1000;
      this.#tell.state("live");
    };
    this.#source.onerror = () => this.#lost();
    for (const first of ["hello", "reset"]) {
      this.#source.addEventListener(first, (event) => {
        this.#last = event.lastEventId;
        this.#load();
      });
    }
    for (const name of CHANGES) {
      this.#source.addEventListener(name, (event) => {
        this.#last = event.lastEventId;
        this.#change(name, JSON.parse(event.data));
      });
    }
  }

  #lost() {
    this.#tell.state("reconnecting");
    if (this.#source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    this.#source.close();
    setTimeout(() => this.open(), this.#wait);
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
        const { features, matched } = await this.#fetchAll();
        if (generation !== this.#generation) return;
        this.#tell.picture(features, matched);
        break;
      } catch {
        if (generation !== this.#generation) return;
        this.#tell.state("reconnecting");
        await new Promise((resume) => setTimeout(resume, wait));
      }
    }
    const pending = this.#pending;
    this.#pending = null;
    pending.forEach(([name, feature]) => this.#tell.change(name, feature));
    if (this.#source.readyState === EventSource.OPEN) this.#tell.state("live");
  }

  async #fetchAll() {
    const features = [];
    let cursor = "";
    let matched;
    do {
      const answer = await fetch(`/events?limit=${PAGE}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`, {
        cache: "no-cache",
      });
      if (!answer.ok) throw new Error(`events: ${answer.status}`);
      const page = await answer.json();
      features.push(...page.features);
      matched ??= page.numberMatched;
      cursor = page.nextCursor ?? "";
    } while (cursor && features.length < MOST);
    return { features, matched: matched ?? features.length };
  }
}
