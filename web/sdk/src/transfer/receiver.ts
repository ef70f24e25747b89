import type { TransferProgress } from "./api.js";
import type { TransferChannel } from "./channel.js";
import { type Control, parseControl } from "./message.js";
import { Listing, type Offer } from "./offer.js";
import { badMessage, type DeclineReason, type FileFailure, type Outcome, TransferError } from "./outcome.js";
import { Receiving } from "./receiving.js";
import type { PartStore } from "./store.js";

/** Milliseconds that the sender has to close the channel after all has come (`docs/transfer.md` §2). */
const CLOSING = 5000;

/** Where a receiver tells what happens. */
export interface ReceiverListener {
  /** There is an offer: answer with {@link Receiver.accept} or {@link Receiver.decline}. */
  offered?(offer: Offer): void;
  /** `progress` changed. */
  progress?(): void;
  /** The sender can't send this file; the others go on. */
  fileFailed?(file: number, reason: FileFailure): void;
  /** Nothing follows. */
  ended(outcome: Outcome): void;
}

type Phase =
  | { name: "awaiting" | "ended" }
  | { name: "listing"; listing: Listing }
  | { name: "offered"; offer: Offer }
  | { name: "receiving"; receiving: Receiving };

/** Takes the offer of one data channel, and its files (`docs/transfer.md`). */
export class Receiver {
  /** Who knows what to make of it may become clear with the offer only. */
  listener: ReceiverListener;
  readonly #channel: TransferChannel;
  #phase: Phase = { name: "awaiting" };
  #receiving: Receiving | undefined;

  constructor(channel: TransferChannel, listener: ReceiverListener) {
    this.#channel = channel;
    this.listener = listener;
    channel.binaryType = "arraybuffer";
    channel.onmessage = ({ data }) => this.#receive(data);
    channel.onclose = () => this.#end({ kind: "interrupted" });
  }

  get progress(): TransferProgress {
    return this.#receiving?.progress ?? { files: 0, bytes: 0, kept: 0 };
  }

  /** Wants all files of the offer, in `store`. */
  accept(store: PartStore): void {
    if (this.#phase.name !== "offered") return;
    const { offer } = this.#phase;
    const receiving = new Receiving(offer, store, {
      get: (file, have) => this.#say({ type: "get", file, ...(have.length > 0 && { have }) }),
      written: (bytes) => this.#say({ type: "written", bytes }),
      progress: () => this.listener.progress?.(),
      complete: () => this.#end({ kind: "completed" }, { type: "complete" }),
      fail: (error) => this.#fail(error),
    });
    this.#receiving = receiving;
    this.#phase = { name: "receiving", receiving };
    this.#say({ type: "accept", files: offer.files.length, bytes: offer.bytes, window: receiving.window });
  }

  decline(reason: DeclineReason): void {
    if (this.#phase.name === "offered") this.#end({ kind: "declined", reason }, { type: "decline", reason });
  }

  /** Stops the transfer. */
  cancel(): void {
    this.#end({ kind: "cancelled", by: "here" }, { type: "cancel" });
  }

  /** Another channel goes on with the transfer, or none. Resolves when the store is not used any more. */
  async release(): Promise<void> {
    this.#end({ kind: "interrupted" });
    await this.#receiving?.stop();
  }

  #receive(data: unknown): void {
    if (this.#phase.name === "ended") return;
    try {
      if (typeof data === "string") {
        const control = parseControl(data);
        if (control) this.#handle(control);
      } else if (this.#phase.name === "receiving" && data instanceof ArrayBuffer) {
        this.#phase.receiving.handlePiece(data);
      } else {
        throw badMessage("A chunk before it was asked for.");
      }
    } catch (error) {
      this.#fail(error instanceof TransferError ? error : badMessage(String(error)));
    }
  }

  #handle(control: Control): void {
    const phase = this.#phase;
    if (control.type === "cancel") this.#end({ kind: "cancelled", by: "there" });
    else if (control.type === "error") this.#end({ kind: "failed", code: control.code, message: control.message });
    else if (control.type === "offer" && phase.name === "awaiting") this.#phase = { name: "listing", listing: new Listing(control) };
    else if (control.type === "files" && phase.name === "listing") {
      const offer = phase.listing.add(control.files);
      if (!offer) return;
      this.#phase = { name: "offered", offer };
      this.listener.offered?.(offer);
    } else if (control.type === "end" && phase.name === "receiving") phase.receiving.handleEnd(control.file, control.hash);
    else if (control.type === "failed" && phase.name === "receiving") {
      this.listener.fileFailed?.(control.file, control.reason);
      phase.receiving.handleFailed(control.file);
    } else throw badMessage("A message at a wrong time.");
  }

  #say(control: Control): void {
    try {
      this.#channel.send(JSON.stringify(control));
    } catch {
      // It has closed, and the event that says so is on its way.
      this.#end({ kind: "interrupted" });
    }
  }

  #fail({ code, message }: TransferError): void {
    this.#end({ kind: "failed", code, message }, { type: "error", code, message });
  }

  #end(outcome: Outcome, lastWord?: Control): void {
    if (this.#phase.name === "ended") return;
    this.#phase = { name: "ended" };
    void this.#receiving?.stop();
    if (lastWord && this.#channel.readyState === "open") this.#say(lastWord);
    // A sender that has all of it acknowledged closes the channel; the last word may still be on its way to it.
    if (outcome.kind === "completed") setTimeout(() => this.#channel.close(), CLOSING);
    else this.#channel.close();
    this.listener.ended(outcome);
  }
}
