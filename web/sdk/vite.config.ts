import { defineConfig } from "vitest/config";

// Two scripts, each whole: `vite build` makes the SDK, and then `vite build --mode embed` the element beside it.
export default defineConfig(({ mode }) => {
  const [entry, name] = mode === "embed" ? ["src/embed/peerline-call.ts", "peerline-call.js"] : ["src/index.ts", "peerline.js"];
  return {
    // Its worker lies beside it, wherever it is served.
    base: "./",
    build: {
      target: "es2022",
      lib: { entry, formats: ["es"], fileName: () => name },
      emptyOutDir: mode !== "embed",
      // One file, so that other sites can take it along as it is.
      rolldownOptions: { output: { codeSplitting: false } },
      sourcemap: true,
      minify: true,
    },
    test: {
      // The machine may have other things to do.
      testTimeout: 60_000,
    },
  };
});
