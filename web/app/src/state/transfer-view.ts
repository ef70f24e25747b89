import type { TransferReason, TransferState } from "peerline";
import { percentText, sizeText, speedText, timeLeftText } from "../text/amounts";
import { plural, t } from "../text/text";

/** How a transfer stands at a moment. */
export interface TransferView {
  readonly incoming: boolean;
  /** The name of who is at the other end. */
  readonly person: string;
  readonly state: TransferState;
  readonly reason: TransferReason | undefined;
  /** Bytes that the receiver has, and files that are done. */
  readonly done: number;
  readonly filesDone: number;
  /** In bytes per second, while known. */
  readonly speed: number | undefined;
  /** How many files the sender could not read. */
  readonly unreadable: number;
  /** How the user has saved it. */
  readonly saved?: "downloaded" | "written" | "failed" | undefined;
  /** The part that has been saved, from 0 to 1, while that goes on. */
  readonly saving?: number | undefined;
}

/** What a transfer consists of. */
export interface TransferContent {
  readonly name: string;
  readonly files: readonly { readonly path: string }[];
  readonly bytes: number;
}

/** Whether nothing more comes. */
export function isOver({ state }: TransferView): boolean {
  return state !== "offered" && state !== "running" && state !== "waiting";
}

/** Whether there is something to save. */
export function hasArrived({ incoming, state, unreadable }: TransferView, { files }: TransferContent): boolean {
  return incoming && state === "completed" && unreadable < files.length;
}

/** From 0 to 100. */
export function percentOf(view: TransferView, { bytes }: TransferContent): number {
  if (view.saving !== undefined) return Math.floor(view.saving * 100);
  if (view.state === "completed") return 100;
  return bytes === 0 ? 0 : Math.floor((view.done / bytes) * 100);
}

/** The sentences beside a transfer's name. */
export function sentenceOf(view: TransferView, content: TransferContent): string {
  const main = mainSentence(view, content);
  if (view.unreadable === 0) return main;
  const failed = view.incoming ? plural("files.unreadable-there", view.unreadable, { name: view.person }) : plural("files.unreadable-here", view.unreadable);
  // There is nothing else to say of nothing.
  return view.state === "completed" && view.unreadable === content.files.length ? failed : `${main} ${failed}`;
}

/** What is offered: "photo.jpg", "Holiday (12 files)". */
export function contentText({ name, files }: TransferContent): string {
  return files.length === 1 ? name : `${name} (${plural("files.count", files.length)})`;
}

function mainSentence(view: TransferView, content: TransferContent): string {
  const { incoming, person: name } = view;
  switch (view.state) {
    case "offered":
      return incoming ? t("files.offer", { name, what: contentText(content) }) : t("files.unanswered", { name });
    case "running":
      return runningText(view, content);
    case "waiting":
      return t("files.waiting", { name });
    case "completed":
      return incoming ? receivedText(view, content) : t("files.sent", { name });
    case "declined":
    case "cancelled":
    case "failed":
      return endText(view);
  }
}

function runningText({ done, filesDone, speed }: TransferView, { bytes, files }: TransferContent): string {
  if (speed === undefined && done === 0 && bytes > 0) return t("files.starting");
  const amounts = [t("files.progress", { done: sizeText(done), total: sizeText(bytes) })];
  if (files.length > 1) amounts.push(t("files.files-done", { done: filesDone, total: files.length }));
  const pace = speed === undefined || speed === 0 ? [] : [speedText(speed), timeLeftText((bytes - done) / speed)];
  return [amounts, pace].filter(({ length }) => length > 0).map((line) => line.join(" · ")).join("\n");
}

function receivedText({ saved, saving }: TransferView, { bytes }: TransferContent): string {
  const size = sizeText(bytes);
  if (saving !== undefined) return t("files.saving", { percent: percentText(saving) });
  if (saved === "failed") return t("files.not-saved");
  if (saved === "downloaded") return t("files.downloaded", { size });
  return t(saved === "written" ? "files.saved" : "files.received", { size });
}

/** Why it ended otherwise than by success. */
function endText({ incoming, person: name, reason }: TransferView): string {
  switch (reason) {
    case "declined":
      return incoming ? t("files.declined-here") : t("files.declined", { name });
    case "busy":
      return t("files.busy", { name });
    case "no_space":
      return t(incoming ? "files.no-space-here" : "files.no-space-there", { name });
    case "here":
      return t("files.cancelled-here");
    case "there":
      return t("files.cancelled-there", { name });
    case "closed":
      return t("files.closed", { name });
    case "damaged":
    case "hash_mismatch":
      return t("files.damaged");
    case "write_failed":
      return t("files.not-written");
    default:
      return t("files.failed");
  }
}
