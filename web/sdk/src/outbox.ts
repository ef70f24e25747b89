import { PeerlineError } from "./api.js";
import type { AnswerFrame, ErrorFrame, RequestFrame } from "./frames.js";

/** Refusals that pass by themselves are retried this often before the caller hears of them. */
const RETRIES = 8;
const CAPACITY = 1024;

interface Entry {
  frame: RequestFrame;
  resolve(answer: AnswerFrame): void;
  reject(error: PeerlineError): void;
  retries: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/**
 * Keeps each request until it is answered. It does not know connections: `transmit` drops what
 * cannot be sent now, and {@link Outbox.repeat} is called when there is a new connection.
 */
export class Outbox {
  readonly #entries = new Map<number, Entry>();
  readonly #transmit: (frame: RequestFrame) => void;

  constructor(transmit: (frame: RequestFrame) => void) {
    this.#transmit = transmit;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Sends a request. Resolves with its answer, whatever connections come and go; rejects with the server's refusal. */
  send(frame: RequestFrame): Promise<AnswerFrame> {
    return new Promise((resolve, reject) => {
      if (this.#entries.size >= CAPACITY) {
        reject(new PeerlineError("overloaded", "Too many requests wait for an answer."));
        return;
      }
      this.#entries.set(frame.id, { frame, resolve, reject, retries: 0, timer: undefined });
      this.#transmit(frame);
    });
  }

  /** Sends every unanswered request up to the given `id` again, as it was. */
  repeat(last: number): void {
    for (const [id, entry] of this.#entries) {
      if (id > last) continue;
      clearTimeout(entry.timer);
      this.#transmit(entry.frame);
    }
  }

  /** Takes an answer; what answers no request of ours is ignored. */
  answered(answer: AnswerFrame | (ErrorFrame & { re: number })): void {
    const entry = this.#entries.get(answer.re);
    if (!entry) return;
    clearTimeout(entry.timer);
    if (answer.type !== "error") {
      this.#entries.delete(answer.re);
      entry.resolve(answer);
    } else if (answer.retry !== undefined && entry.retries < RETRIES) {
      entry.retries += 1;
      entry.timer = setTimeout(() => this.#transmit(entry.frame), Math.max(answer.retry, 0.1) * 1000);
    } else {
      this.#entries.delete(answer.re);
      entry.reject(new PeerlineError(answer.code, answer.message, answer.retry));
    }
  }

  /** Gives up on the requests that `which` picks; they reject with `closed`. */
  abandon(which: (frame: RequestFrame) => boolean = () => true): void {
    for (const [id, entry] of this.#entries) {
      if (!which(entry.frame)) continue;
      clearTimeout(entry.timer);
      this.#entries.delete(id);
      entry.reject(new PeerlineError("closed", "The connection was closed."));
    }
  }
}
