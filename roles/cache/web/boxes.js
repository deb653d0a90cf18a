// Boxes of longitude and latitude as the server takes them: [west, south, east, north]; west > east crosses 180 degrees.

export const WORLD = [-180, -90, 180, 90];

export const wrap = (lon) => (lon >= -180 && lon <= 180 ? lon : ((((lon + 180) % 360) + 360) % 360) - 180);

const clamp = (lat) => Math.max(-90, Math.min(90, lat));
const widthOf = ([west, , east]) => (east >= west ? east - west : east - west + 360);
const rounded = (degrees) => Number(degrees.toFixed(7));

/** The map's bounds widened by a share of their size, on a coarse grid, so that views that are nearly alike ask alike. */
export const boxOf = (bounds, pad = 0) => {
  const wide = bounds.pad(pad);
  const step = 2 ** Math.floor(Math.log2(Math.max(1e-6, bounds.getEast() - bounds.getWest()) / 16));
  const down = (degrees) => Math.floor(degrees / step) * step;
  const up = (degrees) => Math.ceil(degrees / step) * step;
  const [west, east] = [down(wide.getWest()), up(wide.getEast())];
  const [south, north] = [clamp(down(wide.getSouth())), clamp(up(wide.getNorth()))];
  if (east - west >= 360) return [-180, rounded(south), 180, rounded(north)];
  return [rounded(wrap(west)), rounded(south), rounded(wrap(east)), rounded(north)];
};

export const holdsBox = (outer, inner) => {
  if (inner[1] < outer[1] || inner[3] > outer[3]) return false;
  if (widthOf(outer) >= 360) return true;
  const offset = (inner[0] - outer[0] + 360) % 360;
  return offset + widthOf(inner) <= widthOf(outer) + 1e-9;
};

export const holdsPoint = (box, lon, lat) => holdsBox(box, [lon, lat, lon, lat]);

/** Leaflet's bounds of a box; one that crosses 180 degrees goes on beyond it. */
export const boundsOf = ([west, south, east, north]) => L.latLngBounds([south, west], [north, east >= west ? east : east + 360]);
