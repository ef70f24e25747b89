/** Keys and sealed payloads of a channel (`docs/signaling.md` §1 and §3). */
import * as base64url from "./base64url.js";

const NONCE_LENGTH = 12;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** What a payload is bound to: it opens nowhere else. */
export interface SealContext {
  channel: string;
  /** A participant identifier. */
  sender: string;
  /** A participant identifier, or `*` for everybody. */
  receiver: string;
  /** The message's identifier, or `profile`. */
  id: number | "profile";
}

export async function deriveChannel(secret: Uint8Array<ArrayBuffer>): Promise<string> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const bits = await crypto.subtle.deriveBits(hkdf("peerline v1 channel"), key, 256);
  return base64url.encode(new Uint8Array(bits));
}

export async function deriveSealKey(secret: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  return crypto.subtle.deriveKey(hkdf("peerline v1 seal"), key, { name: "AES-GCM", length: 256 }, false, [
    "encrypt",
    "decrypt",
  ]);
}

/** The identifier that belongs to a participant key (§2). */
export async function participantIdentifier(key: Uint8Array): Promise<string> {
  const prefix = encoder.encode("peerline v1 participant");
  const message = new Uint8Array(prefix.length + key.length);
  message.set(prefix);
  message.set(key, prefix.length);
  const digest = await crypto.subtle.digest("SHA-256", message);
  return base64url.encode(new Uint8Array(digest, 0, 16));
}

/** @param nonce - 12 bytes, never used before with this key; only tests give one */
export async function seal(
  key: CryptoKey,
  context: SealContext,
  plaintext: string,
  nonce: Uint8Array<ArrayBuffer> = crypto.getRandomValues(new Uint8Array(NONCE_LENGTH)),
): Promise<string> {
  const encrypted = await crypto.subtle.encrypt(gcm(nonce, context), key, encoder.encode(plaintext));
  const sealed = new Uint8Array(nonce.length + encrypted.byteLength);
  sealed.set(nonce);
  sealed.set(new Uint8Array(encrypted), nonce.length);
  return base64url.encode(sealed);
}

/** @returns the plaintext, or undefined if `sealed` was not made with this key for this context */
export async function open(key: CryptoKey, context: SealContext, sealed: string): Promise<string | undefined> {
  const bytes = base64url.decode(sealed);
  if (!bytes || bytes.length <= NONCE_LENGTH) return undefined;
  try {
    const algorithm = gcm(bytes.subarray(0, NONCE_LENGTH), context);
    return decoder.decode(await crypto.subtle.decrypt(algorithm, key, bytes.subarray(NONCE_LENGTH)));
  } catch {
    return undefined;
  }
}

function gcm(iv: Uint8Array<ArrayBuffer>, { channel, sender, receiver, id }: SealContext): AesGcmParams {
  const additionalData = encoder.encode(["peerline v1 message", channel, sender, receiver, id].join("\n"));
  return { name: "AES-GCM", iv, additionalData };
}

function hkdf(info: string): HkdfParams {
  return { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: encoder.encode(info) };
}
