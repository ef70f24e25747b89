import type { OutgoingTransfer, TransferProgress } from "./api.js";
import type { ChosenFiles } from "./chosen-files.js";
import { FileTransfer } from "./file-transfer.js";
import type { Offer } from "./offer.js";
import { isSamePerson, type TransferPeer } from "./peer.js";
import { Sender } from "./sender.js";

/** Files that are offered to a participant, again and again while the connection breaks. */
export class OutgoingFileTransfer extends FileTransfer implements OutgoingTransfer {
  readonly #offer: Offer;
  readonly #files: ChosenFiles;
  readonly #present: ReadonlySet<TransferPeer>;
  #progress: TransferProgress = { files: 0, bytes: 0, kept: 0 };
  /** None while there is no data channel. */
  #sender: Sender | undefined;

  /** @param present - who was there when it was first offered */
  constructor(offer: Offer, files: ChosenFiles, peer: TransferPeer, present: ReadonlySet<TransferPeer>) {
    super(offer.transfer, peer, offer.files);
    this.#offer = offer;
    this.#files = files;
    this.#present = present;
  }

  get progress(): TransferProgress {
    return this.#progress;
  }

  /** Whether there is a data channel. */
  get live(): boolean {
    return this.#sender !== undefined;
  }

  /** Whether this is the receiver, whose page was loaded again. Further pages of the same person have not asked for anything. */
  mayGoOnWith(peer: TransferPeer): boolean {
    return isSamePerson(peer, this.participant) && !this.#present.has(peer);
  }

  /** Offers the files, for the first time or again. */
  offerTo(peer: TransferPeer): void {
    const before = this.#sender;
    this.#sender = undefined;
    before?.release();
    this.continueAs(this.id, peer);
    const { channel, messageSize } = peer.openTransferChannel();
    const sender: Sender = new Sender(this.#offer, this.#files, channel, messageSize, {
      accepted: () => this.setState("running"),
      progress: () => {
        this.#progress = { ...sender.progress };
        this.progressed();
      },
      fileFailed: (file) => this.fileFailed(file),
      stalled: () => peer.stalled(),
      ended: (outcome) => {
        if (this.#sender !== sender) return;
        this.#sender = undefined;
        this.conclude(outcome);
      },
    });
    this.#sender = sender;
  }

  cancel(): void {
    if (this.#sender) this.#sender.cancel();
    else this.setState("cancelled", "here");
  }
}
