// What the kinds of events look like: name, colour and glyph. Kinds differ by shape as well as by colour.

// Glyphs are paths in a box of 24 by 24, drawn white on a disc.
const KINDS = {
  jam: ["Jam", "#c2410c", "M8 6h8l1.5 5H19v6h-2v-1.5H7V17H5v-6h1.5zM8.7 8l-1 3h8.6l-1-3z"],
  accident: ["Accident", "#b3123b", "M12 4l2 4.5 4.8-1-2.6 4.2 3.8 3-4.9.7.2 4.9L12 16.9 8.7 20.3l.2-4.9-4.9-.7 3.8-3L5.2 7.5l4.8 1z"],
  hazard: ["Hazard", "#8a6100", "M11 5h2l-.3 8.5h-1.4zM11 15.5h2v2.5h-2z"],
  road_closed: ["Road closed", "#7a1fa2", "M5 10h14v4H5z"],
  police: ["Police", "#1d4ed8", "M12 4l6 2.2v5c0 4-2.6 6.8-6 8.8-3.4-2-6-4.8-6-8.8v-5z"],
  chit_chat: ["Chat", "#0f766e", "M5 6h14v9h-7l-4 4v-4H5z"],
  weather: ["Weather", "#0369a1", "M8 16a3.5 3.5 0 010-7 4.5 4.5 0 018.5 1A3 3 0 0116.5 16z"],
  irregularity: ["Unusual traffic", "#b45309", "M4 15l4-5 3 3 4-6 5 6v2.5l-5-5.5-4 6-3-3-4 5z"],
  construction: ["Roadworks", "#9a4d00", "M12 4l5 13h2v2H5v-2h2z"],
  earthquake: ["Earthquake", "#6d28d9", "M4 12h3l2-6 3.5 12 2.5-9 1.5 3H20v1.8h-4.6L15 12l-2.7 9L9 9.5 8.3 13.8H4z"],
};
const OTHER = ["Other", "#475569", "M12 7a5 5 0 110 10 5 5 0 010-10z"];
const SEVERITIES = ["#2f9e5b", "#7fae2e", "#d9a400", "#e8730c", "#d32f2f", "#b01fc0"];
const SVG = "http://www.w3.org/2000/svg";

const paths = new Map();

const known = (kind) => (Object.hasOwn(KINDS, kind) ? KINDS[kind] : OTHER);

export const nameOf = (kind) => {
  if (Object.hasOwn(KINDS, kind)) return KINDS[kind][0];
  const words = kind.replaceAll("_", " ").trim();
  return words ? words[0].toUpperCase() + words.slice(1) : OTHER[0];
};
export const colourOf = (kind) => known(kind)[1];

/** The glyph as a Path2D, made once a kind. */
export const pathOf = (kind) => {
  const d = known(kind)[2];
  if (!paths.has(d)) paths.set(d, new Path2D(d));
  return paths.get(d);
};

/** A jam's colour: severity 0 … 10 on six steps. */
export const severityColour = (severity) => {
  const step = Math.round((Math.max(0, Math.min(10, Number(severity) || 0)) / 10) * (SEVERITIES.length - 1));
  return SEVERITIES[step];
};
export const severityColours = () => SEVERITIES;

export const shape = (name, attributes) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

/** The kind's disc and glyph as an <svg>, for legends and lists. */
export const iconOf = (kind) => {
  const svg = shape("svg", { viewBox: "0 0 24 24", class: "glyph", "aria-hidden": "true" });
  svg.append(shape("circle", { cx: 12, cy: 12, r: 11.5, fill: colourOf(kind) }));
  svg.append(shape("path", { d: known(kind)[2], fill: "#fff", "fill-rule": "evenodd", transform: "translate(2.4 2.4) scale(.8)" }));
  return svg;
};

/** A bar of one colour, for the scale of severities. */
export const barOf = (fill) => {
  const svg = shape("svg", { viewBox: "0 0 10 8", preserveAspectRatio: "none", "aria-hidden": "true" });
  svg.append(shape("rect", { width: 10, height: 8, rx: 1, fill }));
  return svg;
};
