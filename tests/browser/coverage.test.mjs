// The overlay of the areas that the sources are asked about.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { cacheAlone, settled } from "./events.mjs";
import { DESKTOP, eventually, openPage, startBrowser } from "./harness.mjs";

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.stop());

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
