// The overlay that draws the cells of the current view, and its table.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { cacheAlone, grid, isSettled, looks, settled, shoot, showPanel, store } from "./events.mjs";
import { DESKTOP, PHONE, eventually, openPage, startBrowser } from "./harness.mjs";

let browser;
let program;
before(async () => {
  browser = await startBrowser();
  program = await cacheAlone();
  await store(program, [...grid("j", "jam", 60, -70.66, -33.45, 0.1), ...grid("h", "hazard", 40, -70.9, -33.6, 0.1)]);
});
after(async () => {
  await browser?.stop();
  await program?.stop();
});

const rows = (page) => page.$$eval("#explain-table tbody tr", (all) => all.map((row) => [...row.cells].map((cell) => cell.textContent)));

for (const [name, look] of looks({ desktop: DESKTOP, phone: PHONE })) {
  test(`the cells of the view are drawn and listed: ${name}`, async () => {
    const { page, complaints } = await openPage(browser.context, program.addresses.cache, look);
    await settled(page);
    await showPanel(page, true);
    await page.check("#explain-on");
    await eventually(async () => (await rows(page)).length > 0, "cells are listed");
    await page.click("#explain-fill");
    await eventually(async () => (await rows(page)).every(([, , status]) => ["hit", "empty, kept"].includes(status)), "all of them are kept");
    assert.equal(await page.locator(".leaflet-explain-pane path").count(), (await rows(page)).length);
    assert.match(await page.textContent("#explain-totals"), /^\d+ cells? of level \d+ · \d+ from memory · [\d,]+ events · /);
    assert.ok((await page.locator("#explain-keys li").count()) >= 2);
    const [cell, layer, status] = (await rows(page))[0];
    assert.match(cell, /^w[0-3]*$/);
    assert.ok(layer && status);
    await page.locator("#explain-part summary").click();
    await page.locator("#explain-table tbody tr").first().focus();
    assert.equal(await page.locator(".leaflet-explain-pane path.marked").count(), 1);
    await shoot(page, `${name}-explain-table`);
    await showPanel(page, false);
    await eventually(() => isSettled(page), "the view is drawn");
    await shoot(page, `${name}-explain`);
    await showPanel(page, true);
    await page.uncheck("#explain-on");
    assert.equal(await page.locator(".leaflet-explain-pane path").count(), 0);
    assert.equal(await page.isVisible("#explain-legend"), false);
    assert.deepEqual(complaints, []);
    await page.close();
  });
}

test("pointing at a cell tells what it is", async () => {
  const { page } = await openPage(browser.context, program.addresses.cache, { viewport: DESKTOP, colorScheme: "light" });
  await settled(page);
  await page.check("#explain-on");
  await eventually(async () => (await rows(page)).length > 0, "cells are listed");
  await page.mouse.move(500, 400);
  await page.mouse.move(505, 405);
  await page.waitForSelector(".area-tip");
  assert.match(await page.textContent(".area-tip"), /events/);
  await page.close();
});

test("the panel tells hits by layer", async () => {
  const { page } = await openPage(browser.context, program.addresses.cache, { viewport: DESKTOP, colorScheme: "dark" });
  await settled(page);
  await eventually(() => page.locator("#layer-rows tr").count(), "layers are listed");
  const names = await page.locator("#layer-rows th").allTextContents();
  assert.deepEqual(names, ["Whole answers", "Cells"]);
  await page.close();
});
