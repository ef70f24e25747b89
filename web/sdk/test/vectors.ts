/** The golden vectors that the tests of every implementation read. */
import { readFileSync } from "node:fs";

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../crates/signaling/vectors/${name}`, import.meta.url), "utf8"));
}

interface KeyPair {
  private: string;
  public: string;
}

export interface SealedVector {
  name: string;
  seal_key: string;
  channel: string;
  sender: string;
  receiver: string;
  id: number | "profile";
  nonce: string;
  plaintext: string;
  sealed: string;
}

export interface InvitationVector {
  name: string;
  caller: string;
  invited: string;
  id: number;
  identity: KeyPair;
  plaintext: string;
  sealed: string;
}

export const sealing = read("sealing.json") as {
  links: { link: string; secret: string; channel: string; seal_key: string }[];
  invalid_links: { name: string; link: string }[];
  participants: { key: string; participant: string }[];
  sealed: SealedVector[];
  not_opened: SealedVector[];
  invitations: InvitationVector[];
  invitations_not_opened: InvitationVector[];
  replay: { name: string; steps: [number, boolean][] }[];
};

export const messages = read("messages.json") as {
  to_client: { valid: { name: string; frame: { type: string } }[] };
};

export const schema = read("schema.json") as object;

export const verification = read("verification.json") as {
  fingerprints: [string, string];
  identities: [KeyPair, KeyPair];
  nonces: [string, string];
  commitment: string;
  words: string[];
  proofs: string[];
}[];
