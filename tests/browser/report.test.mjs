// The load generator's page: one file that opens anywhere, on a phone and a desktop, in light and dark, and on paper.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { after, before, test } from "node:test";
import { BINARY, DESKTOP, PHONE, startBrowser } from "./harness.mjs";
import hdr from "hdr-histogram-js";

const SHOTS = process.env.SCREENSHOTS ?? "";
const ENVIRONMENT = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("DISTSYS_")));

let browser, folder, server, address;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "distsys-report-"));
  let n = 0;
  server = createServer((request, response) => {
    n += 1;
    const hit = n % 4 === 0 ? "c; fwd=miss" : "c; hit";
    setTimeout(() => {
      response.writeHead(n % 50 === 0 ? 503 : 200, { "Cache-Status": hit });
      response.end("answer");
    }, n % 7);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  address = `http://127.0.0.1:${server.address().port}`;
  await load("--target", `${address}/a?q=<b>markup</b>`, "--rate=200", "--duration=2s", "-c", "20", `--save=${folder}/a.json`,
    `--report=${folder}/a.html`, `--hdr-log=${folder}/a.hlog`, "--fail-if=p99>20s");
  await load("--target", `${address}/b`, "-n", "500", "-c", "4", `--save=${folder}/b.json`);
  await load(`--compare=${folder}/a.json`, `--compare=${folder}/b.json`, `--report=${folder}/both.html`);
  browser = await startBrowser();
});
after(async () => {
  await browser?.stop();
  server?.close();
  server?.closeAllConnections();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Not spawnSync: the server it asks is this process. */
const load = async (...options) => {
  const program = spawn(BINARY, ["--role=loadgen", "--operations=127.0.0.1:0", "--max-send-lag=10s", ...options], {
    cwd: folder, env: ENVIRONMENT, stdio: ["ignore", "pipe", "pipe"],
  });
  const said = [];
  program.stdout.on("data", (part) => said.push(part));
  program.stderr.on("data", (part) => said.push(part));
  const code = await new Promise((resolve) => program.once("exit", resolve));
  assert.equal(code, 0, Buffer.concat(said).toString());
};

for (const name of ["a", "both"]) {
  for (const [device, viewport] of [["desktop", DESKTOP], ["phone", PHONE]]) {
    for (const colorScheme of ["light", "dark"]) {
      test(`the page of ${name} on a ${device} in ${colorScheme}`, async () => {
        const page = await browser.context.newPage();
        const complaints = [];
        page.on("console", (message) => complaints.push(message.text()));
        page.on("pageerror", (error) => complaints.push(String(error)));
        page.on("request", (request) => {
          if (!/^(file|data):/.test(request.url())) complaints.push(`asked ${request.url()}`);
        });
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme });
        await page.goto(pathToFileURL(join(folder, `${name}.html`)).href);
        assert.deepEqual(complaints, []);
        assert.equal(await page.locator("b").count(), 0, "markup of a URL is text");
        const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.equal(sideways, 0, "nothing to scroll sideways");
        for (const drawing of await page.locator(`svg.${device === "phone" ? "narrow" : "wide"}`).all()) {
          assert.ok(await drawing.isVisible());
          assert.ok((await drawing.getAttribute("aria-label")).length > 20);
        }
        assert.ok((await page.locator("svg.wide").count()) >= 4);
        const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        assert.equal(background, colorScheme === "dark" ? "rgb(17, 24, 32)" : "rgb(242, 245, 249)");
        if (SHOTS) {
          await mkdir(SHOTS, { recursive: true });
          await page.screenshot({ path: join(SHOTS, `report-${name}-${device}-${colorScheme}.png`), fullPage: true });
        }
        await page.close();
      });
    }
  }
}

test("HdrHistogram reads the log, and finds what the run reported", async () => {
  const reported = JSON.parse(await readFile(join(folder, "a.json"), "utf8"));
  const reader = new hdr.HistogramLogReader(await readFile(join(folder, "a.hlog"), "utf8"));
  const all = hdr.build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3, highestTrackableValue: 3_600_000_000 });
  let intervals = 0;
  let histogram;
  while ((histogram = reader.nextIntervalHistogram()) !== null) {
    intervals += 1;
    all.add(histogram);
  }
  assert.ok(intervals > 10, `${intervals} intervals`);
  const latency = reported.latency_us;
  assert.equal(all.totalCount, latency.count);
  for (const percent of [50, 75, 90, 99, 99.9]) {
    const told = latency.percentiles[String(percent)], read = all.getValueAtPercentile(percent);
    assert.ok(Math.abs(read - told) <= told / 1000 + 1, `p${percent}: the program says ${told}, HdrHistogram ${read}`);
  }
  assert.ok(Math.abs(all.maxValue - latency.max) <= latency.max / 1000 + 1);
  assert.ok(Math.abs(all.mean - latency.mean) <= latency.mean / 500 + 1);
});
