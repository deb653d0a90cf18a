// The page: makes its parts and tells them of each other.

import { prefersLessMotion } from "/web/theme.js";
import { getJson } from "./api.js";
import { AreaSearch } from "./area_search.js";
import { Clusters } from "./clusters.js";
import { CountTiles } from "./count_tiles.js";
import { Coverage } from "./coverage.js";
import { element } from "./dom.js";
import { EventFeed } from "./event_feed.js";
import { EventLayer, firstOf, keyOf } from "./event_layer.js";
import { Explain } from "./explain.js";
import { extentOf } from "./extent.js";
import { showFigures } from "./figures.js";
import { Filters } from "./filters.js";
import { covered, fitTo, isNarrow, makeMap } from "./map_view.js";
import { Panel } from "./panel.js";
import { popupOf } from "./popup.js";
import { Scene } from "./scene.js";
import { Timeline } from "./timeline.js";

const STATS_EVERY_MS = 4000;
const EXPIRED_EVERY_MS = 5000;
const RECOUNT_EVERY_MS = 30000; // what leaves by its own time is not told of
const CHANGES_SHOWN_AT_ONCE = 10;
const FIT_FOR_MS = 5000;

const animate = !prefersLessMotion();
const map = makeMap();
const tiles = new CountTiles();

const popup = L.popup({ maxWidth: 280, autoPanPaddingTopLeft: [56, 12] });
let open = null; // the key of the event whose popup is open
map.on("popupclose", () => (open = null));

const showPopup = (feature, where = firstOf(feature.geometry)) => {
  popup.options.autoPanPaddingBottomRight = covered();
  popup.setContent(popupOf(feature)).setLatLng(where);
  map.openPopup(popup);
  open = keyOf(feature);
};

// A click on what is drawn is a corner while an area is being drawn.
const takenByDrawing = (latlng) => {
  if (!search.drawing.active) return false;
  search.drawing.add(latlng);
  return true;
};

const events = new EventLayer(map, (key, latlng) => {
  const feature = events.get(key);
  if (feature && !takenByDrawing(latlng)) showPopup(feature, latlng);
});
const clusters = new Clusters(map, { animate, mayZoom: (latlng) => !takenByDrawing(latlng) });

const filters = new Filters(() => {
  scene.refresh();
  search.refresh();
  explain.refresh();
});

const pick = (listed) => {
  const feature = events.get(keyOf(listed)) ?? listed;
  if (isNarrow()) panel.show(false); // it would cover the popup
  map.setView(firstOf(feature.geometry), Math.max(map.getZoom(), 14), { animate });
  showPopup(feature);
};

const fit = async () => {
  const bounds = scene.area ? await extentOf(map, tiles) : events.bounds();
  if (bounds?.isValid()) fitTo(map, bounds);
};

const panel = new Panel({
  onSwitch: (kind, shown) => {
    events.showKind(kind, shown);
    filters.show(kind, shown);
    if (open && events.has(open) && !events.isShown(open)) map.closePopup();
  },
  onPick: pick,
  onFit: fit,
});

let waiting = [];
let drawing = false;

// The first events may come one by one: until the reader does something, the map is fitted to them for a while.
let fitted = 0; // events that it was fitted to
let fitUntil = Infinity;
for (const event of ["pointerdown", "keydown", "wheel"]) {
  document.addEventListener(event, () => (fitUntil = 0), { capture: true, passive: true, once: true });
}
const fitFirst = (count) => {
  if (count === fitted || (fitted > 0 && (performance.now() > fitUntil || scene.area))) return;
  if (fitUntil === Infinity) fitUntil = performance.now() + FIT_FOR_MS;
  fitted = count;
  fit();
};

// Changes come in bursts: they are shown together, once a frame.
const draw = () => {
  drawing = false;
  const changes = waiting;
  waiting = [];
  for (const [name, feature] of changes) {
    const key = keyOf(feature);
    const gone = name === "ended" || !filters.wants(feature);
    const [lat, lon] = firstOf(feature.geometry);
    scene.touch(lon, lat);
    if (gone) events.remove(key);
    else if (scene.keepsEvents) events.upsert(feature);
    if (key !== open) continue;
    if (gone) map.closePopup();
    else popup.setContent(popupOf(feature));
  }
  for (const [name, feature] of changes.slice(-CHANGES_SHOWN_AT_ONCE)) panel.latest(name, feature);
  if (changes.length > 0) {
    filters.learn(changes.map(([, feature]) => feature));
    search.refresh();
  }
  scene.redraw();
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
  picture: (features) => {
    events.replace(features);
    filters.learn(features);
    schedule();
    refreshFigures();
  },
  change: (name, feature) => {
    waiting.push([name, feature]);
    schedule();
  },
  missed: () => scene.doubt(),
});

const scene = new Scene(map, {
  events, clusters, tiles, feed, filters,
  tell: {
    counts: (counts) => {
      panel.counts(counts);
      if (!scene.at && counts.all > 0) fitFirst(counts.all);
    },
    problem: (text) => panel.problem(text),
    busy: (yes) => element("map").setAttribute("aria-busy", String(yes)),
  },
});

new Timeline(async (at) => {
  panel.time(at);
  if (at) panel.state("past");
  map.closePopup();
  waiting = [];
  await scene.moveTo(at);
  search.refresh();
});

// What the view shows, as /events takes it.
const parameters = () => ({ ...filters.parameters(), at: scene.at?.toISOString() });
const search = new AreaSearch(map, {
  parameters, pick,
  isShown: (kind) => filters.isShown(kind),
  fit: (bounds) => fitTo(map, bounds),
  begin: () => {
    map.closePopup();
    if (isNarrow()) panel.show(false);
  },
  end: () => isNarrow() && panel.show(true),
});
const explain = new Explain(map, parameters);
new Coverage(map, (bounds) => fitTo(map, bounds));

const refreshFigures = async () => {
  if (document.hidden) return;
  try {
    showFigures(await getJson("/stats"));
  } catch {
    // The connection's badge already tells.
  }
};

refreshFigures();
setInterval(refreshFigures, STATS_EVERY_MS);
setInterval(() => {
  if (!scene.at && events.removeExpired(Date.now()).length > 0) schedule();
}, EXPIRED_EVERY_MS);
setInterval(() => scene.doubt(), RECOUNT_EVERY_MS);
await feed.begin();
if (!scene.at) scene.refresh();
