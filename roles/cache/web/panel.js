// What stands beside the map: kinds with their counts and switches, the latest changes, the cache's figures.

import { barOf, iconOf, nameOf, severityColours } from "./kinds.js";

const LATEST = 30;
const element = (id) => document.getElementById(id);
const STATES = { live: ["live", "good"], connecting: ["connecting", "warn"], reconnecting: ["reconnecting", "warn"] };
const VERBS = { appeared: "new", changed: "changed", ended: "ended" };

export const number = new Intl.NumberFormat("en");
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** An element with text and children: make("p", {class: "x"}, "text", child). */
export const make = (tag, attributes, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

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

  counts(counts, total, unshown) {
    element("total").textContent = number.format(total);
    const more = unshown > 0 ? `of ${number.format(total + unshown)} on the map` : "on the map";
    element("total-label").textContent = more;
    for (const [kind, count] of counts) {
      const row = this.#rows.get(kind) ?? this.#addKind(kind);
      const text = number.format(count);
      if (row.textContent !== text) row.textContent = text;
    }
    element("severity").hidden = !counts.get("jam");
  }

  latest(name, feature, key) {
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
    button.addEventListener("click", () => this.#onPick(key));
    const list = element("latest");
    list.prepend(make("li", {}, button));
    while (list.children.length > LATEST) list.lastChild.remove();
  }

  figures(stats) {
    const asked = stats.hits + stats.misses + stats.coalesced;
    element("ratio").textContent = asked ? percent.format(stats.ratio) : "–";
    element("requests").textContent = number.format(asked);
    element("entries").textContent = number.format(stats.entries);
    element("streams").textContent = number.format(stats.streams);
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
