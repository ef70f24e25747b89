import { signal } from "@preact/signals";
import type { JSX } from "preact";

/** The view of a call; null until it is loaded. It is no part of what the start page loads: the lobby asks for it, while the server is there. */
export const callView = signal<((props: { link: string }) => JSX.Element) | null>(null);

/** Milliseconds until it is asked for again where it didn't come. */
const AGAIN = 2_000;
let loading = false;

/** Loads the view of a call, if it isn't loaded. */
export async function loadCallView(): Promise<void> {
  if (loading) return;
  loading = true;
  while (callView.value === null) {
    try {
      callView.value = (await import("./call")).CallView;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
}
