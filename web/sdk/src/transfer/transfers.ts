import { isAccepted } from "./acceptance.js";
import { type IncomingTransfer, OfferEvent, type OutgoingTransfer } from "./api.js";
import { PROTOCOL, type TransferChannel } from "./channel.js";
import { ChosenFiles, type FileWithPath } from "./chosen-files.js";
import type { FileTransfer } from "./file-transfer.js";
import { IncomingFileTransfer } from "./incoming-transfer.js";
import { OFFERS } from "./limits.js";
import type { FileEntry } from "./message.js";
import { listDigest, makeOffer, type Offer } from "./offer.js";
import { OutgoingFileTransfer } from "./outgoing-transfer.js";
import { isSamePerson, type TransferPeer } from "./peer.js";
import { Receiver } from "./receiver.js";
import type { PartStore } from "./store.js";

/** Where received files are kept. */
export interface Stores {
  /** A place for the files of a list, which nobody else uses meanwhile. */
  open(digest: string, files: readonly FileEntry[]): Promise<PartStore>;
  /** What {@link PartStore.accept} noted of a list, on this page or an earlier one. */
  accepted(digest: string): Promise<string | undefined>;
}

/** All transfers of a channel. They outlive the connections, and the pages of those at the other end. */
export class Transfers {
  readonly #stores: Stores;
  readonly #present: () => Iterable<TransferPeer>;
  readonly #outgoing = new Set<OutgoingFileTransfer>();
  readonly #incoming = new Set<IncomingFileTransfer>();
  /** Data channels on which the offer has not come to an end. */
  readonly #listing = new Map<Receiver, TransferPeer>();

  /** @param present - the participants of the channel, as they are when it is called */
  constructor(stores: Stores, present: () => Iterable<TransferPeer>) {
    this.#stores = stores;
    this.#present = present;
  }

  /** As {@link Participant.sendFiles}. */
  send(peer: TransferPeer, chosen: Iterable<File | FileWithPath>): OutgoingTransfer {
    const files = new ChosenFiles(chosen);
    const transfer = new OutgoingFileTransfer(makeOffer(files.entries), files, peer, new Set(this.#present()));
    keepUntilEnded(this.#outgoing, transfer);
    this.update();
    return transfer;
  }

  /** Somebody came, or a connection changed: offers what could not be offered yet, or was broken off. */
  update(): void {
    const connected = [...this.#present()].filter((peer) => peer.connected);
    for (const transfer of this.#outgoing) {
      const { participant } = transfer;
      if (participant.connected && transfer.live) continue;
      const peer = connected.find((candidate) => candidate === participant || transfer.mayGoOnWith(candidate));
      if (peer) transfer.offerTo(peer);
    }
  }

  /** Takes a data channel of a participant. */
  receive(peer: TransferPeer, channel: TransferChannel & Pick<RTCDataChannel, "protocol">): void {
    const waiting = this.#waitingFor(peer);
    // Each may become as long a list as there is.
    if (channel.protocol !== PROTOCOL || waiting >= 2 * OFFERS) {
      channel.close();
      return;
    }
    const receiver = new Receiver(channel, {
      offered: (offer) => {
        if (waiting >= OFFERS) receiver.decline("busy");
        else void this.#offered(peer, receiver, offer);
      },
      ended: () => this.#listing.delete(receiver),
    });
    this.#listing.set(receiver, peer);
  }

  /** The channel was left. */
  close(): void {
    for (const transfer of this.#outgoing) transfer.cancel();
    for (const transfer of this.#incoming) transfer.close();
    for (const receiver of this.#listing.keys()) void receiver.release();
  }

  async #offered(peer: TransferPeer, receiver: Receiver, offer: Offer): Promise<void> {
    const digest = await listDigest(offer.files);
    const known = [...this.#incoming].find((transfer) => transfer.digest === digest && goesOn(transfer, offer, peer));
    const accepted = known ? undefined : await this.#stores.accepted(digest);
    if (!this.#listing.delete(receiver)) return;
    const transfer = known ?? new IncomingFileTransfer(digest, offer, peer, () => this.#stores.open(digest, offer.files));
    transfer.offeredBy(peer, offer.transfer, receiver);
    if (known) return;
    keepUntilEnded(this.#incoming, transfer);
    if (isAccepted(accepted, offer.transfer, peer)) void transfer.accept(true);
    peer.dispatchEvent(new OfferEvent(transfer satisfies IncomingTransfer));
  }

  /** Offers that nobody has answered. */
  #waitingFor(peer: TransferPeer): number {
    const offered = [...this.#incoming].filter(({ participant, state }) => participant === peer && state === "offered");
    return offered.length + [...this.#listing.values()].filter((other) => other === peer).length;
  }
}

/**
 * Whether an offer of the same files is that transfer again: by its name, or because the sender's page was loaded anew
 * and has forgotten it. The name alone is not enough: somebody else may know it.
 */
function goesOn(transfer: IncomingFileTransfer, offer: Offer, peer: TransferPeer): boolean {
  return isSamePerson(transfer.participant, peer) && (transfer.id === offer.transfer || !transfer.live);
}

function keepUntilEnded<Kind extends FileTransfer>(transfers: Set<Kind>, transfer: Kind): void {
  transfers.add(transfer);
  transfer.addEventListener("change", () => transfer.ended && transfers.delete(transfer));
}
