import { acceptanceOf } from "./acceptance.js";
import type { IncomingTransfer, TransferProgress } from "./api.js";
import { FileTransfer } from "./file-transfer.js";
import type { Offer } from "./offer.js";
import type { DeclineReason, Outcome } from "./outcome.js";
import type { TransferPeer } from "./peer.js";
import type { Receiver } from "./receiver.js";
import type { PartStore } from "./store.js";

/** Files that a participant offers, over one data channel after the other. */
export class IncomingFileTransfer extends FileTransfer implements IncomingTransfer {
  /** Names the list of files. */
  readonly digest: string;
  readonly #openStore: () => Promise<PartStore>;
  /** None while there is no data channel. */
  #receiver: Receiver | undefined;
  #store: PartStore | undefined;
  #progress: TransferProgress = { files: 0, bytes: 0, kept: 0 };
  /** What is done with the store, one after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(digest: string, offer: Offer, peer: TransferPeer, openStore: () => Promise<PartStore>) {
    super(offer.transfer, peer, offer.files);
    this.digest = digest;
    this.#openStore = openStore;
  }

  get progress(): TransferProgress {
    return this.#progress;
  }

  /** Whether there is a data channel. */
  get live(): boolean {
    return this.#receiver !== undefined;
  }

  /** Takes a data channel on which the files are offered, for the first time or again; what was accepted goes on. */
  offeredBy(peer: TransferPeer, transfer: string, receiver: Receiver): void {
    const before = this.#receiver;
    // Nobody has agreed to another transfer, even of the same files.
    if (transfer !== this.id) this.setState("offered");
    this.continueAs(transfer, peer);
    this.#receiver = receiver;
    receiver.listener = {
      progress: () => {
        this.#progress = { ...receiver.progress };
        this.progressed();
      },
      fileFailed: (file) => this.fileFailed(file),
      ended: (outcome) => this.#ended(receiver, outcome),
    };
    void this.#inOrder(async () => {
      await before?.release();
      this.#run();
    });
  }

  /** @param again - it was accepted before, when there was room for it */
  async accept(again = false): Promise<void> {
    if (this.state !== "offered") return;
    this.setState(this.#receiver ? "running" : "waiting");
    // Meanwhile another offer may take its place, to which nobody has agreed.
    const acceptance = acceptanceOf(this.id, this.participant);
    await this.#inOrder(async () => {
      if (this.ended) return;
      const hasRoom = await this.#prepare(acceptance, again).catch(() => false);
      if (hasRoom) this.#run();
      else this.#refuse("no_space");
    });
  }

  decline(): void {
    if (this.state === "offered") this.#refuse("declined");
  }

  cancel(): void {
    if (this.ended) return;
    if (this.#receiver) this.#receiver.cancel();
    else this.#conclude({ kind: "cancelled", by: "here" });
  }

  async content(index: number): Promise<Blob> {
    const file = this.files[index];
    if (this.state !== "completed" || !this.#store || !file || this.unreadable.has(index))
      throw new DOMException("There is no such file.", "InvalidStateError");
    return this.#store.content(index);
  }

  async remove(): Promise<void> {
    this.cancel();
    await this.#letGo(undefined, true);
  }

  /** The channel was left. What has come stays, for when it goes on. */
  close(): void {
    const receiver = this.#receiver;
    if (this.ended) return;
    this.setState("failed", "closed");
    void this.#letGo(receiver, false);
  }

  /** Makes the store ready. Returns whether there is room for the files. */
  async #prepare(acceptance: string, again: boolean): Promise<boolean> {
    const opened = this.#store === undefined;
    const store = (this.#store ??= await this.#openStore());
    // What had come before takes room of its own.
    if (opened && !again && this.bytes > (await store.room())) return false;
    await store.accept(acceptance);
    return true;
  }

  /** Asks for the files, if they are wanted and somebody is there to ask. */
  #run(): void {
    if (!this.#receiver || !this.#store || this.state === "offered") return;
    this.setState("running");
    this.#receiver.accept(this.#store);
  }

  #refuse(reason: DeclineReason): void {
    if (this.#receiver) this.#receiver.decline(reason);
    else this.#conclude({ kind: "declined", reason });
  }

  #ended(receiver: Receiver, outcome: Outcome): void {
    // Another data channel may have taken its place.
    if (receiver === this.#receiver) this.#conclude(outcome);
  }

  #conclude(outcome: Outcome): void {
    const receiver = this.#receiver;
    this.#receiver = undefined;
    this.conclude(outcome);
    const unwanted = outcome.kind === "declined" || (outcome.kind === "cancelled" && outcome.by === "here");
    if (this.ended && this.state !== "completed") void this.#letGo(receiver, unwanted);
  }

  /** The store is another's, if it isn't removed. */
  #letGo(receiver: Receiver | undefined, remove: boolean): Promise<void> {
    return this.#inOrder(async () => {
      await receiver?.release();
      const store = this.#store;
      this.#store = undefined;
      await (remove ? store?.remove() : store?.close());
    });
  }

  #inOrder(work: () => Promise<void> | void): Promise<void> {
    const done = this.#work.then(work);
    this.#work = done.catch(() => undefined);
    return done;
  }
}
