import { describe, expect, it } from "vitest";
import { assetsOf, keepAsset, keepPage, keptPage, partOf } from "./kept";

const ORIGIN = "https://call.example";

/** Caches in memory. Files that are `missing` can't be loaded. */
function fakeCaches(missing: readonly string[] = []) {
  const all = new Map<string, Map<string, Response>>();
  const open = async (name: string) => {
    const cache = all.get(name) ?? new Map<string, Response>();
    all.set(name, cache);
    return {
      match: async (key: string) => cache.get(key)?.clone(),
      put: async (key: string, response: Response) => void cache.set(key, response),
      addAll: async (keys: string[]) => {
        if (keys.some((key) => missing.includes(key))) throw new TypeError("Failed to fetch");
        for (const key of keys) cache.set(key, new Response(key));
      },
    };
  };
  const storage = { open, keys: async () => [...all.keys()], delete: async (name: string) => all.delete(name) };
  return { storage: storage as unknown as CacheStorage, all };
}

const version = (number: number) => new Response(`<script src="/assets/index-${number}.js"></script><link href="/assets/index-${number}.css">`);
const textOf = async (response: Response | undefined) => response?.text();

describe("what is kept", () => {
  it.each([
    ["GET", "navigate", "/", "page"],
    ["GET", "navigate", "/c/#v1.secret", "page"],
    ["GET", "navigate", "/check", "page"],
    ["GET", "navigate", "/metrics", undefined],
    ["GET", "cors", "/assets/index-1.js", "asset"],
    ["GET", "cors", "/healthz", undefined],
    ["POST", "cors", "/assets/index-1.js", undefined],
    ["GET", "cors", "https://elsewhere.example/assets/index-1.js", undefined],
  ] as const)("of %s %s %s is %s", (method, mode, path, part) => {
    expect(partOf({ method, mode, url: new URL(path, ORIGIN).href }, ORIGIN)).toBe(part);
  });

  it("is the page and the files that it names", async () => {
    expect(assetsOf(await version(1).text())).toEqual(["/assets/index-1.js", "/assets/index-1.css"]);
    const { storage, all } = fakeCaches();
    await keepPage(storage, version(1));
    expect([...all.values()].map((cache) => [...cache.keys()])).toEqual([["/assets/index-1.js", "/assets/index-1.css", "/"]]);
  });

  it("is a new version as soon as there is one, and the one before for pages that are open", async () => {
    const { storage, all } = fakeCaches();
    for (const number of [1, 2, 3]) {
      await keepPage(storage, version(number));
      await keepAsset(storage, `/assets/zh-${number}.js`, new Response("zh"));
    }
    expect(await textOf(await keptPage(storage))).toContain("index-3");
    const files = [...all.values()].flatMap((cache) => [...cache.keys()]);
    expect(files).toContain("/assets/zh-2.js");
    expect(files).not.toContain("/assets/index-1.js");
  });

  it("is the old version while a new one can't be loaded whole", async () => {
    const { storage } = fakeCaches(["/assets/index-2.css"]);
    await keepPage(storage, version(1));
    await expect(keepPage(storage, version(2))).rejects.toThrow();
    expect(await textOf(await keptPage(storage))).toContain("index-1");
  });

  it("is nothing before the first visit", async () => {
    expect(await keptPage(fakeCaches().storage)).toBeUndefined();
  });
});
