/** One version of the app has one of these caches; the older ones begin with the same words. */
const PREFIX = "peerline shell ";
/** The page is the same at `/`, at `/check` and at every link, and is kept under this address: a link's secret is never written down. */
const PAGE = "/";

/** What a request is for: the page itself, a file with a hash in its name, or something that is not kept. */
export function partOf({ method, mode, url }: Pick<Request, "method" | "mode" | "url">, origin: string): "page" | "asset" | undefined {
  const address = new URL(url);
  if (method !== "GET" || address.origin !== origin) return undefined;
  if (mode === "navigate") return /^\/((c|check)\/?)?$/.test(address.pathname) ? "page" : undefined;
  return address.pathname.startsWith("/assets/") ? "asset" : undefined;
}

/** The files that a page names. */
export function assetsOf(page: string): string[] {
  return [...new Set(page.match(/\/assets\/[\w.-]+/g) ?? [])];
}

/** The page of the latest version that was kept. */
export async function keptPage(caches: CacheStorage): Promise<Response | undefined> {
  const name = (await versions(caches)).at(-1);
  return name === undefined ? undefined : (await caches.open(name)).match(PAGE);
}

/** Keeps a page and what it needs to begin. The version before stays, for pages that are still open; older ones go. */
export async function keepPage(caches: CacheStorage, response: Response): Promise<void> {
  const files = assetsOf(await response.clone().text());
  const name = PREFIX + files.join(" ");
  const known = (await versions(caches)).includes(name);
  const cache = await caches.open(name);
  try {
    if (!known) await cache.addAll(files);
    await cache.put(PAGE, response);
  } catch (error) {
    // Half a version is none.
    if (!known) await caches.delete(name);
    throw error;
  }
  const others = (await versions(caches)).filter((other) => other !== name);
  for (const old of others.slice(0, -1)) await caches.delete(old);
}

/** Keeps a file that the latest version needed later. */
export async function keepAsset(caches: CacheStorage, path: string, response: Response): Promise<void> {
  const name = (await versions(caches)).at(-1);
  if (name !== undefined) await (await caches.open(name)).put(path, response);
}

/** Oldest first. */
async function versions(caches: CacheStorage): Promise<string[]> {
  return (await caches.keys()).filter((name) => name.startsWith(PREFIX));
}
