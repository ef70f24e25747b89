/** Keeps the app's own files, so that it opens without a network. Nothing else is kept: no link, no message, nothing of a call. */
import { bringToFront, type Pages } from "./front";
import { keepAsset, keepPage, keptPage, partOf } from "./kept";

/** How long the server may take before the page that was kept is shown, in milliseconds. */
const PATIENCE = 3_000;

// The compiler knows either pages or workers; this file is the one worker among pages.
interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface NotificationEvent extends ExtendableEvent {
  readonly notification: Notification;
}
const worker = self as unknown as {
  readonly clients: Pages & { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: ExtendableEvent) => void): void;
  addEventListener(type: "fetch", listener: (event: FetchEvent) => void): void;
  addEventListener(type: "notificationclick", listener: (event: NotificationEvent) => void): void;
};

worker.addEventListener("install", (event) => {
  // It keeps no state between two requests, so a new one can take over from an old one at any moment.
  void worker.skipWaiting();
  event.waitUntil(load().then((response) => keepPage(caches, response)));
});

worker.addEventListener("activate", (event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("fetch", (event) => {
  const part = partOf(event.request, location.origin);
  if (part === "page") event.respondWith(page(event));
  else if (part === "asset") event.respondWith(asset(event));
});

// Phones show notices by the worker only; what they do when they are touched is its part, too.
worker.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(bringToFront(worker.clients));
});

/** The server's page, so that a new version is seen at once; the kept one where the server doesn't answer. */
async function page(event: FetchEvent): Promise<Response> {
  const kept = await keptPage(caches);
  if (kept === undefined) return load();
  try {
    const response = await load(AbortSignal.timeout(PATIENCE));
    const copy = response.clone();
    event.waitUntil(keepPage(caches, copy).catch(() => undefined));
    return response;
  } catch {
    return kept;
  }
}

/** Its name changes with its content. */
async function asset(event: FetchEvent): Promise<Response> {
  const { pathname } = new URL(event.request.url);
  const kept = await caches.match(pathname);
  if (kept !== undefined) return kept;
  const response = await fetch(event.request);
  if (response.ok) event.waitUntil(keepAsset(caches, pathname, response.clone()));
  return response;
}

/** Not the address that was asked for: that may be a link, and the page is the same. */
async function load(signal?: AbortSignal): Promise<Response> {
  const response = await fetch("/", { cache: "no-cache", ...(signal !== undefined && { signal }) });
  if (!response.ok) throw new Error(`The server answered ${response.status}`);
  return response;
}
