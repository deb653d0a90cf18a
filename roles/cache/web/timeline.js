// The time that is shown: live, or a moment of the past; a slider over a day, a field for any time, and playing.

import { element, newestOnly } from "./dom.js";

const MINUTE = 60000;
const DAY = 24 * 60; // minutes, the slider's unit
const FRAME_MS = 500;

const moment = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const agoOf = (minutes) => {
  const [hours, rest] = [Math.floor(minutes / 60), Math.round(minutes % 60)];
  if (hours >= 48) return `${Math.round(hours / 24)} days ago`;
  if (minutes < 1) return "just now";
  return `${[hours && `${hours} h`, rest && `${rest} min`].filter(Boolean).join(" ")} ago`;
};
// What an <input type="datetime-local"> takes: local time without a zone.
const localOf = (date) => new Date(date.getTime() - date.getTimezoneOffset() * MINUTE).toISOString().slice(0, 16);

export class Timeline {
  #show;
  #slide; // to a moment, or the newest one wanted when it is drawn
  #at = null; // milliseconds; null: live
  #end = 0; // of the slider
  #playing = false;
  #timer = 0;

  /** show(Date | null) draws that moment and returns when it is drawn. */
  constructor(show) {
    this.#show = show;
    this.#slide = newestOnly((at) => this.#at === at && show(new Date(at)));
    const slider = element("time");
    slider.max = String(DAY);
    slider.addEventListener("input", () => {
      this.#stop();
      const minutes = Number(slider.value);
      if (minutes >= DAY && this.#endsNow()) this.live();
      else this.#slide(this.#take(this.#end - (DAY - minutes) * MINUTE));
    });
    element("when").addEventListener("change", ({ target }) => {
      const wanted = new Date(target.value).getTime();
      if (Number.isNaN(wanted)) return;
      this.#stop();
      if (wanted >= Date.now()) this.live();
      else this.#go(wanted);
    });
    element("live").addEventListener("click", () => this.live());
    element("play").addEventListener("click", () => (this.#playing ? this.#pause() : this.#play()));
    setInterval(() => this.#render(), MINUTE / 2); // "2 min ago" grows older
    this.#render();
  }

  live() {
    this.#stop();
    this.#at = null;
    this.#render();
    return this.#show(null);
  }

  #endsNow() {
    return Date.now() - this.#end < 2 * MINUTE;
  }

  #take(at) {
    this.#at = Math.floor(at / 1000) * 1000;
    this.#render();
    return this.#at;
  }

  #go(at) {
    return this.#show(new Date(this.#take(at)));
  }

  // From live, playing begins a day ago: there is nothing after the present.
  #play() {
    this.#playing = true;
    const from = this.#at ?? Date.now() - DAY * MINUTE;
    this.#step(from);
  }

  async #step(at) {
    if (!this.#playing) return;
    if (at >= Date.now()) {
      await this.live();
      return;
    }
    const begun = performance.now();
    await this.#go(at);
    if (!this.#playing) return;
    // Minutes of the past that pass in a second. The next moment waits until this one is drawn.
    const speed = Number(element("speed").value);
    const wait = Math.max(0, FRAME_MS - (performance.now() - begun));
    this.#timer = setTimeout(() => this.#step(this.#at + (speed * MINUTE * FRAME_MS) / 1000), wait);
  }

  #pause() {
    this.#stop();
    this.#render();
  }

  #stop() {
    this.#playing = false;
    clearTimeout(this.#timer);
  }

  #render() {
    const now = Date.now();
    const live = this.#at === null;
    // Beyond a day ago the slider's day lies around the moment.
    if (live || now - this.#at <= DAY * MINUTE) this.#end = now;
    else if (this.#at < this.#end - DAY * MINUTE || this.#at > this.#end) this.#end = this.#at + (DAY / 2) * MINUTE;
    const slider = element("time");
    slider.value = String(live ? DAY : DAY - (this.#end - this.#at) / MINUTE);
    const text = live ? "now" : `${moment.format(this.#at)}, ${agoOf((now - this.#at) / MINUTE)}`;
    slider.setAttribute("aria-valuetext", text);
    element("time-text").textContent = text;
    element("timeline").dataset.state = live ? "live" : "past";
    element("live").setAttribute("aria-pressed", String(live));
    element("live-text").textContent = live ? "Live" : "Back to live";
    const play = element("play");
    play.setAttribute("aria-label", this.#playing ? "Pause" : "Play");
    play.dataset.playing = String(this.#playing);
    const field = element("when");
    field.max = localOf(new Date(now));
    if (document.activeElement !== field) field.value = localOf(new Date(this.#at ?? now));
  }
}
