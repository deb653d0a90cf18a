// Many events on the map: bubbles of counts, which go nearer, follow the stream and are kept while the map is panned.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { bubbled, cacheAlone, grid, isSettled, looks, moveMap, number, settled, shoot, showPanel, store } from "./events.mjs";
import { DESKTOP, PHONE, eventually, openPage, startBrowser } from "./harness.mjs";

const CITY = [-70.66, -33.45];
const TOWN = [-71.6, -33.05];

let browser;
let program;
before(async () => {
  browser = await startBrowser();
  program = await cacheAlone();
  await store(program, [...grid("j", "jam", 1800, ...CITY, 0.3), ...grid("h", "hazard", 700, ...CITY, 0.3), ...grid("a", "accident", 500, ...TOWN, 0.1)]);
});
after(async () => {
  await browser?.stop();
  await program?.stop();
});

const open = async (look) => {
  const opened = await openPage(browser.context, program.addresses.cache, look);
  await settled(opened.page);
  return opened;
};
const counts = (asked) => asked.filter(({ pathname, searchParams }) => pathname === "/events/count" && searchParams.get("by") === "cell");

for (const [name, look] of looks({ desktop: DESKTOP, phone: PHONE })) {
  test(`bubbles count what is too much to draw: ${name}`, async () => {
    const { page, complaints, asked } = await open(look);
    await eventually(async () => (await bubbled(page)) === 3000, "every event is in a bubble");
    assert.equal(await number(page, "total"), 3000);
    assert.equal(asked.filter(({ pathname }) => pathname === "/events").length, 0, "no event was loaded");
    const label = await page.locator(".bubble").first().getAttribute("aria-label");
    assert.match(label, /^[\d,]+ events?: [\d,]+ (jam|hazard|accident)/);
    await shoot(page, `${name}-clusters`);
    // Nearer by the keyboard, until the events themselves are drawn.
    for (let step = 0; step < 12 && (await page.locator(".bubble").count()) > 0; step += 1) {
      const before = await page.locator(".leaflet-control-scale-line").first().textContent();
      await page.locator(".bubble").first().focus();
      await page.keyboard.press("Enter");
      await eventually(async () => (await page.locator(".leaflet-control-scale-line").first().textContent()) !== before, "it is nearer");
      await eventually(() => isSettled(page), "it is drawn");
    }
    assert.equal(await page.locator(".bubble").count(), 0);
    await eventually(async () => (await number(page, "total")) > 0, "events are drawn");
    assert.ok((await number(page, "total")) <= 2000);
    assert.ok(asked.some(({ pathname, searchParams }) => pathname === "/events" && searchParams.get("bbox")), "they were loaded by the view");
    await shoot(page, `${name}-events`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    assert.equal(wide, false, "the page scrolls sideways");
    assert.deepEqual(complaints, []);
    await page.close();
  });
}

test("panning asks for no tile twice", async () => {
  const { page, complaints, asked } = await open({ viewport: DESKTOP, colorScheme: "light" });
  await page.waitForSelector(".bubble");
  const first = counts(asked).length;
  assert.ok(first > 0);
  await page.locator("#map").focus();
  for (const key of ["ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"]) {
    await moveMap(page, key);
    await eventually(() => isSettled(page), "it is drawn");
  }
  const addresses = counts(asked).map(({ search }) => search);
  assert.equal(new Set(addresses).size, addresses.length, addresses.join("\n"));
  assert.deepEqual(complaints, []);
  await page.close();
});

test("counts follow the stream, and the kinds that are shown", async () => {
  const { page, complaints } = await open({ viewport: DESKTOP, colorScheme: "dark" });
  await eventually(async () => (await bubbled(page)) === 3000, "every event is in a bubble");
  await store(program, grid("p", "police", 40, ...CITY, 0.2));
  await eventually(async () => (await bubbled(page)) === 3040, "the new ones are counted");
  await page.locator('#kinds [data-kind="jam"] input').uncheck();
  await eventually(async () => (await bubbled(page)) === 0 || (await bubbled(page)) === 1240, "jams are left out");
  await eventually(async () => (await number(page, "total")) === 1240, "and not counted");
  await page.locator('#kinds [data-kind="jam"] input').check();
  await eventually(async () => (await bubbled(page)) === 3040, "jams are back");
  await store(program, grid("p", "police", 40, ...CITY, 0.2).map((f) => ({ ...f, properties: { ...f.properties, status: "deleted" } })));
  await eventually(async () => (await bubbled(page)) === 3000, "the ended ones are gone");
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a source and a severity narrow it down", async () => {
  const { page, complaints, asked } = await open({ viewport: PHONE, colorScheme: "light" });
  await showPanel(page, true);
  await page.fill("#least-severity", "7");
  await page.locator("#least-severity").dispatchEvent("change");
  await eventually(async () => (await number(page, "total")) === 0, "nothing is that severe");
  assert.equal(await page.textContent("#severity-text"), "7 or more");
  await page.click("#clear-filters");
  await eventually(async () => (await bubbled(page)) === 3000, "everything is back");
  await page.fill("#source", "nobody");
  await page.locator("#source").blur();
  await eventually(async () => (await number(page, "total")) === 0, "there is no such source");
  assert.ok(asked.some(({ searchParams }) => searchParams.get("source") === "nobody"));
  assert.deepEqual(complaints, []);
  await page.close();
});
