import { computed, effect, signal, type Signal } from "@preact/signals";
import type { IncomingTransfer, Transfer } from "peerline";
import { nameOf } from "../files/names";
import { save } from "../files/saving";
import { Speed } from "../files/speed";
import { t } from "../text/text";
import { hasArrived, type TransferView } from "./transfer-view";

/** Milliseconds between two looks at the speed: nothing happens while nothing comes. */
const LOOK = 1_000;
/** How long a download may still read the files after they were taken off the screen, in milliseconds: a minute, and as long as a slow disk takes. */
const DOWNLOAD = 60_000;
const SLOW_DISK = 20_000;

let last = 0;

/** A transfer as the user sees it, and what the user can do with it. */
export class ShownTransfer {
  readonly key: number;
  /** What the files are called together. */
  readonly name: string;
  readonly files: Transfer["files"];
  readonly bytes: number;
  readonly view: Signal<TransferView>;
  readonly #transfer: Transfer;
  /** The same transfer, if it comes here. */
  readonly #incoming: IncomingTransfer | null;
  readonly #speed = new Speed();

  constructor(transfer: Transfer, incoming: IncomingTransfer | null) {
    last += 1;
    this.key = last;
    this.name = nameOf(transfer.files.map(({ path }) => path));
    this.files = transfer.files;
    this.bytes = transfer.bytes;
    this.#transfer = transfer;
    this.#incoming = incoming;
    this.view = signal(this.#look());
    transfer.addEventListener("progress", () => this.#update());
    transfer.addEventListener("change", () => {
      this.#update();
      // One file needs no place to be chosen.
      if (this.files.length === 1 && hasArrived(this.view.value, this)) void this.save();
    });
    const running = computed(() => this.view.value.state === "running");
    effect(() => {
      if (!running.value) return this.#speed.reset();
      const timer = setInterval(() => this.#update(), LOOK);
      return () => clearInterval(timer);
    });
  }

  accept(): void {
    void this.#incoming?.accept();
  }

  decline(): void {
    this.#incoming?.decline();
  }

  cancel(): void {
    this.#transfer.cancel();
  }

  /** Saves what has come where the user wants it. */
  async save(): Promise<void> {
    const { saving, saved } = this.view.value;
    if (this.#incoming === null || saving !== undefined) return;
    this.#change({ saving: 0 });
    try {
      const how = await save(this.#incoming, this.name, (part) => this.#change({ saving: part }));
      this.#change({ saving: undefined, saved: how === "dismissed" ? saved : how });
    } catch {
      this.#change({ saving: undefined, saved: "failed" });
    }
  }

  /** Removes what has come from the browser, when nothing needs it any more. */
  forget(): void {
    const transfer = this.#incoming;
    if (transfer === null) return;
    const wait = this.view.value.saved === "downloaded" ? DOWNLOAD + this.bytes / SLOW_DISK : 0;
    setTimeout(() => void transfer.remove().catch(() => undefined), wait);
  }

  #update(): void {
    const { state, progress } = this.#transfer;
    if (state === "running") this.#speed.add(performance.now(), progress.bytes - progress.kept);
    this.#change({});
  }

  #change(changes: Partial<TransferView>): void {
    const { saved, saving } = this.view.value;
    this.view.value = { ...this.#look(), saved, saving, ...changes };
  }

  #look(): TransferView {
    const { participant, state, reason, progress, unreadable } = this.#transfer;
    return {
      incoming: this.#incoming !== null,
      person: participant.name || t("call.unnamed"),
      state,
      reason,
      done: progress.bytes,
      filesDone: progress.files,
      speed: this.#speed.value,
      unreadable: unreadable.size,
    };
  }
}
