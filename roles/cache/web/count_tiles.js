// Counts of events by cell, fetched tile by tile and kept, so that panning asks only for what is new.
//
// A tile is a cell of the server's quadtree (360 / 2^level degrees wide, 180 / 2^level high) four levels above the cells
// that are counted, which makes 256 of them.

import { getJson } from "./api.js";
import { holdsBox, wrap } from "./boxes.js";

const DEEPER = 4;
const FINEST = 24; // level of the finest cells: some metres
const MOST = 240; // tiles kept

const mod = (n, by) => ((n % by) + by) % by;
const boxOf = ({ level, x, y }) => {
  const [width, height] = [360 / 2 ** level, 180 / 2 ** level];
  return [x * width - 180, y * height - 90, (x + 1) * width - 180, (y + 1) * height - 90];
};

// The columns (of all copies of the world) and rows of the tiles that the bounds touch.
const spanOf = (bounds, zoom) => {
  const level = Math.max(0, Math.min(FINEST - DEEPER, Math.floor(zoom) - 1));
  const across = 2 ** level;
  const column = (lon) => Math.floor(((lon + 180) / 360) * across);
  const row = (lat) => Math.max(0, Math.min(across - 1, Math.floor(((lat + 90) / 180) * across)));
  return {
    level,
    x0: column(bounds.getWest()), x1: column(bounds.getEast()), y0: row(bounds.getSouth()), y1: row(bounds.getNorth()),
  };
};

export class CountTiles {
  #tiles = new Map(); // "level/x/y" -> {box, cells, version, loaded (the version that cells are of), loading}
  #levels = new Map(); // level -> how many tiles of it are kept

  /** The tiles of the bounds at a zoom: [{name, level, x, y, shift}], shift in degrees for copies of the world. */
  cover(bounds, zoom) {
    const { level, x0, x1, y0, y1 } = spanOf(bounds, zoom);
    const across = 2 ** level;
    const found = [];
    for (let y = y0; y <= y1; y += 1) {
      for (let column = x0; column <= x1; column += 1) {
        const x = mod(column, across);
        found.push({ name: `${level}/${x}/${y}`, level, x, y, shift: ((column - x) * 360) / across });
      }
    }
    return found;
  }

  /** The box of these tiles. */
  boxAround(bounds, zoom) {
    const { level, x0, x1, y0, y1 } = spanOf(bounds, zoom);
    const [west, south] = boxOf({ level, x: x0, y: y0 });
    const [, , east, north] = boxOf({ level, x: x1, y: y1 });
    return east - west >= 360 ? [-180, south, 180, north] : [wrap(west), south, wrap(east), north];
  }

  /** What is known of these tiles' cells: [{lon, lat, box, count, kinds, of}]; `of` is the same for copies of a cell. */
  cellsOf(wanted) {
    return wanted.flatMap(({ name, shift }) =>
      (this.#tiles.get(name)?.cells ?? []).map((cell) => ({
        ...cell,
        of: cell,
        lon: cell.lon + shift,
        box: [cell.box[0] + shift, cell.box[1], cell.box[2] + shift, cell.box[3]],
      })),
    );
  }

  /** Fetches what is missing or no longer true; throws when one of them could not be had. */
  async load(wanted) {
    const results = await Promise.allSettled(wanted.map((tile) => this.#fresh(tile)));
    this.#trim();
    const failed = results.find(({ status }) => status === "rejected");
    if (failed) throw failed.reason;
  }

  /** Something changed here. */
  touch(lon, lat) {
    for (const level of this.#levels.keys()) {
      const across = 2 ** level;
      const x = Math.min(across - 1, Math.floor(((lon + 180) / 360) * across));
      const y = Math.min(across - 1, Math.floor(((lat + 90) / 180) * across));
      const tile = this.#tiles.get(`${level}/${x}/${y}`);
      if (tile) tile.version += 1;
    }
  }

  /** Every tile is to be asked for again, except those within all of the boxes. */
  doubt(boxes = []) {
    for (const tile of this.#tiles.values()) {
      if (boxes.length === 0 || !boxes.every((box) => holdsBox(box, tile.box))) tile.version += 1;
    }
  }

  async #fresh({ name, level, x, y }) {
    let tile = this.#tiles.get(name);
    if (!tile) {
      tile = { box: boxOf({ level, x, y }), level, cells: null, version: 0, loaded: -1, loading: null };
      this.#levels.set(level, (this.#levels.get(level) ?? 0) + 1);
    }
    this.#tiles.delete(name); // and to the end: the first of the map is the one least lately used
    this.#tiles.set(name, tile);
    if (tile.loaded === tile.version) return;
    tile.loading ??= this.#fetch(tile, level + DEEPER).finally(() => (tile.loading = null));
    await tile.loading;
  }

  async #fetch(tile, level) {
    const { version, box } = tile;
    // Whole cells that touch the box are counted: the middle of the last ones is far enough, their edge the neighbour's.
    const [west, south, east, north] = box;
    const bbox = [west, south, east - 180 / 2 ** level, north - 90 / 2 ** level];
    const { cells } = await getJson("/events/count", { bbox, by: "cell", level });
    tile.cells = cells.map(({ bbox: bounds, center: [lon, lat], count, kinds }) => ({ lon, lat, box: bounds, count, kinds }));
    tile.loaded = version;
  }

  #trim() {
    for (const [name, { level, loading }] of this.#tiles) {
      if (this.#tiles.size <= MOST) return;
      if (loading) continue;
      this.#tiles.delete(name);
      const left = this.#levels.get(level) - 1;
      if (left > 0) this.#levels.set(level, left);
      else this.#levels.delete(level);
    }
  }
}
