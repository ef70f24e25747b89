import { signal } from "@preact/signals";
import type { JSX } from "preact";

interface CallViews {
  readonly CallView: (props: { link: string }) => JSX.Element;
  readonly LeftView: () => JSX.Element;
}

/** The views of a call and of its end; null until they are loaded. They are no part of what the start page loads: the lobby asks for them, while the server is there. */
export const callViews = signal<CallViews | null>(null);

/** Milliseconds until they are asked for again where they didn't come. */
const AGAIN = 2_000;
let loading = false;

/** Loads them, if they aren't loaded. */
export async function loadCallViews(): Promise<void> {
  if (loading) return;
  loading = true;
  while (callViews.value === null) {
    try {
      const [{ CallView }, { LeftView }] = await Promise.all([import("./call"), import("./left")]);
      callViews.value = { CallView, LeftView };
    } catch {
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
}
