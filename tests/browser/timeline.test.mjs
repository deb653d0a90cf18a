// The time on the map: a slider over the last day, a field for any time, playing, and back to live.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { cacheAlone, isSettled, looks, number, place, settled, shoot, store } from "./events.mjs";
import { DESKTOP, PHONE, eventually, openPage, startBrowser } from "./harness.mjs";

const MINUTE = 60000;
const ago = (minutes) => Date.now() - minutes * MINUTE;

let browser;
let program;
before(async () => {
  browser = await startBrowser();
  program = await cacheAlone();
  await store(program, [place("one", "accident", -70.66, -33.45)], { seen: ago(180) });
  await store(program, [place("two", "hazard", -70.64, -33.44)], { seen: ago(90) });
  await store(program, [place("one", "accident", -70.66, -33.45, { status: "deleted" })], { seen: ago(30) });
});
after(async () => {
  await browser?.stop();
  await program?.stop();
});

const slideTo = async (page, minutesAgo) => {
  await page.fill("#time", String(1440 - minutesAgo));
  await eventually(() => isSettled(page), "the moment is drawn");
};
const kindCount = (page, kind) => page.locator(`#kinds [data-kind="${kind}"] .count`).textContent();

for (const [name, look] of looks({ desktop: DESKTOP, phone: PHONE })) {
  test(`the slider shows what was there then: ${name}`, async () => {
    const { page, complaints } = await openPage(browser.context, program.addresses.cache, look);
    await settled(page);
    await eventually(async () => (await number(page, "total")) === 1, "one event is there now");
    assert.equal(await page.getAttribute("#live", "aria-pressed"), "true");
    await slideTo(page, 120);
    assert.equal(await page.textContent("#connection"), "past");
    assert.equal(await page.textContent("#panel-title"), "Past events");
    assert.equal(await page.getAttribute("#live", "aria-pressed"), "false");
    assert.match(await page.getAttribute("#time", "aria-valuetext"), /2 h ago$/);
    await eventually(async () => (await kindCount(page, "accident")) === "1", "the accident was there");
    assert.equal(await number(page, "total"), 1);
    await slideTo(page, 60);
    await eventually(async () => (await number(page, "total")) === 2, "both were there");
    await shoot(page, `${name}-slider`);
    await slideTo(page, 300);
    await eventually(async () => (await number(page, "total")) === 0, "nothing was there");
    await page.click("#live");
    await settled(page);
    await eventually(async () => (await number(page, "total")) === 1, "now is back");
    assert.equal(await page.textContent("#panel-title"), "Live events");
    assert.deepEqual(complaints, []);
    await page.close();
  });
}

test("the stream waits while the past is shown, and goes on after it", async () => {
  const { page, complaints } = await openPage(browser.context, program.addresses.cache, { viewport: DESKTOP, colorScheme: "light" });
  await settled(page);
  const streams = async () => (await (await fetch(new URL("/stats", program.addresses.cache))).json()).streams;
  await eventually(async () => (await streams()) === 1, "the page listens");
  await slideTo(page, 60);
  await eventually(async () => (await streams()) === 0, "it does not listen to the present");
  await store(program, [place("three", "police", -70.65, -33.46)]);
  assert.equal(await number(page, "total"), 2);
  await page.click("#live");
  await eventually(async () => (await number(page, "total")) === 2, "what came meanwhile is there");
  await eventually(async () => (await kindCount(page, "police")) === "1", "and counted");
  await store(program, [place("three", "police", -70.65, -33.46, { status: "deleted" })]);
  await eventually(async () => (await number(page, "total")) === 1, "the stream goes on");
  assert.deepEqual(complaints, []);
  await page.close();
});

test("playing goes through time until the present", async () => {
  const { page, complaints } = await openPage(browser.context, program.addresses.cache, { viewport: DESKTOP, colorScheme: "dark" });
  await settled(page);
  await slideTo(page, 200);
  assert.equal(await number(page, "total"), 0);
  await page.selectOption("#speed", "240");
  await page.click("#play");
  assert.equal(await page.getAttribute("#play", "aria-label"), "Pause");
  await eventually(async () => (await number(page, "total")) > 0, "events appear as time goes on");
  await eventually(async () => (await page.getAttribute("#live", "aria-pressed")) === "true", "it ends live");
  await settled(page);
  assert.equal(await page.getAttribute("#play", "aria-label"), "Play");
  assert.deepEqual(complaints, []);
  await page.close();
});

test("playing can be paused, and a field takes any time", async () => {
  const { page, complaints } = await openPage(browser.context, program.addresses.cache, { viewport: PHONE, colorScheme: "light" });
  await settled(page);
  await page.selectOption("#speed", "1", { force: true });
  await page.click("#play");
  await eventually(async () => (await page.getAttribute("#timeline", "data-state")) === "past", "it began a day ago");
  await page.click("#play");
  assert.equal(await page.getAttribute("#play", "aria-label"), "Play");
  const text = await page.textContent("#time-text");
  assert.match(text, /ago$/);
  await page.fill("#when", "2025-04-09T18:03");
  await page.locator("#when").blur();
  await eventually(async () => /9 Apr, 18:03/.test(await page.textContent("#time-text")), "the field's time is shown");
  await eventually(async () => (await number(page, "total")) === 0, "nothing was there then");
  assert.deepEqual(complaints, []);
  await page.close();
});

test("sliding loads one moment at a time, and the newest one next", async () => {
  const { page, complaints, asked } = await openPage(browser.context, program.addresses.cache, { viewport: DESKTOP, colorScheme: "light" });
  await settled(page);
  let release;
  const held = new Promise((resume) => (release = resume));
  await page.route(/\/events\?.*at=/, async (route) => {
    await held;
    await route.continue();
  });
  const moments = () => asked.filter(({ pathname, searchParams }) => pathname === "/events" && searchParams.has("at"));
  const slide = (minutesAgo) => page.fill("#time", String(1440 - minutesAgo));
  await slide(300);
  await eventually(() => moments().length === 1, "the first moment is asked for");
  for (const minutesAgo of [250, 200, 150, 100, 60]) await slide(minutesAgo);
  assert.equal(moments().length, 1);
  release();
  await eventually(async () => (await number(page, "total")) === 2, "the newest is drawn");
  assert.equal(moments().length, 2);
  await slide(100);
  await page.click("#live");
  await settled(page);
  assert.equal(await page.getAttribute("#live", "aria-pressed"), "true");
  assert.deepEqual(complaints, []);
  await page.close();
});

test("of a moment with more events than a page holds those of the view are shown", async () => {
  const { page, complaints, asked } = await openPage(browser.context, program.addresses.cache, { viewport: DESKTOP, colorScheme: "light" });
  await settled(page);
  const own = (i) => ({
    ...place(`test/${i}`, "jam", -70 + (i % 100) / 100, -33),
    properties: { source: "test", id: String(i), kind: "jam", severity: 1 },
  });
  await page.route(/\/events\?.*at=/, (route) => {
    const few = new URL(route.request().url()).searchParams.has("bbox");
    const features = Array.from({ length: few ? 7 : 5000 }, (_, i) => own(i));
    // As the server answers when counting would cost too much: without numberMatched.
    const more = few ? {} : { nextCursor: "more" };
    return route.fulfill({ json: { type: "FeatureCollection", numberReturned: features.length, ...more, features } });
  });
  await slideTo(page, 120);
  await eventually(async () => (await kindCount(page, "jam")) === "7", "what the view holds is shown");
  assert.ok(asked.some(({ searchParams }) => searchParams.has("at") && searchParams.has("bbox")));
  assert.deepEqual(complaints, []);
  await page.close();
});
