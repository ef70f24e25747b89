import { effect, signal } from "@preact/signals";
import { callViews } from "../views/call-views";
import { phase } from "./model";
import { incoming, outgoing } from "./ringing";

/** Whether the server has another version of the page, and loading it anew has not brought it. */
export const outdated = signal(false);

/** When the page was loaded anew by itself: kept by the tab, and by nothing else. */
const KEY = "peerline.renewed";
/** A page that would be loaded anew again so soon, in milliseconds, tells the user instead. */
const SOON = 60_000;

/** The page as its version sees it. */
export interface Page {
  /** Where the script lies that it began with; the name changes with every version. */
  readonly script: string;
  /** What the server has for a page now. Rejects where it doesn't answer. */
  current(): Promise<string>;
  reload(): void;
}

/** What a page loads later is gone when the server has been updated meanwhile: then only a page of the new version goes on. */
export function followVersion(): void {
  const script = document.querySelector<HTMLScriptElement>("script[type=module]")?.src;
  if (!import.meta.env.PROD || script === undefined) return;
  const page: Page = { script: new URL(script).pathname, current: loadPage, reload: () => location.reload() };
  let renewing = false;
  // Vite's word for an import that failed: https://vite.dev/guide/build#load-error-handling
  addEventListener("vite:preloadError", () => {
    if (renewing) return;
    renewing = true;
    void renew(page).finally(() => (renewing = false));
  });
}

/** Loads a page anew that the server has another version of. One that shows a call or its files is left alone: everything that it needs is there. */
export async function renew(page: Page): Promise<void> {
  let current: string;
  do {
    await nobodyRings();
    // Until the server answers, what the user said to a caller is on its way, too.
    current = await page.current().catch(() => "");
  } while (isRinging());
  // No answer, or somebody else's: what didn't come will be asked for again.
  if (!current.includes("/assets/") || current.includes(page.script)) return;
  if ((phase.value === "call" || phase.value === "left") && callViews.value !== null) return;
  if (remember()) page.reload();
  else outdated.value = true;
}

/** Whoever rings, and whoever is rung, means this page: loaded anew, it is somebody else to the server. */
function isRinging(): boolean {
  return incoming.value !== null || outgoing.value !== null;
}

async function nobodyRings(): Promise<void> {
  let stop = () => {};
  await new Promise<void>((resolve) => {
    stop = effect(() => {
      if (!isRinging()) resolve();
    });
  });
  stop();
}

async function loadPage(): Promise<string> {
  const response = await fetch("/", { cache: "no-cache" });
  if (!response.ok) throw new Error(`The server answered ${response.status}`);
  return response.text();
}

/** False where it happened just now, or couldn't be known the next time: the page would be loaded for ever. */
function remember(): boolean {
  try {
    const now = Date.now();
    if (now - Number(sessionStorage.getItem(KEY) ?? 0) < SOON) return false;
    sessionStorage.setItem(KEY, String(now));
    return true;
  } catch {
    return false;
  }
}
