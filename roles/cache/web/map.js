// The page: a map with the events on it, kept up to date by the stream.

import { onThemeChange, prefersLessMotion } from "/web/theme.js";
import { addBasemap } from "./basemap.js";
import { EventFeed } from "./event_feed.js";
import { EventLayer, keyOf } from "./event_layer.js";
import { iconOf, nameOf } from "./kinds.js";
import { Panel, make, titleOf } from "./panel.js";

const STATS_EVERY_MS = 4000;
const CHANGES_SHOWN_AT_ONCE = 10;

const { tileUrl, tileAttribution } = document.body.dataset;

const map = L.map("map", {
  preferCanvas: true,
  renderer: L.canvas({ padding: 0.3, tolerance: 6 }),
  zoomControl: false,
  minZoom: 2,
  maxZoom: 18,
  zoomSnap: tileUrl ? 1 : 0.25, // pictures look right at whole zooms only; outlines at any
  worldCopyJump: true,
  zoomAnimation: !prefersLessMotion(),
  fadeAnimation: !prefersLessMotion(),
}).setView([20, 0], 2);
map.attributionControl.setPrefix(false).setPosition("bottomleft");
L.control.zoom({ position: "topleft" }).addTo(map);
L.control.scale({ position: "bottomleft", imperial: false }).addTo(map);

const basemap = addBasemap(map);
onThemeChange(() => basemap.redraw());
if (tileUrl) {
  const credit = document.createElement("span");
  credit.textContent = tileAttribution;
  L.tileLayer(tileUrl, { attribution: credit.innerHTML, maxZoom: 18 }).addTo(map);
}

const duration = (seconds) => (seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`);
const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const FIGURES = {
  speedKMH: ["Speed", (v) => `${Math.round(v)} km/h`],
  length: ["Length", (v) => (v < 1000 ? `${Math.round(v)} m` : `${(v / 1000).toFixed(1)} km`)],
  delay: ["Delay", (v) => (v < 0 ? "blocked" : duration(v))],
  mag: ["Magnitude", (v) => v.toFixed(1)],
  depth_km: ["Depth", (v) => `${v.toFixed(1)} km`],
};

const rowsOf = ({ severity, started, updated, source, source_properties: more = {} }) => {
  const rows = [];
  for (const [name, [label, format]] of Object.entries(FIGURES)) {
    if (typeof more[name] === "number") rows.push([label, format(more[name])]);
  }
  if (severity > 0) rows.push(["Severity", `${severity} of 10`]);
  if (started) rows.push(["Since", moment.format(new Date(started))]);
  if (updated) rows.push(["Updated", moment.format(new Date(updated))]);
  rows.push(["Source", source]);
  return rows;
};

const popupOf = (feature) => {
  const { properties } = feature;
  const head = make("div", { class: "popup-head" }, iconOf(properties.kind), make("strong", {}, titleOf(properties)));
  const body = make("div", { class: "popup" }, head);
  const what = [nameOf(properties.kind), properties.place].filter(Boolean).join(" · ");
  body.append(make("p", { class: "soft" }, what));
  const rows = rowsOf(properties).flatMap(([term, text]) => [make("dt", {}, term), make("dd", {}, text)]);
  body.append(make("dl", {}, ...rows));
  const path = [properties.source, properties.id].map(encodeURIComponent).join("/");
  body.append(make("p", {}, make("a", { href: `/events/${path}`, target: "_blank", rel: "noopener" }, "History (GeoJSON)")));
  return body;
};

// The panel covers a part of the map: below on a phone, else on the right.
const narrow = window.matchMedia("(max-width: 640px)");
const covered = () => (narrow.matches ? [12, 84] : [344, 12]);
const popup = L.popup({ maxWidth: 280, autoPanPaddingTopLeft: [56, 12] });
let open = null; // the key of the event whose popup is open
map.on("popupclose", () => (open = null));

const showPopup = (key, where) => {
  const feature = events.get(key);
  if (!feature) return;
  popup.options.autoPanPaddingBottomRight = covered();
  popup.setContent(popupOf(feature)).setLatLng(where ?? events.positionOf(key));
  map.openPopup(popup);
  open = key;
};

const events = new EventLayer(map, showPopup);
const panel = new Panel({
  onSwitch: (kind, shown) => {
    events.showKind(kind, shown);
    if (open && !events.isShown(open)) map.closePopup();
  },
  onPick: (key) => {
    if (!events.get(key)) return;
    if (narrow.matches) panel.show(false); // it would cover the popup
    map.setView(events.positionOf(key), Math.max(map.getZoom(), 14), { animate: !prefersLessMotion() });
    showPopup(key);
  },
  onFit: () => fit(),
});

const fit = () => {
  const bounds = events.bounds();
  if (!bounds.isValid()) return;
  const [right, below] = covered();
  map.fitBounds(bounds, { paddingTopLeft: [24, 24], paddingBottomRight: [right + 12, below + 12], maxZoom: 15, animate: false });
};

let unshown = 0; // events beyond those that a page shows
let fitted = false;
let waiting = [];
let drawing = false;

// Changes come in bursts: they are shown together, once a frame.
const draw = () => {
  drawing = false;
  const changes = waiting;
  waiting = [];
  for (const [name, feature] of changes) {
    const key = keyOf(feature);
    if (name === "ended") events.remove(key);
    else events.upsert(feature);
    if (key !== open) continue;
    if (name === "ended") map.closePopup();
    else popup.setContent(popupOf(feature));
  }
  for (const [name, feature] of changes.slice(-CHANGES_SHOWN_AT_ONCE)) panel.latest(name, feature, keyOf(feature));
  panel.counts(events.counts, events.size, unshown);
  if (!fitted && events.size > 0) {
    fitted = true;
    fit();
  }
};

const schedule = () => {
  if (drawing) return;
  drawing = true;
  // A hidden page has no frames, and its queue must not grow.
  if (document.hidden) setTimeout(draw, 200);
  else requestAnimationFrame(draw);
};

const feed = new EventFeed({
  state: (name) => panel.state(name),
  picture: (features, total) => {
    const kept = new Set(features.map(keyOf));
    for (const key of [...events.keys()]) if (!kept.has(key)) events.remove(key);
    features.forEach((feature) => events.upsert(feature));
    unshown = Math.max(0, total - features.length);
    schedule();
    refreshFigures();
  },
  change: (name, feature) => {
    waiting.push([name, feature]);
    schedule();
  },
});

const refreshFigures = async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch("/stats");
    if (answer.ok) panel.figures(await answer.json());
  } catch {
    // The connection's badge already tells.
  }
};
feed.open();
setInterval(refreshFigures, STATS_EVERY_MS);
setInterval(() => {
  if (events.removeExpired(Date.now()).length > 0) schedule();
}, 5000);
