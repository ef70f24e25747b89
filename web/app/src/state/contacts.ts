import type { Verification } from "peerline";
import { t } from "../text/text";
import { verified } from "./settings";

/** Somebody whose words matched the user's: kept on this device, and known again by the key that they own. */
export interface Contact {
  readonly identity: string;
  /** When the words were compared; empty: none. */
  readonly name: string;
}

/** How many are kept; the oldest ones go first. */
const KEPT = 1_000;

/**
 * - `unknown`: there is nothing to compare: no direct connection yet, or a program that doesn't take part
 * - `unverified`: there are words to compare
 * - `verified`: the user compared the words with this person, now or earlier
 * - `changed`: the user verified somebody else under this name
 * - `broken`: the other side of the connection didn't keep to its word
 */
export type Trust = "unknown" | "unverified" | "verified" | "changed" | "broken";

/** What is known of somebody who calls themself `name`. */
export function trustIn(name: string, verification: Pick<Verification, "state" | "identity"> | undefined): Trust {
  if (verification?.state === "broken") return "broken";
  const identity = verification?.identity;
  if (identity === undefined) return "unknown";
  const known = contactOf(identity);
  if (known !== undefined && sameName(known.name, name)) return "verified";
  if (contacts().some((contact) => sameName(contact.name, name))) return "changed";
  return known === undefined ? "unverified" : "verified";
}

/** Who was verified by that key. */
export function contactOf(identity: string | undefined): Contact | undefined {
  return contacts().find((contact) => contact.identity === identity);
}

/** The words matched. "Guest" is nobody's name. */
export function trust(name: string, identity: string): void {
  const contact: Contact = { identity, name: name === t("call.unnamed") ? "" : name };
  verified.value = [...contacts().filter((other) => other.identity !== identity), contact].slice(-KEPT);
}

/** The words differed. */
export function distrust(identity: string): void {
  verified.value = contacts().filter((contact) => contact.identity !== identity);
}

/** What the storage holds may be anything. */
export function contacts(): readonly Contact[] {
  const kept: unknown = verified.value;
  return Array.isArray(kept) ? kept.filter(isContact) : [];
}

export function isContact(value: unknown): value is Contact {
  const { identity, name } = (value ?? {}) as Partial<Record<keyof Contact, unknown>>;
  return typeof identity === "string" && typeof name === "string";
}

export function sameName(one: string, other: string): boolean {
  const plain = (name: string) => name.normalize("NFKC").trim().toLowerCase();
  return plain(one) !== "" && plain(one) === plain(other);
}
