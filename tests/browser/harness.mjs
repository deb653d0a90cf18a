// What the browser tests share: the program, started on free ports, and a Chromium that talks to nobody else.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
export const BINARY = process.env.DISTSYS_BINARY ?? join(ROOT, "build", "release", "distsys");
const CHROMIUM = process.env.DISTSYS_CHROMIUM ?? "/usr/bin/chromium";

export const PHONE = { width: 390, height: 844 };
export const DESKTOP = { width: 1280, height: 800 };

/** The program with a folder of its own: {addresses: {role: url}, stop()}. */
export const startProgram = async (roles, ...options) => {
  const folder = await mkdtemp(join(tmpdir(), "distsys-browser-"));
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("DISTSYS_")));
  const program = spawn(
    BINARY,
    [`--role=${roles}`, `--data-dir=${folder}`, "--operations=127.0.0.1:0", ...options],
    { stdio: ["ignore", "ignore", "pipe"], env: environment },
  );
  const ended = new Promise((resolve) => program.once("exit", resolve));
  const addresses = {};
  const log = [];
  const lines = createInterface({ input: program.stderr });
  await new Promise((resolve, reject) => {
    program.once("error", reject);
    program.once("exit", (code) => reject(new Error(`the program ended with ${code}:\n${log.join("\n")}`)));
    lines.on("line", (line) => {
      log.push(line);
      let record = {};
      try {
        record = JSON.parse(line);
      } catch {
        return;
      }
      if (record.role && record.address) addresses[record.role] = record.address;
      if (record.message === "started") resolve();
    });
  });
  return {
    addresses,
    folder,
    binary: BINARY,
    log,
    stop: async () => {
      program.kill("SIGTERM");
      const code = await ended;
      await rm(folder, { recursive: true, force: true });
      return code;
    },
  };
};

/** A headless Chromium with a profile of its own. */
export const startBrowser = async () => {
  const profile = await mkdtemp(join(tmpdir(), "distsys-chromium-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: CHROMIUM,
    headless: true,
    args: [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ],
    viewport: null,
  });
  return {
    context,
    stop: async () => {
      await context.close();
      await rm(profile, { recursive: true, force: true });
    },
  };
};

/** A page of a size and a colour scheme that remembers what it complained about and (as URLs) what it asked for. */
export const openPage = async (context, url, { viewport, colorScheme, reducedMotion = "reduce" }) => {
  const page = await context.newPage();
  const complaints = [];
  const asked = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("requestfailed", (request) => {
    // What a page no longer needs it gives up itself.
    if (request.failure()?.errorText !== "net::ERR_ABORTED") complaints.push(`${request.url()}: ${request.failure()?.errorText}`);
  });
  page.on("request", (request) => {
    const there = new URL(request.url());
    asked.push(there);
    if (there.protocol.startsWith("http") && there.host !== new URL(url).host) complaints.push(`asked ${request.url()}`);
  });
  await page.setViewportSize(viewport);
  await page.emulateMedia({ colorScheme, reducedMotion });
  await page.goto(url);
  return { page, complaints, asked };
};

/** Until `ask()` is truthy; fails with its last answer. */
export const eventually = async (ask, what, limit = 20000) => {
  const end = Date.now() + limit;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise((resume) => setTimeout(resume, 50));
  }
};
