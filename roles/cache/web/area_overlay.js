// Outlines under the events, each with a text that a pointer on it shows: what explain and coverage draw with.

import { make } from "./dom.js";

const ringsOf = ({ type, coordinates }) => (type === "MultiPolygon" ? coordinates.map(([ring]) => ring) : [coordinates[0]]);

/** The outline of a box as a GeoJSON geometry. */
export const outlineOf = ([west, south, east, north]) => ({
  type: "Polygon",
  coordinates: [[[west, south], [east, south], [east, north], [west, north], [west, south]]],
});

export class AreaOverlay {
  #map;
  #renderer;
  #pane;
  #group = L.layerGroup();
  #items = []; // {bounds, shape, text}
  #tooltip;
  #marked = null;
  #pointer = null; // where it is

  constructor(map, name, order) {
    this.#map = map;
    this.#pane = name;
    map.createPane(name).style.zIndex = String(order);
    map.getPane(name).style.pointerEvents = "none"; // the events lie above and take the pointer
    this.#renderer = L.svg({ pane: name, padding: 0.3 });
    this.#tooltip = L.tooltip({ pane: "tooltipPane", direction: "top", offset: [0, -6], className: "area-tip" });
    map.on("mousemove click", ({ latlng }) => this.#point(latlng));
    map.on("mouseout movestart", () => this.#point(null));
  }

  /** items: [{geometry, className, text: [line…]}]; replaces what was drawn. */
  show(items) {
    const marked = this.#items.indexOf(this.#marked);
    const pointer = this.#pointer;
    this.clear();
    for (const { geometry, className, text } of items) {
      const rings = ringsOf(geometry).map((ring) => ring.map(([lon, lat]) => [lat, lon]));
      const shape = L.polygon(rings.map((ring) => [ring]), {
        renderer: this.#renderer, pane: this.#pane, interactive: false, className: `area ${className}`,
      });
      this.#group.addLayer(shape);
      this.#items.push({ bounds: shape.getBounds(), shape, text });
    }
    this.#group.addTo(this.#map);
    if (pointer) this.#point(pointer);
    else this.mark(marked);
  }

  get bounds() {
    return this.#items.reduce((all, { bounds }) => all.extend(bounds), L.latLngBounds([]));
  }

  clear() {
    this.#point(null);
    this.#group.clearLayers();
    this.#group.remove();
    this.#items = [];
  }

  /** Marks the item of this index, and no other; a negative one: none. */
  mark(index) {
    this.#marked?.shape.getElement()?.classList.remove("marked");
    this.#marked = this.#items[index] ?? null;
    this.#marked?.shape.getElement()?.classList.add("marked");
  }

  #point(latlng) {
    this.#pointer = latlng;
    const hit = (latlng && this.#smallestAt(latlng)) ?? null;
    if (!hit) {
      this.#tooltip.remove();
      this.mark(-1);
      return;
    }
    this.mark(this.#items.indexOf(hit));
    this.#tooltip.setContent(make("div", {}, ...hit.text.map((line) => make("div", {}, line))));
    this.#tooltip.setLatLng(latlng);
    if (!this.#map.hasLayer(this.#tooltip)) this.#tooltip.addTo(this.#map);
  }

  #smallestAt(latlng) {
    const sizeOf = ({ bounds }) => (bounds.getEast() - bounds.getWest()) * (bounds.getNorth() - bounds.getSouth());
    const hits = this.#items.filter(({ bounds }) => bounds.contains(latlng));
    return hits.sort((a, b) => sizeOf(a) - sizeOf(b))[0];
  }
}
