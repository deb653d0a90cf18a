// The background that needs no server: country outlines and a graticule, drawn tile by tile.

import { colour } from "/web/theme.js";

const DEGREES = [30, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002];
const LATITUDE_LIMIT = 85.0511;

// Web Mercator with the world as the unit square.
const mercatorX = (lon) => lon / 360 + 0.5;
const mercatorY = (lat) => {
  const sine = Math.sin((Math.max(-LATITUDE_LIMIT, Math.min(LATITUDE_LIMIT, lat)) * Math.PI) / 180);
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI);
};
const longitude = (x) => (x - 0.5) * 360;
const latitude = (y) => (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI;

/** One outline of integer differences as unit-square points with their box. */
const decode = (ring, scale) => {
  const points = new Float64Array(ring.length);
  const box = { west: 1, north: 1, east: 0, south: 0 };
  let lon = 0;
  let lat = 0;
  for (let i = 0; i < ring.length; i += 2) {
    lon += ring[i];
    lat += ring[i + 1];
    const x = mercatorX(lon / scale);
    const y = mercatorY(lat / scale);
    points[i] = x;
    points[i + 1] = y;
    box.west = Math.min(box.west, x);
    box.east = Math.max(box.east, x);
    box.north = Math.min(box.north, y);
    box.south = Math.max(box.south, y);
  }
  return { points, box };
};

const Basemap = L.GridLayer.extend({
  outlines: [],

  createTile(coords) {
    const ratio = Math.min(2, window.devicePixelRatio || 1);
    const size = this.getTileSize().x;
    const tile = document.createElement("canvas");
    tile.width = size * ratio;
    tile.height = size * ratio;
    const context = tile.getContext("2d");
    context.scale(ratio, ratio);
    this.drawLand(context, coords, size);
    this.drawGraticule(context, coords, size);
    return tile;
  },

  drawLand(context, coords, size) {
    const tiles = 2 ** coords.z;
    const world = size * tiles;
    const margin = 8; // so that the cut edges of an outline lie outside
    const visible = L.bounds([-margin, -margin], [size + margin, size + margin]);
    const reach = margin / world;
    const column = ((coords.x % tiles) + tiles) % tiles;
    context.beginPath();
    for (const { points, box } of this.outlines) {
      if (box.east < column / tiles - reach || box.west > (column + 1) / tiles + reach) continue;
      if (box.south < coords.y / tiles - reach || box.north > (coords.y + 1) / tiles + reach) continue;
      const ring = [];
      for (let i = 0; i < points.length; i += 2) {
        ring.push(new L.Point(points[i] * world - column * size, points[i + 1] * world - coords.y * size));
      }
      L.PolyUtil.clipPolygon(ring, visible).forEach((p, i) => (i ? context.lineTo(p.x, p.y) : context.moveTo(p.x, p.y)));
      context.closePath();
    }
    context.fillStyle = colour("--land");
    context.strokeStyle = colour("--border");
    context.lineWidth = 0.8;
    context.lineJoin = "round";
    context.fill("nonzero");
    context.stroke();
  },

  drawGraticule(context, coords, size) {
    const tiles = 2 ** coords.z;
    const step = DEGREES.findLast((degrees) => (degrees / 360) * size * tiles >= 90) ?? DEGREES[0];
    const [west, east] = [longitude(coords.x / tiles), longitude((coords.x + 1) / tiles)];
    const [south, north] = [latitude((coords.y + 1) / tiles), latitude(coords.y / tiles)];
    context.beginPath();
    for (let n = Math.ceil(west / step); n * step < east; n += 1) {
      const x = Math.round(mercatorX(n * step) * size * tiles - coords.x * size) + 0.5;
      context.moveTo(x, 0);
      context.lineTo(x, size);
    }
    for (let n = Math.ceil(south / step); n * step < north; n += 1) {
      const y = Math.round(mercatorY(n * step) * size * tiles - coords.y * size) + 0.5;
      context.moveTo(0, y);
      context.lineTo(size, y);
    }
    context.strokeStyle = colour("--graticule");
    context.lineWidth = 1;
    context.stroke();
  },
});

/** Adds the background to the map; the outlines come when they are loaded. */
export const addBasemap = (map) => {
  const layer = new Basemap({ attribution: "Made with Natural Earth", noWrap: false, updateWhenZooming: false });
  layer.addTo(map);
  fetch("/assets/basemap.json")
    .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(`basemap: ${answer.status}`))))
    .then(({ scale, rings }) => {
      layer.outlines = rings.map((ring) => decode(ring, scale));
      layer.redraw();
    })
    .catch((error) => console.warn(error.message));
  return layer;
};
