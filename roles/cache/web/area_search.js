// What lies in a polygon that the reader draws, or writes as coordinates.

import { getJson, wasCancelled } from "./api.js";
import { element, make, throttled } from "./dom.js";
import { Drawing } from "./drawing.js";
import { iconOf, nameOf } from "./kinds.js";
import { titleOf } from "./panel.js";

const LISTED = 50;
const AGAIN_MS = 2000;
const STEP = 2; // degrees: longer edges get points between, because they are straight in degrees and not on the map

const number = new Intl.NumberFormat("en");

/** "-70.7,-33.4 -70.6,-33.4 …" as [[lon, lat]…]; throws an Error that says what is wrong. */
export const ringOf = (text) => {
  const numbers = text.split(/[\s,;]+/).filter(Boolean).map(Number);
  if (numbers.some((n) => !Number.isFinite(n))) throw new Error("Only numbers are expected: longitude,latitude for each corner.");
  if (numbers.length % 2 !== 0) throw new Error("A longitude lacks its latitude.");
  const ring = [];
  for (let i = 0; i < numbers.length; i += 2) ring.push([numbers[i], numbers[i + 1]]);
  if (ring.some(([lon, lat]) => Math.abs(lon) > 180 || Math.abs(lat) > 90)) {
    throw new Error("Longitudes are -180 to 180 and latitudes -90 to 90.");
  }
  if (ring.length < 3) throw new Error("At least three corners are needed.");
  return ring;
};

// The ring as Leaflet draws it: going on beyond 180 degrees, edges in steps.
const outlineOf = (ring) => {
  const points = [];
  let [lon, lat] = ring[0];
  for (const [toLon, toLat] of [...ring.slice(1), ring[0]]) {
    const east = ((((toLon - lon) % 360) + 540) % 360) - 180;
    const steps = Math.max(1, Math.ceil(Math.max(Math.abs(east), Math.abs(toLat - lat)) / STEP));
    for (let i = 0; i < steps; i += 1) points.push([lat + ((toLat - lat) * i) / steps, lon + (east * i) / steps]);
    [lon, lat] = [lon + east, toLat];
  }
  return points;
};

export class AreaSearch {
  #map;
  #parts;
  #drawing;
  #ring = null;
  #shape = null;
  #abort = new AbortController();
  #again = throttled(() => this.#load(), AGAIN_MS);

  /** parts: {parameters() of /events, isShown(kind), pick(feature), begin() and end() of a drawing, fit(bounds)} */
  constructor(map, parts) {
    this.#map = map;
    this.#parts = parts;
    this.#drawing = new Drawing(map, (ring) => {
      parts.end();
      if (ring) this.#search(ring);
      element("draw").focus();
    });
    element("draw").addEventListener("click", () => {
      this.#clear();
      parts.begin();
      this.#drawing.start();
    });
    element("area-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#read();
    });
    element("area-clear").addEventListener("click", () => {
      this.#clear();
      element("area-field").value = "";
      element("draw").focus();
    });
  }

  get drawing() {
    return this.#drawing;
  }

  /** Something changed: what lies there is asked again, a little later. */
  refresh() {
    if (this.#ring) this.#again();
  }

  #read() {
    const field = element("area-field");
    try {
      const ring = ringOf(field.value);
      this.#search(ring);
      this.#parts.fit(this.#shape.getBounds());
    } catch (error) {
      this.#fail(error.message);
    }
  }

  #fail(text) {
    element("area-error").textContent = text;
    element("area-field").setAttribute("aria-invalid", String(text !== ""));
  }

  #search(ring) {
    this.#clear();
    this.#ring = ring;
    element("area-field").value = ring.map((corner) => corner.join(",")).join(" ");
    this.#shape = L.polygon(outlineOf(ring), { className: "drawn", interactive: false, renderer: L.svg() }).addTo(this.#map);
    element("area-clear").hidden = false;
    this.#load();
  }

  #clear() {
    this.#abort.abort();
    this.#ring = null;
    this.#shape?.remove();
    this.#shape = null;
    this.#fail("");
    element("area-clear").hidden = true;
    element("area-result").replaceChildren();
    element("area-events").replaceChildren();
  }

  async #load() {
    if (!this.#ring) return;
    this.#abort.abort();
    this.#abort = new AbortController();
    const { signal } = this.#abort;
    try {
      const polygon = this.#ring.flat();
      const found = await getJson("/events", { polygon, ...this.#parts.parameters(), limit: LISTED }, signal);
      // The page hides what it could not ask the server to leave out.
      const features = found.features.filter(({ properties: { kind } }) => this.#parts.isShown(kind));
      const hidden = found.features.length - features.length;
      this.#show(features, (found.numberMatched ?? found.features.length) - hidden);
    } catch (error) {
      if (!wasCancelled(error)) this.#fail(error.message);
    }
  }

  #show(features, matched) {
    this.#fail("");
    const some = features.length < matched ? `, the first ${features.length} are` : "";
    const text = matched === 0 ? "No events in the area." : `${number.format(matched)} ${matched === 1 ? "event" : "events"} in the area${some}:`;
    element("area-result").textContent = text;
    element("area-events").replaceChildren(...features.map((feature) => {
      const { properties } = feature;
      const detail = [nameOf(properties.kind), properties.place].filter(Boolean).join(" · ");
      const what = make("span", { class: "what" }, make("span", {}, titleOf(properties)), make("span", { class: "detail" }, detail));
      const button = make("button", { type: "button" }, iconOf(properties.kind), what);
      button.addEventListener("click", () => this.#parts.pick(feature));
      return make("li", {}, button);
    }));
  }
}
