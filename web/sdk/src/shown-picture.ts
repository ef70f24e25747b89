import { stepOf } from "./picture-size.js";

/** Milliseconds for which a size has to hold before it is told; and one that is smaller than the last: it may be so for a moment only. */
const SOON = 100;
const SMALLER = 2000;

/** Tells one participant how large its camera's picture is shown here. */
export class ShownPicture {
  readonly #tell: (lines: number) => boolean;
  /** Undefined: nobody has said anything; so nothing is told. */
  #wanted: number | undefined;
  #told: number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param tell - false if it can't be told now; {@link ShownPicture.open} is called when it can */
  constructor(tell: (lines: number) => boolean) {
    this.#tell = tell;
  }

  /** It is shown with so many lines now. */
  show(lines: number): void {
    const step = stepOf(lines);
    if (step === this.#wanted) return;
    this.#wanted = step;
    clearTimeout(this.#timer);
    const isSmaller = this.#told !== undefined && step < this.#told;
    this.#timer = setTimeout(() => this.#say(), isSmaller ? SMALLER : SOON);
  }

  /** There is a new way to tell it, by which nothing has been told. */
  open(): void {
    this.#told = undefined;
    this.#say();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #say(): void {
    clearTimeout(this.#timer);
    if (this.#wanted !== undefined && this.#wanted !== this.#told && this.#tell(this.#wanted)) this.#told = this.#wanted;
  }
}
