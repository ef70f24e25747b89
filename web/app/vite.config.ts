import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { wholeServiceWorker } from "./whole-service-worker.ts";

/** Where `peerline serve` listens while the app is developed with `npm run dev`. */
const server = process.env["PEERLINE_SERVER"] ?? "http://127.0.0.1:8443";

/** What is said in a call only, and what at `/check` only. */
const LATER = {
  call: /^(chat|connection|diagnosis|files|full-screen|keys|picture|pin|react|record|screen)\./,
  check: /^check\./,
};

/** The English catalogue in parts: `en.json?start` belongs to the page, `en.json?call` comes with the call. To tests it is whole from the start. */
function catalogueParts(): Plugin {
  return {
    name: "catalogue-parts",
    load(id) {
      const [file = "", part] = id.split("?");
      if (!file.endsWith("/text/en.json") || part === undefined) return;
      const entries = Object.entries(JSON.parse(readFileSync(file, "utf8")) as Record<string, string>);
      const partOf = (key: string) => Object.entries(LATER).find(([, keys]) => keys.test(key))?.[0] ?? "start";
      const kept = entries.filter(([key]) => process.env["VITEST"] !== undefined || partOf(key) === part);
      return { code: JSON.stringify(Object.fromEntries(kept)), moduleType: "json" };
    },
  };
}

export default defineConfig({
  plugins: [catalogueParts(), wholeServiceWorker()],
  // The page is served at `/` and at `/c/`, so asset addresses are absolute.
  base: "/",
  build: {
    target: "es2022",
    // The server's Content-Security-Policy allows no `data:` scripts or styles: every asset is a file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    rolldownOptions: {
      input: ["index.html", "src/shell/service-worker.ts"],
      // A service worker's address may not change, and it has to lie at the top to see every page.
      output: { entryFileNames: ({ name }) => (name === "service-worker" ? "[name].js" : "assets/[name]-[hash].js") },
    },
  },
  server: {
    // The list of words is the spoken codes' own.
    fs: { allow: ["..", "../../crates/signaling/src/code"] },
    proxy: { "/signal": { target: server, ws: true, secure: false } },
  },
  test: {
    environment: "node",
    include: ["src/**/*.test.ts"],
    // The machine may have other things to do.
    testTimeout: 60_000,
  },
});
