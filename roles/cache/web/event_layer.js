// The events on the map: one canvas, each event updated by its id, never rebuilt.

import { colourOf, pathOf, severityColour } from "./kinds.js";

const GLYPH_ZOOM = 10; // nearer than this, discs carry glyphs
const radiusAt = (zoom) => (zoom >= GLYPH_ZOOM ? 11 : zoom >= 7 ? 6 : 4);

L.Canvas.include({
  // A disc in the kind's colour with its glyph in white; what Leaflet calls for each of our markers.
  _updateGlyph(layer) {
    if (!this._drawing || layer._empty()) return;
    const context = this._ctx;
    const { x, y } = layer._point;
    const radius = layer._radius;
    context.globalAlpha = 1; // a line drawn before leaves its own
    context.beginPath();
    context.arc(x, y, radius, 0, Math.PI * 2);
    context.fillStyle = layer.options.fillColor;
    context.fill();
    context.lineWidth = radius > 5 ? 1.5 : 1;
    context.strokeStyle = "#fff";
    context.stroke();
    if (radius < 8) return;
    const scale = (radius * 2 * 0.78) / 24;
    context.save();
    context.translate(x - 12 * scale, y - 12 * scale);
    context.scale(scale, scale);
    context.fillStyle = "#fff";
    context.fill(pathOf(layer.options.eventKind), "evenodd");
    context.restore();
  },
});

const GlyphMarker = L.CircleMarker.extend({
  _updatePath() {
    this._renderer._updateGlyph(this);
  },
});

const latLng = ([lon, lat]) => [lat, lon];
const linesOf = ({ type, coordinates }) => {
  if (type === "LineString") return coordinates.map(latLng);
  if (type === "MultiLineString") return coordinates.map((part) => part.map(latLng));
  return null;
};

/** Where a geometry is shown as one place: [lat, lon]. */
export const firstOf = ({ type, coordinates }) => {
  if (type === "Point") return latLng(coordinates);
  return latLng(type === "LineString" ? coordinates[0] : coordinates[0][0]);
};

export const keyOf = (feature) => `${feature.properties.source}/${feature.properties.id}`;

export class EventLayer {
  #map;
  #group = L.featureGroup();
  #events = new Map(); // key -> {feature, marker, line, alive}
  #hidden = new Set();
  #counts = new Map();

  constructor(map, onClick) {
    this.#map = map;
    this.#group.addTo(map);
    this.#group.on("click", (event) => {
      L.DomEvent.stopPropagation(event);
      onClick(event.layer.options.eventKey, event.latlng);
    });
    map.on("zoomend", () => this.#resize());
  }

  get size() {
    return this.#events.size;
  }
  features() {
    return [...this.#events.values()].map(({ feature }) => feature);
  }
  get counts() {
    return this.#counts;
  }
  has(key) {
    return this.#events.has(key);
  }
  get(key) {
    return this.#events.get(key)?.feature;
  }
  isShown(key) {
    const event = this.#events.get(key);
    return event !== undefined && !this.#hidden.has(event.feature.properties.kind);
  }

  /** Draws the events, or keeps them undrawn. */
  draw(drawn) {
    if (drawn) this.#group.addTo(this.#map);
    else this.#group.remove();
  }

  /** These events and no others. */
  replace(features) {
    const kept = new Set(features.map(keyOf));
    for (const key of [...this.#events.keys()]) if (!kept.has(key)) this.remove(key);
    features.forEach((feature) => this.upsert(feature));
  }

  upsert(feature) {
    const key = keyOf(feature);
    for (const alias of feature.properties.aliases ?? []) {
      const other = `${feature.properties.source}/${alias}`;
      if (other !== key) this.remove(other);
    }
    const known = this.#events.get(key);
    const line = linesOf(feature.geometry);
    if (known && known.feature.properties.kind === feature.properties.kind && Boolean(known.line) === Boolean(line)) {
      this.#update(known, feature, line);
      return;
    }
    if (known) this.remove(key);
    this.#add(key, feature, line);
  }

  remove(key) {
    const event = this.#events.get(key);
    if (!event) return;
    this.#events.delete(key);
    this.#count(event.feature.properties.kind, -1);
    this.#group.removeLayer(event.marker);
    if (event.line) this.#group.removeLayer(event.line);
  }

  /** Events whose own time is over leave without a word from the server. */
  removeExpired(now) {
    const gone = [];
    for (const [key, { feature }] of this.#events) {
      if (feature.properties.expires && Date.parse(feature.properties.expires) <= now) gone.push(key);
    }
    gone.forEach((key) => this.remove(key));
    return gone;
  }

  showKind(kind, shown) {
    if (shown) this.#hidden.delete(kind);
    else this.#hidden.add(kind);
    for (const event of this.#events.values()) {
      if (event.feature.properties.kind === kind) this.#place(event);
    }
  }

  bounds() {
    const bounds = L.latLngBounds([]);
    for (const { marker, line } of this.#events.values()) bounds.extend(line ? line.getBounds() : marker.getLatLng());
    return bounds;
  }

  #add(key, feature, line) {
    const { kind, severity } = feature.properties;
    const options = { eventKey: key, eventKind: kind, fillColor: colourOf(kind), radius: radiusAt(this.#map.getZoom()) };
    const event = { feature, marker: new GlyphMarker(firstOf(feature.geometry), options), line: null };
    if (line) {
      event.line = L.polyline(line, {
        eventKey: key, color: severityColour(severity), weight: 5, opacity: 0.9, lineCap: "round",
      });
    }
    this.#events.set(key, event);
    this.#count(kind, 1);
    this.#place(event);
  }

  #update(event, feature, line) {
    const before = event.feature;
    event.feature = feature;
    if (JSON.stringify(before.geometry) !== JSON.stringify(feature.geometry)) {
      event.marker.setLatLng(firstOf(feature.geometry));
      if (line) event.line.setLatLngs(line);
    }
    if (line && before.properties.severity !== feature.properties.severity) {
      event.line.setStyle({ color: severityColour(feature.properties.severity) });
    }
  }

  // A jam is its line; from far away, where a line is a speck, it is a disc.
  #place({ feature, marker, line }) {
    const shown = !this.#hidden.has(feature.properties.kind);
    this.#put(line, shown);
    this.#put(marker, shown && (!line || this.#map.getZoom() < GLYPH_ZOOM));
  }

  #put(layer, shown) {
    if (!layer || this.#group.hasLayer(layer) === shown) return;
    if (shown) this.#group.addLayer(layer);
    else this.#group.removeLayer(layer);
  }

  #resize() {
    const radius = radiusAt(this.#map.getZoom());
    for (const event of this.#events.values()) {
      if (event.marker.getRadius() !== radius) event.marker.setRadius(radius);
      if (event.line) this.#place(event);
    }
  }

  #count(kind, by) {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + by);
  }
}
