/** How a transfer ends, and what went wrong (`docs/transfer.md` §3, §7). */

export const DECLINE_REASONS = ["declined", "no_space", "busy", "other"] as const;
/** Why a receiver does not want an offer. */
export type DeclineReason = (typeof DECLINE_REASONS)[number];

export const FILE_FAILURES = ["unreadable", "changed", "other"] as const;
/** Why one file could not be sent; the others go on. */
export type FileFailure = (typeof FILE_FAILURES)[number];

export const ERROR_CODES = [
  "bad_message",
  "bad_path",
  "too_large",
  "window_exceeded",
  "damaged",
  "hash_mismatch",
  "write_failed",
  "no_space",
  "other",
] as const;
/** Why a transfer can't go on. */
export type ErrorCode = (typeof ERROR_CODES)[number];

/** How the conversation over one data channel ended. `interrupted`: the channel broke; another one may go on. */
export type Outcome =
  | { kind: "completed" }
  | { kind: "declined"; reason: DeclineReason }
  | { kind: "cancelled"; by: "here" | "there" }
  | { kind: "failed"; code: ErrorCode; message: string }
  | { kind: "interrupted" };

/** Why this side gives up. */
export class TransferError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(message);
    this.name = "TransferError";
    this.code = code;
  }
}

export function badMessage(message: string): TransferError {
  return new TransferError("bad_message", message);
}
