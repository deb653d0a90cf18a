// Groups of events as bubbles: how many, and of which kinds; a click goes nearer.

import { boundsOf } from "./boxes.js";
import { groupsOf, radiusOf } from "./grouping.js";
import { colourOf, nameOf, shape } from "./kinds.js";

const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const exact = new Intl.NumberFormat("en");
const NAMED = 4; // kinds that a label names

const descending = (kinds) => [...kinds].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));

const labelOf = ({ count, kinds }) => {
  const sorted = descending(kinds);
  const parts = sorted.slice(0, NAMED).map(([kind, n]) => `${exact.format(n)} ${nameOf(kind).toLowerCase()}`);
  const rest = sorted.slice(NAMED).reduce((sum, [, n]) => sum + n, 0);
  if (rest > 0) parts.push(`${exact.format(rest)} other`);
  return `${exact.format(count)} ${count === 1 ? "event" : "events"}: ${parts.join(", ")}`;
};

// A disc in the colour of the commonest kind, its count, and round it each kind's share.
const bubbleOf = ({ count, kinds }) => {
  const radius = radiusOf(count);
  const sorted = descending(kinds);
  const svg = shape("svg", { viewBox: `${-radius} ${-radius} ${2 * radius} ${2 * radius}`, "aria-hidden": "true" });
  svg.append(shape("circle", { r: radius - 1, class: "bubble-edge" }));
  const ring = radius - 3.5;
  const length = 2 * Math.PI * ring;
  let from = 0;
  for (const [kind, n] of sorted) {
    const share = (n / count) * length;
    svg.append(shape("circle", {
      r: ring, fill: "none", stroke: colourOf(kind), "stroke-width": 4, transform: "rotate(-90)",
      "stroke-dasharray": `${share} ${length - share}`, "stroke-dashoffset": -from,
    }));
    from += share;
  }
  svg.append(shape("circle", { r: radius - 7, fill: colourOf(sorted[0][0]) }));
  const text = shape("text", { y: "0.36em", class: "bubble-count" });
  text.textContent = compact.format(count);
  svg.append(text);
  return svg;
};

export class Clusters {
  #map;
  #group = L.layerGroup();
  #bubbles = new Map(); // key -> {marker, label}
  #animate;
  #mayZoom;

  /** mayZoom(latlng): false when a click is for something else. */
  constructor(map, { animate, mayZoom }) {
    this.#map = map;
    this.#animate = animate;
    this.#mayZoom = mayZoom;
    this.#group.addTo(map);
    map.on("zoomstart", () => this.clear()); // they are of one zoom
  }

  get size() {
    return this.#bubbles.size;
  }

  clear() {
    this.#group.clearLayers();
    this.#bubbles.clear();
  }

  /** Points as in groupsOf(). Bubbles that stay the same are left alone, so that the focus stays too. */
  show(points) {
    const groups = groupsOf(points, (lat, lon) => this.#map.project([lat, lon]));
    const kept = new Set(groups.map(({ key }) => key));
    for (const [key, { marker }] of this.#bubbles) {
      if (kept.has(key)) continue;
      this.#group.removeLayer(marker);
      this.#bubbles.delete(key);
    }
    groups.forEach((group) => this.#put(group));
  }

  #put(group) {
    const label = labelOf(group);
    const at = this.#map.unproject([group.x, group.y]);
    let bubble = this.#bubbles.get(group.key);
    if (!bubble) {
      bubble = { label: "", marker: L.marker(at, { icon: L.divIcon({ className: "bubble" }), keyboard: true, riseOnHover: true }) };
      bubble.marker.on("click", ({ latlng }) => this.#nearer(bubble.box, latlng));
      bubble.marker.on("keypress", ({ originalEvent }) => {
        if (originalEvent.key === "Enter") this.#nearer(bubble.box, bubble.marker.getLatLng());
      });
      this.#bubbles.set(group.key, bubble);
      this.#group.addLayer(bubble.marker);
    }
    bubble.box = group.box;
    if (!bubble.marker.getLatLng().equals(at)) bubble.marker.setLatLng(at);
    if (bubble.label === label) return;
    bubble.label = label;
    const size = 2 * radiusOf(group.count);
    const element = bubble.marker.getElement();
    element.replaceChildren(bubbleOf(group));
    element.setAttribute("aria-label", `${label}. Go nearer`);
    element.title = label;
    for (const side of ["width", "height"]) element.style[side] = `${size}px`;
    element.style.marginLeft = element.style.marginTop = `${-size / 2}px`;
  }

  #nearer(box, latlng) {
    if (!this.#mayZoom(latlng)) return;
    const bounds = boundsOf(box);
    const zoom = Math.min(this.#map.getBoundsZoom(bounds, false, L.point(80, 80)), this.#map.getMaxZoom());
    const nearer = Math.max(zoom, this.#map.getZoom() + 1);
    this.#map.setView(bounds.getCenter(), Math.min(nearer, this.#map.getMaxZoom()), { animate: this.#animate });
  }
}
