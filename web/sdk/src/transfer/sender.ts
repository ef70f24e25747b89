import * as base64url from "../base64url.js";
import type { TransferChannel } from "./channel.js";
import { areValid } from "./claim.js";
import { Condition } from "./condition.js";
import { BUFFERED, BUFFERED_LOW, CONTROL, MESSAGE, REQUESTS } from "./limits.js";
import { type Control, parseControl } from "./message.js";
import { messagesOf, type Offer } from "./offer.js";
import { badMessage, type FileFailure, type Outcome, TransferError } from "./outcome.js";
import { Pace } from "./pace.js";
import { OVERHEAD, piecesOf, writePiece } from "./piece.js";
import { Pipeline, type Source, type Step } from "./pipeline.js";

/** Milliseconds after which it is strange that nothing is written of what is on the way; where chunks take longer, so many times as long. */
const STRANGE = 500;
const TRIPS = 3;

/** Where a sender tells what happens. */
export interface SenderListener {
  /** The receiver wants it. */
  accepted(): void;
  /** `progress` changed. */
  progress(): void;
  /** This file could not be read; the others go on. */
  fileFailed(file: number, reason: FileFailure): void;
  /** What was written steadily isn't any more: the path may be gone, though something still comes by it. */
  stalled(): void;
  /** Nothing follows. */
  ended(outcome: Outcome): void;
}

/** Offers files over one data channel, and sends what the receiver asks for (`docs/transfer.md`). */
export class Sender {
  /** Files that are on their way as a whole, bytes that the receiver has, and those of them that it had before. */
  readonly progress = { files: 0, bytes: 0, kept: 0 };
  readonly #offer: Offer;
  readonly #channel: TransferChannel;
  readonly #listener: SenderListener;
  readonly #condition = new Condition();
  readonly #pipeline: Pipeline;
  /** Each message is made here: the data channel takes a copy. */
  readonly #buffer: ArrayBuffer;
  readonly #asked = new Set<number>();
  #phase: "offering" | "offered" | "sending" | "ended" = "offering";
  /** Bytes of chunks that the receiver holds at most, that were sent, and that it has written. */
  #window = 0;
  #sent = 0;
  #written = 0;
  readonly #pace: Pace;
  #stall: ReturnType<typeof setTimeout> | undefined;

  /** @param messageSize - bytes of the longest message that the other side takes */
  constructor(offer: Offer, source: Source, channel: TransferChannel, messageSize: number, listener: SenderListener) {
    this.#offer = offer;
    this.#channel = channel;
    this.#listener = listener;
    this.#buffer = new ArrayBuffer(Math.min(Math.max(messageSize, CONTROL), MESSAGE));
    this.#pace = new Pace(offer.chunk);
    this.#pipeline = new Pipeline(offer, source, this.#condition, (bytes) => this.#proceed({ bytes, kept: bytes }));
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = BUFFERED_LOW;
    channel.onopen = channel.onbufferedamountlow = () => this.#condition.changed();
    channel.onmessage = ({ data }) => this.#receive(data);
    channel.onclose = () => this.#end({ kind: "interrupted" });
    void this.#run();
  }

  /** Stops the transfer. */
  cancel(): void {
    this.#end({ kind: "cancelled", by: "here" }, { type: "cancel" });
  }

  /** Another channel goes on with the transfer, or none. */
  release(): void {
    this.#end({ kind: "interrupted" });
  }

  async #run(): Promise<void> {
    await this.#condition.until(() => this.#phase === "ended" || this.#channel.readyState === "open");
    for (const message of messagesOf(this.#offer)) {
      await this.#room();
      if (this.#phase === "ended") return;
      this.#say(message);
    }
    this.#phase = "offered";
    for (let step = await this.#pipeline.next(); step; step = await this.#pipeline.next()) await this.#take(step);
  }

  async #take(step: Step): Promise<void> {
    if (step.kind === "chunk") return this.#sendChunk(step);
    await this.#room();
    if (this.#phase === "ended") return;
    if (step.kind === "end") {
      this.#say({ type: "end", file: step.file, hash: base64url.encode(step.hash) });
      this.#proceed({ files: 1 });
    } else {
      this.#say({ type: "failed", file: step.file, reason: step.reason });
      this.#listener.fileFailed(step.file, step.reason);
    }
  }

  async #sendChunk({ file, offset, bytes, digest }: Extract<Step, { kind: "chunk" }>): Promise<void> {
    await this.#condition.until(() => this.#phase === "ended" || this.#mayGo(bytes.length));
    this.#sent += bytes.length;
    this.#pace.sent(this.#sent);
    if (this.#stall === undefined) this.#expectMore();
    for (const piece of piecesOf(file, offset, bytes, digest, this.#buffer.byteLength - OVERHEAD)) {
      if (this.#channel.bufferedAmount >= BUFFERED) await this.#room();
      if (this.#phase === "ended") return;
      this.#transmit(writePiece(piece, this.#buffer));
    }
    this.#pipeline.recycle(bytes);
  }

  #mayGo(bytes: number): boolean {
    const underway = this.#sent - this.#written;
    return underway === 0 || underway + bytes <= Math.min(this.#window, this.#pace.window);
  }

  /** Waits until the data channel wants more. */
  async #room(): Promise<void> {
    await this.#condition.until(() => this.#phase === "ended" || this.#channel.bufferedAmount < BUFFERED);
  }

  #receive(data: unknown): void {
    if (this.#phase === "ended") return;
    try {
      if (typeof data !== "string") throw badMessage("A receiver sends no chunks.");
      const control = parseControl(data);
      if (control) this.#handle(control);
    } catch (error) {
      this.#fail(error instanceof TransferError ? error : badMessage(String(error)));
    }
  }

  #handle(control: Control): void {
    if (control.type === "cancel") this.#end({ kind: "cancelled", by: "there" });
    else if (control.type === "error") this.#end({ kind: "failed", code: control.code, message: control.message });
    else if (this.#phase === "offered" && control.type === "decline") this.#end({ kind: "declined", reason: control.reason });
    else if (this.#phase === "offered" && control.type === "accept") this.#accepted(control);
    else if (this.#phase !== "sending") throw badMessage("A message at a wrong time.");
    else if (control.type === "get") this.#handleGet(control);
    else if (control.type === "written") this.#handleWritten(control.bytes);
    else if (control.type === "complete" && this.#pipeline.idle) this.#end({ kind: "completed" });
    else throw badMessage("A message at a wrong time.");
  }

  #accepted({ files, bytes, window }: Extract<Control, { type: "accept" }>): void {
    if (files > this.#offer.files.length || bytes > this.#offer.bytes || window < this.#offer.chunk)
      throw badMessage("An accept that does not fit the offer.");
    this.#phase = "sending";
    this.#window = window;
    this.#listener.accepted();
  }

  #handleGet({ file, have = [] }: Extract<Control, { type: "get" }>): void {
    const offered = this.#offer.files[file];
    if (!offered || this.#asked.has(file)) throw badMessage("A file that is not there, or a second time.");
    if (!areValid(have, Math.ceil(offered.size / this.#offer.chunk))) throw badMessage("Claims that do not fit the file.");
    if (this.#pipeline.requests >= REQUESTS) throw badMessage("Too many files at once.");
    this.#asked.add(file);
    this.#pipeline.request(file, have);
  }

  #handleWritten(written: number): void {
    if (written < this.#written || written > this.#sent) throw badMessage("More is written than was sent.");
    const bytes = written - this.#written;
    this.#written = written;
    this.#pace.arrived(written);
    this.#expectMore();
    this.#condition.changed();
    this.#proceed({ bytes });
  }

  #expectMore(): void {
    clearTimeout(this.#stall);
    this.#stall = undefined;
    // Before anything has been written, nobody knows how long it takes.
    if (this.#sent === this.#written || !Number.isFinite(this.#pace.trip)) return;
    this.#stall = setTimeout(() => this.#listener.stalled(), Math.max(STRANGE, TRIPS * this.#pace.trip));
  }

  #proceed({ files = 0, bytes = 0, kept = 0 }): void {
    this.progress.files += files;
    this.progress.bytes += bytes;
    this.progress.kept += kept;
    this.#listener.progress();
  }

  #say(control: Control): void {
    this.#transmit(JSON.stringify(control));
  }

  #transmit(message: string | Uint8Array<ArrayBuffer>): void {
    try {
      this.#channel.send(message as string & Uint8Array<ArrayBuffer>);
    } catch {
      // It has closed, and the event that says so is on its way.
      this.#end({ kind: "interrupted" });
    }
  }

  #fail({ code, message }: TransferError): void {
    this.#end({ kind: "failed", code, message }, { type: "error", code, message });
  }

  #end(outcome: Outcome, lastWord?: Control): void {
    if (this.#phase === "ended") return;
    this.#phase = "ended";
    clearTimeout(this.#stall);
    if (lastWord && this.#channel.readyState === "open") this.#say(lastWord);
    this.#pipeline.stop();
    this.#channel.onmessage = null;
    this.#channel.close();
    this.#listener.ended(outcome);
  }
}
