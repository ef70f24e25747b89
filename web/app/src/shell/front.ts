/** What is needed of the pages that a service worker knows. */
export interface Pages {
  /** The one that was looked at last comes first. */
  matchAll(options: { type: "window"; includeUncontrolled: true }): Promise<readonly { focus(): Promise<unknown> }[]>;
  openWindow(address: string): Promise<unknown>;
}

/** Brings the app to the front, and opens it where no page of it is there any more. */
export async function bringToFront(pages: Pages): Promise<void> {
  const [latest] = await pages.matchAll({ type: "window", includeUncontrolled: true });
  await (latest ? latest.focus() : pages.openWindow("/"));
}
