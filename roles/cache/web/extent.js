// Where on earth the events are, when they are too many to load.

import { boundsOf } from "./boxes.js";

const ROUNDS = 5;

/** The bounds of all that is counted: from cells of the world, then from smaller ones within these. Null: nothing is. */
export const extentOf = async (map, tiles) => {
  let bounds = L.latLngBounds([-90, -180], [90, 179.999]);
  for (let round = 0; round < ROUNDS; round += 1) {
    const zoom = Math.max(2, map.getBoundsZoom(bounds));
    const wanted = tiles.cover(bounds, zoom);
    await tiles.load(wanted);
    const cells = tiles.cellsOf(wanted).filter(({ count }) => count > 0);
    if (cells.length === 0) return null;
    const found = L.latLngBounds([]);
    cells.forEach(({ box }) => found.extend(boundsOf(box)));
    if (map.getBoundsZoom(found) < zoom + 1) return found;
    bounds = found;
  }
  return bounds;
};
