// What stands beside the map: kinds with their counts and switches, the latest changes, the state of the connection.

import { element, make } from "./dom.js";
import { barOf, iconOf, nameOf, severityColours } from "./kinds.js";

const LATEST = 30;
const STATES = { live: ["live", "good"], connecting: ["connecting", "warn"], reconnecting: ["reconnecting", "warn"], past: ["past", "past"] };
const VERBS = { appeared: "new", changed: "changed", ended: "ended" };

const number = new Intl.NumberFormat("en");
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export const titleOf = ({ kind, subtype, text }) => text || (subtype ? nameOf(subtype) : nameOf(kind));

export class Panel {
  #rows = new Map(); // kind -> {row, count}
  #onSwitch;
  #onPick;

  constructor({ onSwitch, onPick, onFit }) {
    this.#onSwitch = onSwitch;
    this.#onPick = onPick;
    element("fit").addEventListener("click", onFit);
    const toggle = element("toggle");
    toggle.addEventListener("click", () => this.show(toggle.getAttribute("aria-expanded") !== "true"));
    this.show(window.matchMedia("(min-width: 641px)").matches);
    element("severity-scale").append(...severityColours().map((fill) => make("li", {}, barOf(fill))));
  }

  /** Opens the panel, or folds it to its head. */
  show(open) {
    element("toggle").setAttribute("aria-expanded", String(open));
    element("panel-body").hidden = !open;
  }

  state(name) {
    const [text, mood] = STATES[name];
    const badge = element("connection");
    if (badge.textContent === text) return;
    badge.textContent = text;
    badge.dataset.state = mood;
  }

  /** Why what is shown may not be true; empty: it is. */
  problem(text) {
    element("problem").textContent = text;
    element("problem").hidden = text === "";
  }

  /** What stands for the time that is shown: null for now. */
  time(at) {
    element("panel-title").textContent = at ? "Past events" : "Live events";
    element("latest-part").hidden = at !== null;
  }

  /** kinds: [[kind, how many]…]; inView of all are on the map. */
  counts({ kinds, inView, all }) {
    element("total").textContent = number.format(inView);
    element("total-label").textContent = inView < all ? `of ${number.format(all)} in view` : "on the map";
    const known = new Map(kinds);
    for (const kind of known.keys()) if (!this.#rows.has(kind)) this.#addKind(kind);
    for (const [kind, row] of this.#rows) {
      const text = number.format(known.get(kind) ?? 0);
      if (row.textContent !== text) row.textContent = text;
    }
    element("severity").hidden = !known.get("jam");
  }

  latest(name, feature) {
    const { properties } = feature;
    element("latest-empty").hidden = true;
    const title = make("span", name === "ended" ? { class: "ended" } : {}, titleOf(properties));
    const detail = [VERBS[name], properties.place].filter(Boolean).join(" · ");
    const button = make(
      "button",
      { type: "button" },
      iconOf(properties.kind),
      make("span", { class: "what" }, title, make("span", { class: "detail" }, detail)),
      make("time", {}, clock.format(new Date())),
    );
    button.disabled = name === "ended";
    button.addEventListener("click", () => this.#onPick(feature));
    const list = element("latest");
    list.prepend(make("li", {}, button));
    while (list.children.length > LATEST) list.lastChild.remove();
  }

  #addKind(kind) {
    const box = make("input", { type: "checkbox" });
    box.checked = true;
    box.addEventListener("change", () => this.#onSwitch(kind, box.checked));
    const count = make("span", { class: "count" });
    const label = make("label", {}, box, iconOf(kind), make("span", { class: "name" }, nameOf(kind)), count);
    const row = make("li", { "data-kind": kind }, label);
    const list = element("kinds");
    const after = [...list.children].find((other) => other.dataset.kind > kind);
    list.insertBefore(row, after ?? null);
    this.#rows.set(kind, count);
    return count;
  }
}
