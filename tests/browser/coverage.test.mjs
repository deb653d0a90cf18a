// The overlay of the areas that the sources are asked about.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { cacheAlone, looks, settled, shoot, showPanel } from "./events.mjs";
import { DESKTOP, PHONE, eventually, openPage, startBrowser, startProgram } from "./harness.mjs";

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.stop());

const rows = (page) => page.$$eval("#coverage-table tbody tr", (all) => all.map((row) => [...row.cells].map((cell) => cell.textContent)));

test("tiles are drawn and listed, with what is covered", async () => {
  const program = await startProgram("scraper,cache", "--cache.listen=127.0.0.1:0", "--scraper.source=sim:?seed=3");
  try {
    for (const [name, look] of looks({ desktop: DESKTOP, phone: PHONE })) {
      const { page, complaints } = await openPage(browser.context, program.addresses.cache, look);
      await settled(page);
      await showPanel(page, true);
      await page.check("#coverage-on");
      await eventually(async () => (await rows(page)).some(([, state]) => state === "covered"), "a tile is covered");
      assert.equal(await page.locator(".leaflet-coverage-pane path").count(), (await rows(page)).length);
      assert.match(await page.textContent("#coverage-totals"), /^\d+ tiles? · [\d,.]+ km² covered · [\d,.]+ km² not/);
      await page.click("#coverage-fit");
      await shoot(page, `${name}-coverage-panel`);
      await showPanel(page, false);
      await shoot(page, `${name}-coverage`);
      await showPanel(page, true);
      await page.uncheck("#coverage-on");
      assert.equal(await page.locator(".leaflet-coverage-pane path").count(), 0);
      assert.deepEqual(complaints, []);
      await page.close();
    }
  } finally {
    assert.equal(await program.stop(), 0);
  }
});

test("a database without a scraper says so", async () => {
  const program = await cacheAlone();
  try {
    const { page, complaints } = await openPage(browser.context, program.addresses.cache, { viewport: DESKTOP, colorScheme: "light" });
    await settled(page);
    await page.check("#coverage-on");
    await eventually(async () => /^No tiles/.test(await page.textContent("#coverage-totals")), "there are no tiles");
    assert.deepEqual(complaints, []);
    await page.close();
  } finally {
    await program.stop();
  }
});
