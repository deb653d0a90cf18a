// A table of an overlay's areas: the same as on the map, for who does not see it; a row marks its area.

import { make } from "./dom.js";

const rowOf = ([first, ...rest], index, tell) => {
  const row = make("tr", { tabindex: "0" }, make("th", { scope: "row" }, first), ...rest.map((text) => make("td", {}, text)));
  for (const event of ["pointerenter", "focus"]) row.addEventListener(event, () => tell(index));
  for (const event of ["pointerleave", "blur"]) row.addEventListener(event, () => tell(-1));
  return row;
};

/**
 * Fills <table> with the headings and rows of texts; tell(index) when a row is pointed at or focused, -1 when left. Rows
 * with the names of before are rewritten in place, so that the focus stays where it is.
 */
export const fillTable = (table, headings, rows, tell) => {
  const shown = [...(table.tBodies[0]?.rows ?? [])];
  const same = shown.length === rows.length && shown.every((row, i) => row.cells[0].textContent === rows[i][0]);
  if (same) {
    shown.forEach((row, i) => rows[i].forEach((text, j) => row.cells[j].textContent === text || (row.cells[j].textContent = text)));
    return;
  }
  const head = make("tr", {}, ...headings.map((text) => make("th", { scope: "col" }, text)));
  const body = rows.map((cells, index) => rowOf(cells, index, tell));
  table.replaceChildren(table.caption, make("thead", {}, head), make("tbody", {}, ...body));
};
