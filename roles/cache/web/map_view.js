// The Leaflet map with its background, and what of it lies free beside the panel and the time.

import { onThemeChange, prefersLessMotion } from "/web/theme.js";
import { addBasemap } from "./basemap.js";

const narrow = window.matchMedia("(max-width: 640px)");

export const isNarrow = () => narrow.matches;

// The panel covers a part of the map: below on a phone, else on the right; the time lies below.
export const covered = () => (narrow.matches ? [12, 150] : [344, 88]);

export const makeMap = () => {
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
  return map;
};

/** Shows the bounds in what is free of the map. */
export const fitTo = (map, bounds) => {
  const [right, below] = covered();
  map.fitBounds(bounds, { paddingTopLeft: [24, 24], paddingBottomRight: [right + 12, below + 12], maxZoom: 15, animate: false });
};
