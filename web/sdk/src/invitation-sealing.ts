/** Invitations, sealed to the invited one's public key (`docs/signaling.md` §8). */
import * as base64url from "./base64url.js";
import { Identity, importPublicKey } from "./identity.js";

const KEY_LENGTH = 65;
const NONCE_LENGTH = 12;
const encoder = new TextEncoder();

/** What a sealed invitation is bound to. */
export interface InvitationContext {
  /** Participant identifiers. */
  caller: string;
  invited: string;
  /** The `id` of the `invite` frame. */
  id: number;
}

/**
 * @param identity - the invited one's public key
 * @throws if `identity` is not a P-256 public key
 */
export async function sealInvitation(identity: string, context: InvitationContext, plaintext: string): Promise<string> {
  const recipient = base64url.decode(identity);
  if (recipient?.length !== KEY_LENGTH) throw new TypeError("An identity is 65 bytes in base64url");
  const pair = (await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"])) as CryptoKeyPair;
  const ephemeral = await Identity.fromKeyPair(pair);
  const header = base64url.decode(ephemeral.publicKey) as Uint8Array<ArrayBuffer>;
  const key = await sealingKey(await ephemeral.agree(await importPublicKey(recipient)), header, recipient);
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_LENGTH));
  const encrypted = await crypto.subtle.encrypt(gcm(nonce, context), key, encoder.encode(plaintext));
  return base64url.encode(concatenate(header, nonce, new Uint8Array(encrypted)));
}

/** @returns the plaintext, or undefined if it was not sealed to this identity for this context */
export async function openInvitation(
  identity: Identity,
  context: InvitationContext,
  sealed: string,
): Promise<string | undefined> {
  const bytes = base64url.decode(sealed);
  if (!bytes || bytes.length <= KEY_LENGTH + NONCE_LENGTH) return undefined;
  const header = bytes.slice(0, KEY_LENGTH);
  const nonce = bytes.slice(KEY_LENGTH, KEY_LENGTH + NONCE_LENGTH);
  const own = base64url.decode(identity.publicKey) as Uint8Array<ArrayBuffer>;
  try {
    const key = await sealingKey(await identity.agree(await importPublicKey(header)), header, own);
    const encrypted = bytes.slice(KEY_LENGTH + NONCE_LENGTH);
    return new TextDecoder("utf-8", { fatal: true }).decode(await crypto.subtle.decrypt(gcm(nonce, context), key, encrypted));
  } catch {
    return undefined;
  }
}

async function sealingKey(shared: ArrayBuffer, ephemeral: Uint8Array, identity: Uint8Array): Promise<CryptoKey> {
  const info = concatenate(encoder.encode("peerline v1 invitation"), ephemeral, identity);
  const material = await crypto.subtle.importKey("raw", shared, "HKDF", false, ["deriveKey"]);
  const hkdf: HkdfParams = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info };
  return crypto.subtle.deriveKey(hkdf, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

function gcm(iv: Uint8Array<ArrayBuffer>, { caller, invited, id }: InvitationContext): AesGcmParams {
  return { name: "AES-GCM", iv, additionalData: encoder.encode(["peerline v1 invitation", caller, invited, id].join("\n")) };
}

function concatenate(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
