// Takes the pictures that docs/tour.md shows, of the app's gallery. What follows names the views that are wanted: `node interop/tour.mjs check call-chat`.
import { once } from "node:events";
import { spawn } from "node:child_process";
import { mkdir, readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { chromium } from "./browser/browsers.mjs";

const DOCS = new URL("../docs/", import.meta.url).pathname;
const APP = new URL("../web/app/", import.meta.url).pathname;
const SIZES = { desk: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
/** What moves into its place has come to rest after so many milliseconds. */
const REST = 1_500;

/** The gallery's address, once it is served. */
async function serveGallery() {
  // Without npx, which would end and leave it running.
  const server = spawn(`${APP}../node_modules/.bin/vite`, ["--port", "0", "--clearScreen", "false"], { cwd: APP, stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, NO_COLOR: "1" } });
  for await (const line of createInterface({ input: server.stdout })) {
    const address = /Local:\s+(\S+)/.exec(line)?.[1];
    if (address !== undefined) return { address, server };
  }
  throw new Error("vite ended");
}

const shown = [...(await readFile(`${DOCS}tour.md`, "utf8")).matchAll(/\(tour\/(\S+)-(desk|phone)-(light|dark)\.png\)/g)];
const views = process.argv.slice(2);
for (const view of views) if (!shown.some(([, scene]) => scene === view)) throw new Error(`docs/tour.md shows no ${view}`);
const wanted = shown.filter(([, scene]) => views.length === 0 || views.includes(scene));
await mkdir(`${DOCS}tour`, { recursive: true });
const { address, server } = await serveGallery();
const browser = await chromium();
try {
  for (const [, scene, size, scheme] of wanted) {
    const page = await (await browser.createBrowserContext()).newPage();
    await page.setViewport(SIZES[size]);
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    await page.goto(`${address}gallery/?scene=${scene}`);
    await page.waitForSelector("h1, .toolbar, main", { timeout: 60_000 });
    await new Promise((resolve) => setTimeout(resolve, REST));
    await page.screenshot({ path: `${DOCS}tour/${scene}-${size}-${scheme}.png` });
    await page.browserContext().close();
  }
  console.log(`${wanted.length} pictures in docs/tour`);
} finally {
  await browser.close();
  const exit = once(server, "exit");
  server.kill();
  await exit;
}
