import { signal } from "@preact/signals";

/** Whoever is as near to the end, in pixels, sees all of the latest line or most of it. */
const NEAR = 32;

/** Where somebody reads in a log: at its end, where they follow what comes; or at earlier lines, which stay where they are whatever comes before or after them. */
export class ReadingPlace {
  /** How many lines have come since the end was to be seen. */
  readonly unseen = signal(0);
  #isAtEnd = true;
  #scrolled = 0;
  /** How many lines there are, and how many there were when the end was to be seen. */
  #lines = 0;
  #seen = 0;
  /** The line at the top of the view, and how far below that it begins, in pixels. */
  #line: { readonly id: string; readonly below: number } | undefined;

  /** Follows the scrolling. What only changes the log's size leaves whoever is at the end there. */
  follow(log: HTMLElement): void {
    if (log.scrollTop === this.#scrolled) return;
    this.#scrolled = log.scrollTop;
    this.#isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
    this.#count();
  }

  /** Before the log is drawn anew: its scroll event may not have come yet. */
  remember(log: HTMLElement): void {
    this.follow(log);
    this.#line = undefined;
    if (this.#isAtEnd) return;
    const { top } = log.getBoundingClientRect();
    const line = [...log.querySelectorAll(".line")].find((one) => one.getBoundingClientRect().bottom > top);
    if (line !== undefined) this.#line = { id: line.id, below: line.getBoundingClientRect().top - top };
  }

  /** After the log was drawn anew, with so many lines in all. */
  keep(log: HTMLElement, lines: number): void {
    this.#lines = lines;
    if (this.#isAtEnd) return this.toEnd(log);
    this.#count();
    const line = this.#line && document.getElementById(this.#line.id);
    if (!this.#line || !line) return;
    log.scrollBy({ top: line.getBoundingClientRect().top - log.getBoundingClientRect().top - this.#line.below });
    this.#scrolled = log.scrollTop;
  }

  toEnd(log: HTMLElement): void {
    log.scrollTo({ top: log.scrollHeight });
    this.#scrolled = log.scrollTop;
    this.#isAtEnd = true;
    this.#count();
  }

  #count(): void {
    if (this.#isAtEnd) this.#seen = this.#lines;
    this.unseen.value = this.#lines - this.#seen;
  }
}
