// Searching an area: drawn by the pointer or the keyboard, or written as coordinates.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { cacheAlone, looks, moveMap, number, place, settled, shoot, showPanel, store } from "./events.mjs";
import { DESKTOP, PHONE, eventually, openPage, startBrowser } from "./harness.mjs";

let browser;
let program;
before(async () => {
  browser = await startBrowser();
  program = await cacheAlone();
  await store(program, [
    place("inside", "accident", -70.66, -33.46),
    place("beside", "hazard", -70.61, -33.47), // in the box of the triangle, not in the triangle
    place("far", "police", -71.6, -33.05),
  ]);
});
after(async () => {
  await browser?.stop();
  await program?.stop();
});

const TRIANGLE = "-70.7,-33.5 -70.6,-33.5 -70.7,-33.4";
const listed = (page) => page.locator("#area-events button .what > span:first-child").allTextContents();
const open = async (look) => {
  const opened = await openPage(browser.context, program.addresses.cache, look);
  await settled(opened.page);
  return opened;
};

for (const [name, look] of looks({ desktop: DESKTOP, phone: PHONE })) {
  test(`coordinates find what lies between them: ${name}`, async () => {
    const { page, complaints } = await open(look);
    await showPanel(page, true);
    await page.fill("#area-field", TRIANGLE);
    await page.locator("#area-form button").click();
    await eventually(async () => (await page.textContent("#area-result")) === "1 event in the area:", "one is found");
    assert.deepEqual(await listed(page), ["event inside"]);
    assert.equal(await page.locator("path.drawn").count(), 1);
    await shoot(page, `${name}-area`);
    await store(program, [place("later", "police", -70.67, -33.47)]);
    await eventually(async () => (await listed(page)).length === 2, "a new one is listed");
    await store(program, [place("later", "police", -70.67, -33.47, { status: "deleted" })]);
    await eventually(async () => (await listed(page)).length === 1, "it is gone again");
    await page.locator("#area-events button").click();
    await page.waitForSelector('.popup strong:text-is("event inside")');
    await showPanel(page, true);
    await page.click("#area-clear");
    assert.equal(await page.locator("path.drawn").count(), 0);
    assert.deepEqual(complaints, []);
    await page.close();
  });
}

test("an area is drawn by clicks", async () => {
  const { page, complaints } = await open({ viewport: DESKTOP, colorScheme: "light" });
  await eventually(async () => (await number(page, "total")) === 3, "the map is fitted");
  const scale = () => page.locator(".leaflet-control-scale-line").textContent();
  const before = await scale();
  await page.locator("#map").focus();
  await page.keyboard.press("-");
  await eventually(async () => (await scale()) !== before, "there is room round the events");
  await page.click("#draw");
  for (const [x, y] of [[100, 150], [900, 150], [900, 650], [100, 650]]) await page.mouse.click(x, y);
  await shoot(page, "desktop-light-draw");
  await page.click("#draw-finish");
  await eventually(async () => (await page.textContent("#area-result")) === "3 events in the area:", "all of them are found");
  assert.equal((await page.inputValue("#area-field")).split(" ").length, 4);
  assert.equal(await page.isVisible("#draw-bar"), false);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("an area is drawn by the keyboard alone", async () => {
  const { page, complaints } = await open({ viewport: PHONE, colorScheme: "dark" });
  await showPanel(page, true);
  await page.focus("#draw");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Space");
  await moveMap(page, "ArrowLeft");
  await page.keyboard.press("Space");
  await moveMap(page, "ArrowUp");
  await page.keyboard.press("Space");
  assert.match(await page.textContent("#draw-text"), /^3 corners/);
  await shoot(page, "phone-dark-draw");
  await page.keyboard.press("Backspace");
  assert.match(await page.textContent("#draw-text"), /^2 corners/);
  assert.equal(await page.isDisabled("#draw-finish"), true);
  await page.keyboard.press("Space");
  await page.keyboard.press("Enter");
  await eventually(async () => /in the area/.test(await page.textContent("#area-result")), "it was searched");
  await page.focus("#draw");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  assert.equal(await page.isVisible("#draw-bar"), false);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("a mistake in the coordinates is told", async () => {
  const { page, complaints } = await open({ viewport: DESKTOP, colorScheme: "light" });
  for (const [text, told] of [
    ["-70.7,-33.5 -70.6,-33.5", "At least three corners are needed."],
    ["1,2 3,4 5", "A longitude lacks its latitude."],
    ["1,2 3,x 5,6", "Only numbers are expected: longitude,latitude for each corner."],
    ["1,2 3,4 5,95", "Longitudes are -180 to 180 and latitudes -90 to 90."],
  ]) {
    await page.fill("#area-field", text);
    await page.locator("#area-form button").click();
    assert.equal(await page.textContent("#area-error"), told);
    assert.equal(await page.getAttribute("#area-field", "aria-invalid"), "true");
  }
  assert.equal(await page.locator("path.drawn").count(), 0);
  assert.deepEqual(complaints, []);
  await page.close();
});

test("of more kinds than can be asked for at once, those that are off are hidden by the page", async () => {
  const kinds = Array.from({ length: 34 }, (_, i) => `kind_${i}`);
  await store(program, kinds.map((kind, i) => place(kind, kind, -70.69 + i / 10000, -33.48)));
  const { page, complaints, asked } = await open({ viewport: DESKTOP, colorScheme: "light" });
  await eventually(async () => (await page.locator("#kinds li").count()) >= 34, "all kinds are there");
  await page.locator('#kinds [data-kind="kind_0"] input').uncheck();
  await page.fill("#area-field", TRIANGLE);
  await page.locator("#area-form button").click();
  await eventually(async () => (await page.textContent("#area-result")) === "34 events in the area:", "one of 35 is hidden");
  assert.ok(!(await listed(page)).includes("event kind_0"));
  assert.ok(asked.every(({ searchParams }) => (searchParams.get("kind") ?? "").split(",").length <= 32));
  assert.deepEqual(complaints, []);
  await page.close();
});
