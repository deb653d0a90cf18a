// The scraper's page of sources and tiles on the operations port, on a phone and a desktop, in light and dark.

import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { DESKTOP, PHONE, eventually, openPage, startBrowser, startProgram } from "./harness.mjs";

const SHOTS = process.env.SCREENSHOTS ?? "";

let browser;
before(async () => {
  browser = await startBrowser();
});
after(() => browser?.stop());

const operationsOf = (program) => {
  for (const line of program.log) {
    const record = line.startsWith("{") ? JSON.parse(line) : {};
    if (record.message === "started") return record.operations;
  }
  throw new Error("it did not say where its operations port is");
};

for (const [device, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`sources and tiles are shown on a ${device} in ${colorScheme}`, async () => {
      const program = await startProgram(
        "scraper",
        "--scraper.source=sim:?seed=3&density=12&cap=200",
        "--scraper.source=geojson+http://127.0.0.1:9/feed#broken",
        "--scraper.allow-private-addresses",
      );
      try {
        const operations = operationsOf(program);
        await eventually(async () => {
          const { sources } = await (await fetch(`${operations}scraper`)).json();
          const of = (name) => sources.find((s) => s.source === name);
          return of("sim")?.split >= 1 && of("sim").states.covered === of("sim").polling && of("broken")?.states.failing === 1;
        }, "the tiles are split and covered, and the broken source has failed");
        const { page, complaints } = await openPage(browser.context, `${operations}scraper`, { viewport, colorScheme });
        assert.equal(await page.locator("section").count(), 2);
        assert.ok((await page.locator("section tbody tr").count()) >= 6);
        assert.equal(await page.locator(".badge[data-state=bad]").first().textContent(), "failing");
        assert.match(await page.locator("td.error").first().textContent(), /unavailable/);
        const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        assert.equal(background, colorScheme === "dark" ? "rgb(34, 44, 58)" : "rgb(242, 245, 249)");
        // Only the tables scroll sideways, never the page.
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
        if (SHOTS) {
          await mkdir(SHOTS, { recursive: true });
          await page.screenshot({ path: join(SHOTS, `scraper-${device}-${colorScheme}.png`) });
        }
        assert.deepEqual(complaints, []);
        await page.close();
      } finally {
        assert.equal(await program.stop(), 0);
      }
    });
  }
}
