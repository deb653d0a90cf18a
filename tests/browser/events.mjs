// Events for the tests of the map, and what its page says of them.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually, startProgram } from "./harness.mjs";

const SHOTS = process.env.SCREENSHOTS ?? "";
const ENVIRONMENT = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("DISTSYS_")));

export const cacheAlone = () => startProgram("cache", "--cache.listen=127.0.0.1:0");

export const place = (id, kind, lon, lat, more = {}) => ({
  type: "Feature", id, geometry: { type: "Point", coordinates: [lon, lat] },
  properties: { kind, title: `event ${id}`, severity: 3, ...more },
});

/** `count` events of a kind on a square grid of `side` degrees round a place. */
export const grid = (name, kind, count, lon, lat, side) => {
  const rows = Math.ceil(Math.sqrt(count));
  const at = (i) => (side * (i + 0.5)) / rows - side / 2;
  return Array.from({ length: count }, (_, i) => place(`${name}-${i}`, kind, lon + at(i % rows), lat + at(Math.floor(i / rows))));
};

let stored = 0;

/** Stores events beside the running cache, as another process; `seen`: when the source said so. */
export const store = async (program, features, { seen = Date.now() } = {}) => {
  const folder = join(program.folder, `replay-${++stored}`);
  await mkdir(folder);
  const document = { type: "FeatureCollection", metadata: { generated: seen, title: "test" }, features };
  await writeFile(join(folder, "1.geojson"), JSON.stringify(document));
  const done = spawnSync(
    program.binary,
    ["--role=scraper", `--data-dir=${program.folder}`, "--operations=127.0.0.1:0", "--scraper.once", `--scraper.source=replay:${folder}`],
    { env: ENVIRONMENT, encoding: "utf8" },
  );
  assert.equal(done.status, 0, done.stderr);
};

export const number = async (page, id) => Number((await page.textContent(`#${id}`)).replaceAll(",", ""));
export const isLive = async (page) => (await page.textContent("#connection")) === "live";
export const isSettled = (page) => page.evaluate(() => document.querySelector("#map").getAttribute("aria-busy") === "false");

/** Until the page has drawn what it was asked for, and hears of changes. */
export const settled = (page) => eventually(async () => (await isSettled(page)) && (await isLive(page)), "the page is live and settled");

/** Opens or folds the panel, which on a phone covers the map. */
export const showPanel = async (page, open) => {
  if ((await page.getAttribute("#toggle", "aria-expanded")) !== String(open)) await page.click("#toggle");
};

/** Moves the map by an arrow key, which is 80 pixels, until it stands still. */
export const moveMap = async (page, key) => {
  const place = () => page.$eval(".leaflet-map-pane", (pane) => {
    const { e, f } = new DOMMatrix(getComputedStyle(pane).transform);
    return { e, f };
  });
  const before = await place();
  await page.keyboard.press(key);
  await eventually(async () => {
    const { e, f } = await place();
    return Math.abs(e - before.e) + Math.abs(f - before.f) === 80;
  }, "the map has moved");
};

/** The events that the bubbles say they stand for. */
export const bubbled = async (page) => {
  const labels = await page.$$eval(".bubble", (all) => all.map((one) => one.getAttribute("aria-label")));
  return labels.reduce((sum, label) => sum + Number(label.match(/^[\d,]+/)[0].replaceAll(",", "")), 0);
};

/** A picture for who looks at the pages, where SCREENSHOTS names a folder. */
export const shoot = async (page, name) => {
  if (!SHOTS) return;
  await mkdir(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`) });
};

/** Each device in each colour scheme: [name, {viewport, colorScheme}]. */
export const looks = (sizes) =>
  Object.entries(sizes).flatMap(([device, viewport]) =>
    ["light", "dark"].map((colorScheme) => [`${device}-${colorScheme}`, { viewport, colorScheme }]));
