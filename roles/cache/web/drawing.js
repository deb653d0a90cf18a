// Drawing a polygon on the map: clicks add corners; without a pointer, the map's middle does.

import { element } from "./dom.js";
import { wrap } from "./boxes.js";

export class Drawing {
  #map;
  #done;
  #corners = []; // LatLng
  #line;
  #active = false;

  /** done(ring): [[lon, lat]…] of at least three corners, or null when it was given up. */
  constructor(map, done) {
    this.#map = map;
    this.#done = done;
    map.on("click", ({ latlng }) => this.add(latlng));
    map.on("mousemove", ({ latlng }) => this.#active && this.#render(latlng));
    map.on("dblclick", () => this.#active && this.finish());
    element("draw-centre").addEventListener("click", () => this.add(map.getCenter()));
    element("draw-undo").addEventListener("click", () => this.#undo());
    element("draw-finish").addEventListener("click", () => this.finish());
    element("draw-cancel").addEventListener("click", () => this.#end(null));
    document.addEventListener("keydown", (event) => this.#key(event));
  }

  get active() {
    return this.#active;
  }

  start() {
    this.#active = true;
    this.#corners = [];
    this.#map.doubleClickZoom.disable();
    this.#map.getContainer().classList.add("drawing");
    this.#line = L.polygon([], { className: "drawn", interactive: false, renderer: L.svg(), noClip: true }).addTo(this.#map);
    element("draw-bar").hidden = false;
    this.#render();
    this.#map.getContainer().focus();
  }

  /** A corner, if something is being drawn. */
  add(latlng) {
    if (!this.#active) return;
    const last = this.#corners.at(-1);
    // The second click of a double click is where the first was.
    if (last && this.#map.latLngToContainerPoint(last).distanceTo(this.#map.latLngToContainerPoint(latlng)) < 4) return;
    this.#corners.push(latlng);
    this.#render();
  }

  finish() {
    if (this.#corners.length >= 3) this.#end(this.#corners.map(({ lng, lat }) => [Number(wrap(lng).toFixed(6)), Number(lat.toFixed(6))]));
  }

  #undo() {
    this.#corners.pop();
    this.#render();
  }

  #end(ring) {
    this.#active = false;
    this.#line.remove();
    this.#map.getContainer().classList.remove("drawing");
    element("draw-bar").hidden = true;
    // The click that ended it must not zoom.
    setTimeout(() => this.#map.doubleClickZoom.enable(), 300);
    this.#done(ring);
  }

  #key(event) {
    if (!this.#active) return;
    const onButton = event.target instanceof HTMLButtonElement;
    const acts = { Escape: () => this.#end(null), Backspace: () => this.#undo() };
    if (!onButton) Object.assign(acts, { Enter: () => this.finish(), " ": () => this.add(this.#map.getCenter()) });
    if (!Object.hasOwn(acts, event.key)) return;
    event.preventDefault();
    acts[event.key]();
  }

  #render(next = null) {
    this.#line.setLatLngs(next ? [...this.#corners, next] : this.#corners);
    const count = this.#corners.length;
    element("draw-text").textContent = count === 0 ? "Click the corners of the area." : `${count} ${count === 1 ? "corner" : "corners"}`;
    element("draw-undo").disabled = count === 0;
    element("draw-finish").disabled = count < 3;
  }
}
