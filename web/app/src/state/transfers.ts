import { effect, signal } from "@preact/signals";
import type { Channel, FileWithPath, IncomingTransfer, Participant, Transfer } from "peerline";
import { lookedUp } from "../files/looked-up";
import { ShownTransfer } from "./shown-transfer";
import { sentenceOf } from "./transfer-view";

/** Files that somebody chose to send. */
export type Chosen = readonly (File | FileWithPath)[];

/** Files that are offered, on their way, or here: the newest first. */
export const transfers = signal<readonly ShownTransfer[]>([]);
/** Whether the user looks at them. */
export const transfersOpen = signal(true);
/** The latest news, for assistive technology. */
export const transferNews = signal("");

let present: Channel | null = null;

/** Shows what the participants of a channel offer. Returns what ends it. */
export function followTransfers(channel: Channel): () => void {
  present = channel;
  const listen = (participant: Participant) => participant.addEventListener("offer", ({ transfer }) => show(transfer, transfer));
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
export async function sendFiles(files: Chosen, to: string | null): Promise<void> {
  const known = await lookedUp(files);
  for (const participant of present?.participants.values() ?? []) {
    if (to === null || participant.id === to) show(participant.sendFiles(known), null);
  }
}

/** Takes a transfer off the screen. What has come and was not saved is gone. */
export function dismiss(transfer: ShownTransfer): void {
  transfers.value = transfers.value.filter((other) => other !== transfer);
  transfer.forget();
}

function show(transfer: Transfer, incoming: IncomingTransfer | null): void {
  const shown = new ShownTransfer(transfer, incoming);
  transfers.value = [shown, ...transfers.value];
  transfersOpen.value = true;
  // What has become of it is worth being heard; how far it is comes too often.
  effect(() => {
    const view = shown.view.value;
    if (view.state === "running" || view.saving !== undefined) return;
    transferNews.value = `${shown.name}: ${sentenceOf(view, shown)}`;
  });
}
