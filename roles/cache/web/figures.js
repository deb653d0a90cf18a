// The cache's figures, by layer.

import { element, make } from "./dom.js";

const LAYERS = { answers: "Whole answers", cells: "Cells" };

const number = new Intl.NumberFormat("en");
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 1 });

const rowOf = (name, hits, misses) => {
  const asked = hits + misses;
  const figures = [asked ? percent.format(hits / asked) : "–", number.format(hits), number.format(misses)];
  return make("tr", {}, make("th", { scope: "row" }, name), ...figures.map((text) => make("td", {}, text)));
};

/** stats: what /stats answers. */
export const showFigures = (stats) => {
  const asked = stats.hits + stats.misses + stats.coalesced;
  element("ratio").textContent = asked ? percent.format(stats.ratio) : "–";
  element("requests").textContent = number.format(asked);
  element("entries").textContent = number.format(stats.entries);
  element("streams").textContent = number.format(stats.streams);
  const kept = Object.entries(LAYERS).filter(([layer]) => stats[layer]?.hits !== undefined);
  element("layers").hidden = kept.length === 0;
  const rows = kept.map(([layer, name]) => rowOf(name, stats[layer].hits, stats[layer].misses ?? 0));
  element("layer-rows").replaceChildren(...rows);
  const notes = [];
  const cells = stats.cells ?? {};
  if (cells.negative_hits) notes.push(`hits of empty cells: ${number.format(cells.negative_hits)}`);
  if (cells.parent_hits) notes.push(`of larger cells: ${number.format(cells.parent_hits)}`);
  if (stats.database?.queries !== undefined) notes.push(`database queries: ${number.format(stats.database.queries)}`);
  element("layer-notes").textContent = notes.join(" · ");
};
