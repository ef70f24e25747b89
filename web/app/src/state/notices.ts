import { signal } from "@preact/signals";

/** A short message that goes away by itself. */
export interface Notice {
  readonly id: number;
  readonly text: string;
}

/** The notices on the screen, oldest first. */
export const notices = signal<readonly Notice[]>([]);

const SHOWN_FOR = 5_000;
const AT_ONCE = 3;
let last = 0;

/** Shows a sentence for some seconds; assistive technology reads it out. */
export function notify(text: string): void {
  last += 1;
  const id = last;
  notices.value = [...notices.value, { id, text }].slice(-AT_ONCE);
  setTimeout(() => {
    notices.value = notices.value.filter((notice) => notice.id !== id);
  }, SHOWN_FOR);
}
