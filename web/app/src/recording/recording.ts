import { MixedPicture, type Shown } from "./picture";
import { MixedSound } from "./sound";
import type { Keeping } from "./keeping";

/** What of a call is recorded, as it is now. */
export interface Recorded {
  shown(): readonly Shown[];
  sounds(): readonly MediaStreamTrack[];
}

/** A form that the browser can record in, and how its files' names end. */
const FORMS = [
  { type: "video/webm;codecs=vp8,opus", ending: "webm" },
  { type: "video/webm", ending: "webm" },
  { type: "video/mp4", ending: "mp4" },
] as const;
export type Form = (typeof FORMS)[number];

/** Written so often, in milliseconds: what a crash may cost. */
const PART = 2_000;
/** New sounds are looked for so often, in milliseconds. */
const LOOK = 500;

/** @returns undefined where the browser can't record */
export function recordableForm(): Form | undefined {
  return typeof MediaRecorder === "undefined" ? undefined : FORMS.find(({ type }) => MediaRecorder.isTypeSupported(type));
}

/** A recording that runs. */
export class Recording {
  readonly #sound = new MixedSound();
  readonly #picture: MixedPicture;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #recorder: MediaRecorder;
  readonly #keeping: Keeping;
  #failure: unknown;

  /** @param failed - called when it can't be written any further */
  constructor(form: Form, keeping: Keeping, recorded: Recorded, failed: () => void) {
    this.#keeping = keeping;
    this.#picture = new MixedPicture(recorded.shown);
    const follow = () => this.#sound.follow(recorded.sounds());
    follow();
    this.#timer = setInterval(follow, LOOK);
    this.#recorder = new MediaRecorder(new MediaStream([this.#picture.track, this.#sound.track]), { mimeType: form.type });
    const fail = (error: unknown) => {
      if (this.#failure !== undefined) return;
      this.#failure = error;
      failed();
    };
    this.#recorder.addEventListener("dataavailable", ({ data }) => void keeping.write(data).catch(fail));
    this.#recorder.addEventListener("error", fail);
    this.#recorder.start(PART);
  }

  /**
   * Ends it; what was recorded is in its file then.
   *
   * @throws why not all of it is
   */
  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#recorder.addEventListener("stop", resolve, { once: true }));
    if (this.#recorder.state !== "inactive") {
      this.#recorder.stop();
      await ended;
    }
    clearInterval(this.#timer);
    this.#picture.end();
    this.#sound.end();
    await this.#keeping.end();
    if (this.#failure !== undefined) throw this.#failure;
  }
}
