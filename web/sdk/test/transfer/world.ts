/** Two machines, a channel that can break at any message, and a store that outlives them. */
import { createHash } from "node:crypto";
import { MemoryStore } from "../../src/transfer/memory-store.js";
import type { FileEntry } from "../../src/transfer/message.js";
import type { Offer } from "../../src/transfer/offer.js";
import type { Outcome } from "../../src/transfer/outcome.js";
import type { Source } from "../../src/transfer/pipeline.js";
import { Receiver } from "../../src/transfer/receiver.js";
import { Sender } from "../../src/transfer/sender.js";
import type { PartStore } from "../../src/transfer/store.js";
import { asChannel, FakeTransferChannel } from "../fakes/transfer-channel.js";

export const CHUNK = 16_384;
/** How long something may take that happens soon: the machine may be busy. */
export const WAIT = { timeout: 30_000, interval: 5 };

/** Notes what a sender or a receiver says. */
export function listener() {
  let end!: (outcome: Outcome) => void;
  const heard = {
    offer: undefined as Offer | undefined,
    outcome: undefined as Outcome | undefined,
    unreadable: [] as number[],
    stalls: 0,
    offered: (offer: Offer) => void (heard.offer = offer),
    accepted: () => undefined,
    progress: () => undefined,
    fileFailed: (file: number) => void heard.unreadable.push(file),
    stalled: () => void (heard.stalls += 1),
    ended: (outcome: Outcome) => {
      heard.outcome = outcome;
      end(outcome);
    },
    end: new Promise<Outcome>((resolve) => (end = resolve)),
  };
  return heard;
}

/** Bytes that no other seed has. */
export function content(seed: number, length: number): Uint8Array<ArrayBuffer> {
  let state = seed * 2_654_435_761 + 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

export function offerOf(contents: readonly Uint8Array[], chunk = CHUNK): Offer {
  const files: FileEntry[] = contents.map(({ length }, index) => ({ path: `folder/file ${index}`, size: length, modified: 1_790_000_000_000 }));
  return { transfer: "AAECAwQFBgcICQoLDA0ODw", files, bytes: files.reduce((sum, { size }) => sum + size, 0), chunk };
}

export function sourceOf(contents: readonly Uint8Array<ArrayBuffer>[]): Source {
  return { read: async (file, offset, length) => (contents[file] as Uint8Array<ArrayBuffer>).slice(offset, offset + length) };
}

/** One data channel with a machine at each end. The receiver accepts at once. */
export class World {
  readonly source: Source;
  readonly senderChannel: FakeTransferChannel;
  readonly receiverChannel: FakeTransferChannel;
  readonly senderHeard = listener();
  readonly receiverHeard = listener();
  readonly sender: Sender;
  readonly receiver: Receiver;

  constructor(contents: readonly Uint8Array<ArrayBuffer>[], store: PartStore = new MemoryStore(), source: Source = sourceOf(contents), chunk = CHUNK) {
    [this.senderChannel, this.receiverChannel] = FakeTransferChannel.pair();
    this.source = source;
    this.sender = new Sender(offerOf(contents, chunk), source, asChannel(this.senderChannel), 65_535, this.senderHeard);
    this.receiver = new Receiver(asChannel(this.receiverChannel), {
      ...this.receiverHeard,
      offered: () => this.receiver.accept(store),
    });
  }

  /** How it ended for the sender and for the receiver. */
  async ends(): Promise<[Outcome, Outcome]> {
    return Promise.all([this.senderHeard.end, this.receiverHeard.end]);
  }

  /** Bytes of files that went over the channel. */
  get payload(): number {
    return this.senderChannel.sent.reduce((sum, message) => sum + (typeof message === "string" ? 0 : message.length - (message[0] === 2 ? 48 : 16)), 0);
  }
}

export function digestsOf(contents: readonly Uint8Array[]): string[] {
  return contents.map((bytes) => createHash("sha256").update(bytes).digest("hex"));
}

/** Of what a store has of the files. */
export async function digestsIn(store: PartStore, count: number): Promise<string[]> {
  const contents = await Promise.all(Array.from({ length: count }, async (_, index) => (await store.content(index)).arrayBuffer()));
  return digestsOf(contents.map((bytes) => new Uint8Array(bytes)));
}
