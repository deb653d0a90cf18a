// The cache's map: events appear through the stream, on a phone and a desktop, in light and dark.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { cacheAlone, isLive, number, place, shoot, store } from "./events.mjs";
import { DESKTOP, PHONE, eventually, openPage, startBrowser, startProgram } from "./harness.mjs";

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.stop());

for (const [device, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`a simulated city is live on a ${device} in ${colorScheme}`, async () => {
      const program = await startProgram("scraper,cache", "--cache.listen=127.0.0.1:0", "--scraper.source=sim:?seed=3");
      try {
        const { page, complaints } = await openPage(browser.context, program.addresses.cache, { viewport, colorScheme });
        await eventually(() => isLive(page), "the stream is open");
        await eventually(async () => (await number(page, "total")) > 20, "events are on the map");
        await eventually(() => page.locator("#latest li").count(), "changes are listed");
        const shown = await page.locator("#kinds li").count();
        assert.ok(shown >= 3, `${shown} kinds`);
        await page.waitForFunction(() => document.querySelector(".leaflet-overlay-pane canvas"));
        await shoot(page, `${device}-${colorScheme}`);
        if (device === "phone") {
          assert.equal(await page.getAttribute("#toggle", "aria-expanded"), "false");
          await page.click("#toggle");
        }
        await page.locator("#latest button:enabled").first().click();
        await page.waitForSelector(".leaflet-popup .popup dl");
        await shoot(page, `${device}-${colorScheme}-popup`);
        const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
        assert.equal(wide, false, "the page scrolls sideways");
        assert.deepEqual(complaints, []);
        await page.close();
      } finally {
        assert.equal(await program.stop(), 0);
      }
    });
  }
}

test("an event appears, changes and ends on an open page", async () => {
  const program = await cacheAlone();
  try {
    const { page, complaints } = await openPage(browser.context, program.addresses.cache, { viewport: DESKTOP, colorScheme: "light" });
    await eventually(() => isLive(page), "the stream is open");
    assert.equal(await number(page, "total"), 0);
    await store(program, [place("one", "accident", -70.66, -33.45), place("two", "hazard", -70.65, -33.44)]);
    await eventually(async () => (await number(page, "total")) === 2, "both are counted");
    assert.equal(await page.textContent('#kinds [data-kind="accident"] .count'), "1");
    await page.locator("#latest button", { hasText: "event one" }).click();
    await page.waitForSelector('.popup strong:text-is("event one")');
    await store(program, [place("one", "accident", -70.66, -33.45, { title: "<img src=x onerror=alert(1)>" })]);
    await page.waitForSelector('.popup strong:text-is("<img src=x onerror=alert(1)>")');
    assert.equal(await page.locator(".popup img").count(), 0);
    await store(program, [place("one", "accident", -70.66, -33.45, { status: "deleted" })]);
    await eventually(async () => (await number(page, "total")) === 1, "it is gone");
    await page.waitForSelector(".leaflet-popup", { state: "detached" });
    assert.deepEqual(complaints, []);
    await page.close();
  } finally {
    await program.stop();
  }
});

test("a click on a marker opens its popup, and a switch hides its kind", async () => {
  const program = await cacheAlone();
  try {
    await store(program, [place("one", "accident", -70.66, -33.45)]);
    const { page, complaints } = await openPage(browser.context, program.addresses.cache, { viewport: DESKTOP, colorScheme: "dark" });
    await eventually(async () => (await number(page, "total")) === 1, "it is counted");
    await eventually(() => isLive(page), "the stream is open");
    // One event is fitted into what the panel and the time leave free.
    const middle = { x: (24 + DESKTOP.width - 356) / 2, y: (24 + DESKTOP.height - 100) / 2 };
    await page.mouse.click(middle.x, middle.y);
    await page.waitForSelector('.popup strong:text-is("event one")');
    await page.locator('#kinds [data-kind="accident"] input').uncheck();
    await page.waitForSelector(".leaflet-popup", { state: "detached" });
    await page.mouse.click(middle.x, middle.y);
    assert.equal(await page.locator(".leaflet-popup").count(), 0);
    assert.deepEqual(complaints, []);
    await page.close();
  } finally {
    await program.stop();
  }
});

test("everything is reached and named without a mouse", async () => {
  const program = await cacheAlone();
  try {
    await store(program, [place("one", "accident", -70.66, -33.45)]);
    const { page } = await openPage(browser.context, program.addresses.cache, { viewport: DESKTOP, colorScheme: "light" });
    await eventually(async () => (await number(page, "total")) === 1, "it is counted");
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement.className), "skip-link card");
    const unnamed = await page.evaluate(() =>
      [...document.querySelectorAll("button, input, select, textarea, summary, a[href], [tabindex]")]
        .filter((e) => !(e.textContent.trim() || e.getAttribute("aria-label") || e.title || e.labels?.[0]?.textContent.trim()))
        .filter((e) => e.id !== "latest")
        .map((e) => e.outerHTML));
    assert.deepEqual(unnamed, []);
    await page.close();
  } finally {
    await program.stop();
  }
});
