/** Two people's transfers, the pages that they see of each other, and what their browsers keep. */
import type { IncomingTransfer, OfferEvent } from "../../src/index.js";
import { MemoryStore } from "../../src/transfer/memory-store.js";
import type { TransferPeer } from "../../src/transfer/peer.js";
import { type Stores, Transfers } from "../../src/transfer/transfers.js";
import { asChannel, FakeTransferChannel } from "./transfer-channel.js";

let counter = 0;

/** What a browser keeps when a page is loaded again. */
export class FakeBrowser implements Stores {
  identity: string | undefined = `identity-${++counter}`;
  readonly stores = new Map<string, KeptStore>();

  async open(digest: string): Promise<KeptStore> {
    const store = this.stores.get(digest) ?? new KeptStore(() => this.stores.delete(digest));
    if (store.used) throw new Error("Two use one store.");
    store.used = true;
    this.stores.set(digest, store);
    return store;
  }

  async accepted(digest: string): Promise<string | undefined> {
    return this.stores.get(digest)?.accepted;
  }
}

export class KeptStore extends MemoryStore {
  accepted: string | undefined;
  used = false;
  space = Number.POSITIVE_INFINITY;
  readonly #removed: () => void;

  constructor(removed: () => void) {
    super();
    this.#removed = removed;
  }

  override async room(): Promise<number> {
    return this.space;
  }

  override async accept(transfer?: string): Promise<void> {
    this.accepted = transfer;
  }

  override async close(): Promise<void> {
    this.used = false;
  }

  override async remove(): Promise<void> {
    this.used = false;
    this.#removed();
  }
}

/** One page, with those that it sees. */
export class FakePage {
  readonly id = `page-${++counter}`;
  readonly browser: FakeBrowser;
  readonly peers: FakePeer[] = [];
  readonly transfers: Transfers;
  readonly offers: IncomingTransfer[] = [];

  constructor(browser = new FakeBrowser()) {
    this.browser = browser;
    this.transfers = new Transfers(browser, () => this.peers.map(asPeer));
  }

  /** The other page is seen here, and this one there. */
  meet(other: FakePage): void {
    const [one, two] = [new FakePeer(other, this), new FakePeer(this, other)];
    one.mirror = two;
    two.mirror = one;
    this.peers.push(one);
    other.peers.push(two);
    this.transfers.update();
    other.transfers.update();
  }

  /** The page is gone: every connection breaks. */
  leave(): void {
    for (const peer of this.peers) {
      peer.disconnect();
      const { mirror } = peer;
      mirror?.page.peers.splice(mirror.page.peers.indexOf(mirror), 1);
    }
    this.peers.length = 0;
  }

  sees(other: FakePage): TransferPeer {
    return asPeer(this.peers.find(({ id }) => id === other.id) as FakePeer);
  }
}

export class FakePeer extends EventTarget {
  readonly id: string;
  readonly identity: string | undefined;
  /** Who sees this participant. */
  readonly page: FakePage;
  connected = true;
  mirror: FakePeer | undefined;
  /** Data channels that were opened to this participant. */
  readonly channels: FakeTransferChannel[] = [];

  constructor({ id, browser }: FakePage, page: FakePage) {
    super();
    this.id = id;
    this.identity = browser.identity;
    this.page = page;
    this.addEventListener("offer", (event) => page.offers.push((event as OfferEvent).transfer));
  }

  openTransferChannel() {
    const [here, there] = FakeTransferChannel.pair();
    this.channels.push(here);
    this.mirror?.page.transfers.receive(asPeer(this.mirror), asChannel(there));
    return { channel: asChannel(here), messageSize: 65_535 };
  }

  /** The connection breaks on both sides. */
  disconnect(): void {
    for (const side of [this, this.mirror]) {
      if (!side) continue;
      side.connected = false;
      for (const channel of side.channels) channel.break();
    }
  }

  /** It is there again. */
  reconnect(): void {
    for (const side of [this, this.mirror]) if (side) side.connected = true;
    for (const side of [this, this.mirror]) side?.page.transfers.update();
  }
}

function asPeer(peer: FakePeer): TransferPeer {
  return peer as unknown as TransferPeer;
}
