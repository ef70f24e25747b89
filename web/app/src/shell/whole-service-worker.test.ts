import { expect, it } from "vitest";
import { faultOf } from "../../whole-service-worker";

const chunk = (imports: string[], dynamicImports: string[]) => ({ type: "chunk", imports, dynamicImports }) as never;

it("builds a service worker that is there, and is one file", () => {
  expect(faultOf(chunk([], []))).toBeUndefined();
  expect(faultOf(chunk(["assets/front.js"], []))).toContain("assets/front.js");
  expect(faultOf(chunk([], ["assets/kept.js"]))).toContain("assets/kept.js");
  expect(faultOf({ type: "asset" } as never)).toContain("no service-worker.js");
  expect(faultOf(undefined)).toContain("no service-worker.js");
});
