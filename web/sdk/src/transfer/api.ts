/** What a user of the SDK sees of file transfers. */
import type { Participant } from "../api.js";
import type { TypedEventTarget } from "../events.js";
import type { DeclineReason, ErrorCode } from "./outcome.js";

export type { FileWithPath } from "./chosen-files.js";

/**
 * How things stand with a transfer.
 *
 * - `offered`: nobody has answered yet
 * - `running`: files are on their way
 * - `waiting`: the connection broke; it goes on by itself when the other side is back
 * - `completed`, `declined`, `cancelled`, `failed`: the end; `reason` says more
 */
export type TransferState = "offered" | "running" | "waiting" | "completed" | "declined" | "cancelled" | "failed";

/**
 * Why a transfer ended otherwise than by success.
 *
 * - of a declined one: `declined`, `no_space`, `busy`
 * - of a cancelled one: `here` or `there`, where somebody stopped it
 * - of a failed one: a code of `docs/transfer.md` §7, or `closed` when the channel was left
 */
export type TransferReason = DeclineReason | "here" | "there" | ErrorCode | "closed";

/** One file of a transfer. */
export interface TransferFile {
  /** Relative, with `/` between folders; safe on every system, at most 1,024 bytes of UTF-8. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly modified?: number;
}

/** How far a transfer is. */
export interface TransferProgress {
  /** Files that are done. */
  readonly files: number;
  /** Bytes that the receiver has. */
  readonly bytes: number;
  /** Bytes of these that were there before the transfer went on: they were not sent again. */
  readonly kept: number;
}

/** Events of a {@link Transfer}. */
export interface TransferEvents {
  /** `state`, `participant` or `unreadable` changed. */
  change: Event;
  /** `progress` changed; at most five times per second. */
  progress: Event;
}

/** Files that go from one participant to another. */
export interface Transfer extends TypedEventTarget<TransferEvents> {
  /** 22 characters. */
  readonly id: string;
  /** Who is at the other end. It is another object when that page was loaded again. */
  readonly participant: Participant;
  readonly files: readonly TransferFile[];
  /** Bytes of all files. */
  readonly bytes: number;
  readonly state: TransferState;
  readonly reason: TransferReason | undefined;
  readonly progress: TransferProgress;
  /** Places in `files` of those that the sender could not read. */
  readonly unreadable: ReadonlySet<number>;
  /** Stops it. What had arrived here is removed. */
  cancel(): void;
}

/** Files that were offered to a participant. */
export type OutgoingTransfer = Transfer;

/** Files that a participant offers. */
export interface IncomingTransfer extends Transfer {
  /**
   * Takes the files: into the browser's own file system, where they stay until {@link IncomingTransfer.remove}.
   * Where there is no room, the offer is declined.
   */
  accept(): Promise<void>;
  decline(): void;
  /**
   * What is in one of the files, when the transfer is completed; it is read from disk as it is used.
   *
   * @param index - its place in `files`
   */
  content(index: number): Promise<Blob>;
  /** Removes the files from the browser's file system: they are saved elsewhere, or not wanted. */
  remove(): Promise<void>;
}

/** Carries files that a participant offers. */
export class OfferEvent extends Event {
  /** Its state is `running` already where it had been accepted before this page was loaded. */
  readonly transfer: IncomingTransfer;
  constructor(transfer: IncomingTransfer) {
    super("offer");
    this.transfer = transfer;
  }
}
