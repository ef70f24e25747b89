import { shares } from "./picture-size.js";

/** Milliseconds within which what several say is one change: each makes an encoder begin anew. */
const TOGETHER = 250;

/** Somebody who gets the camera's picture. */
export interface PictureReceiver {
  /** The step (`picture-size.ts`) in which it shows the picture. */
  readonly shows: number;
  /** Sends it the picture in this step. */
  sendPicture(step: number): void;
}

/** Shares out among all what the camera's picture may cost, soon after anything about it changes. */
export class SentPictures {
  readonly #receivers: () => Iterable<PictureReceiver>;
  readonly #source: () => number | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param source - lines of the camera's picture, where there is one */
  constructor(receivers: () => Iterable<PictureReceiver>, source: () => number | undefined) {
    this.#receivers = receivers;
    this.#source = source;
  }

  change(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#share();
    }, TOGETHER);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #share(): void {
    const source = this.#source();
    if (source === undefined) return;
    const receivers = [...this.#receivers()];
    const steps = shares(receivers.map(({ shows }) => shows), source);
    for (const [index, step] of steps.entries()) receivers[index]?.sendPicture(step);
  }
}
