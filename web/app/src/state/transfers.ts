import { effect, signal, type Signal } from "@preact/signals";
import type { Channel, FileWithPath, IncomingTransfer, Participant, Transfer } from "peerline";
import { nameOf } from "../files/names";
import { save } from "../files/saving";
import { Speed } from "../files/speed";
import { t } from "../text/text";
import { sentenceOf, type TransferView } from "./transfer-view";

/** Files that were offered, are on their way, or have come: what the user sees of them, and can do. */
export interface ShownTransfer {
  readonly key: number;
  /** What the files are called together. */
  readonly name: string;
  readonly files: Transfer["files"];
  readonly bytes: number;
  readonly view: Signal<TransferView>;
  accept(): void;
  decline(): void;
  cancel(): void;
  save(): void;
  /** Takes it off the screen; what has not been saved is gone. */
  dismiss(): void;
}

/** Files that somebody chose to send. */
export type Chosen = readonly (File | FileWithPath)[];

/** All of them, the newest first. */
export const transfers = signal<readonly ShownTransfer[]>([]);
/** Whether the user looks at them. */
export const transfersOpen = signal(true);
/** The latest news, for assistive technology. */
export const transferNews = signal("");

/** How long a download may still read the files after they were taken off the screen: a minute, and as long as a slow disk takes. */
const DOWNLOAD = 60_000;
const SLOW_DISK = 20_000;

let last = 0;
let present: Channel | null = null;

/** Shows what the participants of a channel offer. Returns what ends it. */
export function followTransfers(channel: Channel): () => void {
  present = channel;
  const listen = (participant: Participant) =>
    participant.addEventListener("offer", ({ transfer }) => {
      transfersOpen.value = true;
      show(transfer, transfer);
    });
  for (const participant of channel.participants.values()) listen(participant);
  channel.addEventListener("participantjoin", ({ participant }) => listen(participant));
  // What had stopped with an earlier call comes again by itself.
  transfers.value = transfers.value.filter(({ view }) => view.value.reason !== "closed");
  return () => {
    present = null;
  };
}

/**
 * Offers files.
 *
 * @param to - a participant's identifier; null: everybody
 * @throws RangeError for what can't be sent
 */
export function sendFiles(files: Chosen, to: string | null): void {
  for (const participant of present?.participants.values() ?? []) {
    if (to === null || participant.id === to) show(participant.sendFiles(files), null);
  }
  transfersOpen.value = true;
}

function show(transfer: Transfer, incoming: IncomingTransfer | null): void {
  last += 1;
  const key = last;
  const name = nameOf(transfer.files.map(({ path }) => path));
  const speed = new Speed();
  const view = signal(look(transfer, incoming, undefined, {}));
  const update = (changes: Partial<TransferView> = {}) => {
    const { saved, saving } = view.value;
    view.value = { ...look(transfer, incoming, speed.value, { saved, saving }), ...changes };
  };
  transfer.addEventListener("progress", () => {
    const { bytes, kept } = transfer.progress;
    if (transfer.state === "running") speed.add(performance.now(), bytes - kept);
    update();
  });
  transfer.addEventListener("change", () => {
    if (transfer.state !== "running") speed.reset();
    update();
    if (incoming !== null && transfer.state === "completed" && transfer.files.length === 1) void keep();
  });
  const keep = async () => {
    if (incoming === null || view.value.saving !== undefined) return;
    update({ saving: 0 });
    try {
      const how = await save(incoming, name, (saving) => update({ saving }));
      update({ saving: undefined, saved: how === "dismissed" ? view.value.saved : how });
    } catch {
      update({ saving: undefined, saved: "failed" });
    }
  };
  const entry: ShownTransfer = {
    key,
    name,
    files: transfer.files,
    bytes: transfer.bytes,
    view,
    accept: () => void incoming?.accept(),
    decline: () => incoming?.decline(),
    cancel: () => transfer.cancel(),
    save: () => void keep(),
    dismiss: () => {
      transfers.value = transfers.value.filter((other) => other !== entry);
      if (incoming !== null) forget(incoming, view.value.saved);
    },
  };
  transfers.value = [entry, ...transfers.value];
  tellNews(entry);
}

/** Removes received files from the browser, when nothing needs them any more. */
function forget(transfer: IncomingTransfer, saved: TransferView["saved"]): void {
  const wait = saved === "downloaded" ? DOWNLOAD + transfer.bytes / SLOW_DISK : 0;
  setTimeout(() => void transfer.remove().catch(() => undefined), wait);
}

function look(transfer: Transfer, incoming: IncomingTransfer | null, speed: number | undefined, saving: Pick<TransferView, "saved" | "saving">): TransferView {
  return {
    incoming: incoming !== null,
    person: transfer.participant.name || t("call.unnamed"),
    state: transfer.state,
    reason: transfer.reason,
    done: transfer.progress.bytes,
    filesDone: transfer.progress.files,
    speed,
    unreadable: transfer.unreadable.size,
    ...saving,
  };
}

/** Says what has become of a transfer, as far as one would like to hear it: not how far it is. */
function tellNews(entry: ShownTransfer): void {
  effect(() => {
    const view = entry.view.value;
    if (view.state === "running" || view.saving !== undefined) return;
    transferNews.value = `${entry.name}: ${sentenceOf(view, entry)}`;
  });
}
