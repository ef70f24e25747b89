import { TypedEventTarget } from "../events.js";
import type { Transfer, TransferEvents, TransferFile, TransferProgress, TransferReason, TransferState } from "./api.js";
import type { Outcome } from "./outcome.js";
import type { TransferPeer } from "./peer.js";

/** Milliseconds between two `progress` events. */
const PROGRESS = 200;

/** What both directions have in common: where a transfer stands, and who hears of it. */
export abstract class FileTransfer extends TypedEventTarget<TransferEvents> implements Transfer {
  readonly files: readonly TransferFile[];
  readonly bytes: number;
  readonly #unreadable = new Set<number>();
  #id: string;
  #peer: TransferPeer;
  #state: TransferState = "offered";
  #reason: TransferReason | undefined;
  #progressTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(id: string, peer: TransferPeer, files: readonly TransferFile[]) {
    super();
    this.#id = id;
    this.#peer = peer;
    this.files = files;
    this.bytes = files.reduce((sum, { size }) => sum + size, 0);
  }

  abstract readonly progress: TransferProgress;
  abstract cancel(): void;

  get id(): string {
    return this.#id;
  }

  get participant(): TransferPeer {
    return this.#peer;
  }

  get state(): TransferState {
    return this.#state;
  }

  get reason(): TransferReason | undefined {
    return this.#reason;
  }

  get unreadable(): ReadonlySet<number> {
    return this.#unreadable;
  }

  /** Whether nothing follows. */
  get ended(): boolean {
    return this.#state !== "offered" && this.#state !== "running" && this.#state !== "waiting";
  }

  /** It goes on with another offer. */
  protected continueAs(id: string, peer: TransferPeer): void {
    this.#id = id;
    this.#peer = peer;
    this.#unreadable.clear();
  }

  protected setState(state: TransferState, reason?: TransferReason): void {
    if (this.ended) return;
    this.#state = state;
    this.#reason = reason;
    this.#tellProgress();
    this.dispatchEvent(new Event("change"));
  }

  protected progressed(): void {
    this.#progressTimer ??= setTimeout(() => this.#tellProgress(), PROGRESS);
  }

  protected fileFailed(file: number): void {
    this.#unreadable.add(file);
    this.dispatchEvent(new Event("change"));
  }

  /** The conversation over one data channel ended. */
  protected conclude(outcome: Outcome): void {
    if (outcome.kind === "completed") this.setState("completed");
    else if (outcome.kind === "declined") this.setState("declined", outcome.reason);
    else if (outcome.kind === "cancelled") this.setState("cancelled", outcome.by);
    else if (outcome.kind === "failed") this.setState("failed", outcome.code);
    else this.setState(this.#state === "offered" ? "offered" : "waiting");
  }

  #tellProgress(): void {
    clearTimeout(this.#progressTimer);
    this.#progressTimer = undefined;
    this.dispatchEvent(new Event("progress"));
  }
}
