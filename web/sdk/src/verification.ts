/** The short string by which two people see that nobody is between them (`docs/verification.md`). */
import type { Verification, VerificationState } from "./api.js";
import * as base64url from "./base64url.js";
import { type Identity, importPublicKey } from "./identity.js";
import type { CommitmentMessage, NonceMessage, OpeningMessage, ProofMessage, VerificationMessage } from "./messages.js";
import { inWords } from "./words.js";

const NONCE_LENGTH = 32;
const WORDS = 4;
/** 44 bits, in whole bytes. */
const WORDS_LENGTH = 6;
const encoder = new TextEncoder();

/** What both sides of a connection know of each other, the one with the lower participant identifier first. */
export interface Transcript {
  fingerprints: readonly [string, string];
  identities: readonly [string, string];
  nonces: readonly [string, string];
}

export interface Fingerprints {
  own: string;
  other: string;
}

export interface VerificationOptions {
  /** Whether our participant identifier is the lower one: then we commit ourselves first. */
  first: boolean;
  /** Undefined: it is not known which certificates these are, and there is nothing to compare. */
  fingerprints: Promise<Fingerprints | undefined>;
  identity: Identity;
  send(message: VerificationMessage): void;
  /** `state` changed. */
  change(): void;
}

/** The exchange for one connection. It happens once: whoever is between us has one attempt at equal words for each connection. */
export class VerificationExchange implements Verification {
  readonly #options: VerificationOptions;
  readonly #nonce = base64url.encode(crypto.getRandomValues(new Uint8Array(NONCE_LENGTH)));
  #state: VerificationState = "pending";
  #fingerprints: Fingerprints | undefined;
  #awaited: VerificationMessage["kind"] | undefined;
  #commitment = "";
  #otherIdentity = "";
  #transcript: Transcript | undefined;
  #steps: Promise<void> = Promise.resolve();

  constructor(options: VerificationOptions) {
    this.#options = options;
    // What comes meanwhile waits.
    this.#step(() => this.#begin());
  }

  get state(): VerificationState {
    return this.#state;
  }

  get identity(): string | undefined {
    return this.#state === "ready" ? this.#otherIdentity : undefined;
  }

  async words(): Promise<readonly string[]> {
    if (this.#state !== "ready" || !this.#transcript) throw new DOMException("There is nothing to compare yet.", "InvalidStateError");
    return wordsOf(this.#transcript);
  }

  /** Takes what the other side says, in its order. What is said out of turn, or a second time, counts for nothing. */
  receive(message: VerificationMessage): void {
    this.#step(async () => {
      if (message.kind !== this.#awaited) return;
      this.#awaited = undefined;
      if (message.kind === "commitment") this.#takeCommitment(message);
      else if (message.kind === "nonce") await this.#takeNonce(message);
      else if (message.kind === "opening") await this.#takeOpening(message);
      else await this.#takeProof(message);
    });
  }

  async #begin(): Promise<void> {
    const { first, fingerprints, identity, send } = this.#options;
    this.#fingerprints = await fingerprints;
    if (this.#fingerprints === undefined) return;
    this.#awaited = first ? "nonce" : "commitment";
    if (first) send({ kind: "commitment", commitment: await commitmentTo(this.#nonce), identity: identity.publicKey });
  }

  #takeCommitment({ commitment, identity }: CommitmentMessage): void {
    this.#commitment = commitment;
    this.#otherIdentity = identity;
    this.#awaited = "opening";
    this.#options.send({ kind: "nonce", nonce: this.#nonce, identity: this.#options.identity.publicKey });
  }

  async #takeNonce({ nonce, identity }: NonceMessage): Promise<void> {
    this.#otherIdentity = identity;
    this.#transcript = this.#transcriptWith(nonce);
    const proof = await this.#proof(true);
    if (proof === undefined) return this.#end("broken");
    this.#awaited = "proof";
    this.#options.send({ kind: "opening", nonce: this.#nonce, proof });
  }

  async #takeOpening({ nonce, proof }: OpeningMessage): Promise<void> {
    if ((await commitmentTo(nonce)) !== this.#commitment) return this.#end("broken");
    this.#transcript = this.#transcriptWith(nonce);
    const own = await this.#proof(false);
    if (own === undefined || proof !== (await this.#proof(true))) return this.#end("broken");
    this.#options.send({ kind: "proof", proof: own });
    this.#end("ready");
  }

  async #takeProof({ proof }: ProofMessage): Promise<void> {
    this.#end(proof === (await this.#proof(false)) ? "ready" : "broken");
  }

  #end(state: VerificationState): void {
    this.#state = state;
    this.#options.change();
  }

  #transcriptWith(otherNonce: string): Transcript | undefined {
    const { first, identity } = this.#options;
    const fingerprints = this.#fingerprints;
    if (fingerprints === undefined) return undefined;
    const ordered = (own: string, other: string) => (first ? [own, other] : [other, own]) as [string, string];
    return {
      fingerprints: ordered(fingerprints.own, fingerprints.other),
      identities: ordered(identity.publicKey, this.#otherIdentity),
      nonces: ordered(this.#nonce, otherNonce),
    };
  }

  /** What only the owner of one of the two identities can compute; undefined if the other one is no key. */
  async #proof(first: boolean): Promise<string | undefined> {
    const other = await importPublicKey(base64url.decode(this.#otherIdentity) ?? new Uint8Array()).catch(() => undefined);
    return other && proofOf(await this.#options.identity.agree(other), first, this.#transcript as Transcript);
  }

  /** Each step after the one before. One fails where the connection is closed meanwhile. */
  #step(run: () => Promise<void>): void {
    this.#steps = this.#steps.then(run).catch(() => undefined);
  }
}

/** Four words for what two sides know of each other. */
export async function wordsOf(transcript: Transcript): Promise<string[]> {
  return inWords(await derive(encoder.encode(textOf(transcript)), "peerline v1 verification words", WORDS_LENGTH), WORDS);
}

/** @param first - whose proof it is */
export async function proofOf(shared: ArrayBuffer, first: boolean, transcript: Transcript): Promise<string> {
  const raw = await derive(new Uint8Array(shared), "peerline v1 verification proof", 32);
  const key = await crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const message = encoder.encode(`${first ? 1 : 2}\n${textOf(transcript)}`);
  return base64url.encode(new Uint8Array(await crypto.subtle.sign("HMAC", key, message)));
}

export async function commitmentTo(nonce: string): Promise<string> {
  const message = encoder.encode(`peerline v1 verification commitment\n${nonce}`);
  return base64url.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", message)));
}

function textOf({ fingerprints, identities, nonces }: Transcript): string {
  return ["peerline v1 verification", ...fingerprints, ...identities, ...nonces].join("\n");
}

async function derive(material: Uint8Array<ArrayBuffer>, info: string, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", material, "HKDF", false, ["deriveBits"]);
  const algorithm = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: encoder.encode(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, length * 8));
}
