import { missed } from "./settings";

/** A call that the user didn't take: kept on this device until they have seen to it. */
export interface MissedCall {
  readonly name: string;
  /** Whom to ring back. That it was they who called is their word only. */
  readonly identity: string;
  /** Milliseconds since 1970. */
  readonly time: number;
}

/** How many are kept; the oldest ones go first. */
const KEPT = 20;

/** The latest one of each person, the newest first. What the storage holds may be anything. */
export function missedCalls(): readonly MissedCall[] {
  const kept: unknown = missed.value;
  return Array.isArray(kept) ? kept.filter(isMissedCall) : [];
}

export function keepMissedCall(name: string, identity: string): void {
  const others = missedCalls().filter((call) => call.identity !== identity);
  missed.value = [{ name, identity, time: Date.now() }, ...others].slice(0, KEPT);
}

/** The user has called back, or doesn't want to know of it any more. */
export function forgetMissedCall(identity: string): void {
  missed.value = missedCalls().filter((call) => call.identity !== identity);
}

function isMissedCall(value: unknown): value is MissedCall {
  const { name, identity, time } = (value ?? {}) as Partial<Record<keyof MissedCall, unknown>>;
  return typeof name === "string" && typeof identity === "string" && typeof time === "number";
}
