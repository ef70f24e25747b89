import type { Plugin, Rollup } from "vite";

const NAME = "service-worker.js";

/** Not every browser runs a service worker that imports something: what it shares with the page would become a file of its own. */
export function wholeServiceWorker(): Plugin {
  return {
    name: "whole-service-worker",
    generateBundle(_, bundle) {
      const fault = faultOf(bundle[NAME]);
      if (fault !== undefined) this.error(fault);
    },
  };
}

/** What is wrong with it; undefined: nothing. */
export function faultOf(worker: Rollup.OutputAsset | Rollup.OutputChunk | undefined): string | undefined {
  if (worker?.type !== "chunk") return `There is no ${NAME}.`;
  const imported = [...worker.imports, ...worker.dynamicImports];
  return imported.length > 0 ? `The service worker imports ${imported.join(", ")}.` : undefined;
}
