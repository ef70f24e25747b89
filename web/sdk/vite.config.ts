import { defineConfig } from "vitest/config";

export default defineConfig({
  // Its worker lies beside it, wherever it is served.
  base: "./",
  build: {
    target: "es2022",
    lib: { entry: "src/index.ts", formats: ["es"], fileName: () => "peerline.js" },
    sourcemap: true,
    minify: true,
  },
  test: {
    // The machine may have other things to do.
    testTimeout: 60_000,
  },
});
