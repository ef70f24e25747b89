/** The control messages (`docs/transfer.md` §3). */
import * as base64url from "../base64url.js";
import { parseObject } from "../frames.js";
import type { Claim } from "./claim.js";
import { parseDigest } from "./digest.js";
import { CLAIMS, CONTROL } from "./limits.js";
import {
  badMessage,
  DECLINE_REASONS,
  type DeclineReason,
  ERROR_CODES,
  type ErrorCode,
  FILE_FAILURES,
  type FileFailure,
  TransferError,
} from "./outcome.js";
import { byteLength } from "./path.js";

/** A file as `files` names it. */
export interface FileEntry {
  path: string;
  size: number;
  /** Milliseconds since 1970. */
  modified?: number;
}

export type Control =
  | { type: "offer"; transfer: string; files: number; bytes: number; chunk: number }
  | { type: "files"; files: FileEntry[] }
  | { type: "accept"; files: number; bytes: number; window: number }
  | { type: "decline"; reason: DeclineReason }
  | { type: "get"; file: number; have?: Claim[] }
  | { type: "end"; file: number; hash: string }
  | { type: "failed"; file: number; reason: FileFailure }
  | { type: "written"; bytes: number }
  | { type: "complete" }
  | { type: "cancel" }
  | { type: "error"; code: ErrorCode; message: string };

type Check = (value: unknown) => boolean;
type Shape = Record<string, Check>;

/** The latest time that a `Date` holds, and back. */
const LAST_TIME = 8.64e15;
/** Characters of an error's sentence. */
const SENTENCE = 200;
/** Bytes of a chunk. */
const SMALLEST_CHUNK = 1 << 14;
const LARGEST_CHUNK = 1 << 24;
const TRANSFER_LENGTH = 16;

const text: Check = (value) => typeof value === "string";
const amount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
/** It is another text once it has been through UTF-8. */
const broken = /\p{Cs}/u;
const path: Check = (value) => typeof value === "string" && !broken.test(value);
const time: Check = (value) => Number.isSafeInteger(value) && Math.abs(value as number) <= LAST_TIME;
const digest: Check = (value) => typeof value === "string" && parseDigest(value) !== undefined;
const transfer: Check = (value) => typeof value === "string" && base64url.decode(value)?.length === TRANSFER_LENGTH;
const chunk: Check = (value) =>
  amount(value) && (value as number) >= SMALLEST_CHUNK && (value as number) <= LARGEST_CHUNK && Number.isInteger(Math.log2(value as number));
const optional = (check: Check): Check => (value) => value === undefined || check(value);
const listOf = (check: Check): Check => (value) => Array.isArray(value) && value.every(check);
const shaped = (shape: Shape): Check => (value) =>
  typeof value === "object" && value !== null && Object.entries(shape).every(([name, check]) => check((value as Record<string, unknown>)[name]));
const claims: Check = (value) => listOf(shaped({ first: amount, end: amount, hash: digest }))(value) && (value as []).length <= CLAIMS;

const SHAPES: Record<Control["type"], Shape> = {
  offer: { transfer, files: amount, bytes: amount, chunk },
  files: { files: listOf(shaped({ path, size: amount, modified: optional(time) })) },
  accept: { files: amount, bytes: amount, window: amount },
  decline: { reason: text },
  get: { file: amount, have: optional(claims) },
  end: { file: amount, hash: digest },
  failed: { file: amount, reason: text },
  written: { bytes: amount },
  complete: {},
  cancel: {},
  error: { code: text, message: text },
};

/**
 * Reads a control message.
 *
 * @returns undefined for one of a type that this version doesn't know
 * @throws TransferError for what is none
 */
export function parseControl(json: string): Control | undefined {
  if (byteLength(json) > CONTROL) throw new TransferError("too_large", "A control message is too long.");
  const message = parseObject(json);
  if (typeof message?.["type"] !== "string") throw badMessage("That is no control message.");
  if (!Object.hasOwn(SHAPES, message["type"])) return undefined;
  const control = message as unknown as Control;
  if (!shaped(SHAPES[control.type])(control)) throw badMessage("A control message lacks something, or a number is out of range.");
  return known(control);
}

/** Reasons and codes of later versions are "other" ones; a stranger's sentence is as it may be shown. */
function known(control: Control): Control {
  if (control.type === "decline") return { ...control, reason: oneOf(DECLINE_REASONS, control.reason) };
  if (control.type === "failed") return { ...control, reason: oneOf(FILE_FAILURES, control.reason) };
  if (control.type !== "error") return control;
  const message = [...control.message.replace(/\p{Cc}/gu, "")].slice(0, SENTENCE).join("");
  return { ...control, code: oneOf(ERROR_CODES, control.code), message };
}

function oneOf<Value extends string>(values: readonly Value[], value: string): Value | "other" {
  return values.find((candidate) => candidate === value) ?? "other";
}
