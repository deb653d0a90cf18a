// What a popup tells of an event.

import { make } from "./dom.js";
import { iconOf, nameOf } from "./kinds.js";
import { titleOf } from "./panel.js";

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

export const popupOf = ({ properties }) => {
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
