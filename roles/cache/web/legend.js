// The entries of an overlay's legend.

import { make } from "./dom.js";
import { shape } from "./kinds.js";

const number = new Intl.NumberFormat("en");

/** entries: [[classes of the area, name, how many]…] as list items with a sample of the area. */
export const legendOf = (entries) =>
  entries.map(([classes, name, count]) => {
    const svg = shape("svg", { viewBox: "0 0 22 14", class: "sample", "aria-hidden": "true" });
    svg.append(shape("rect", { x: 1.5, y: 1.5, width: 19, height: 11, class: `area ${classes}` }));
    return make("li", {}, svg, make("span", {}, name), make("span", { class: "count" }, number.format(count)));
  });
