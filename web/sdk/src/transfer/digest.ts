import * as base64url from "../base64url.js";

/** Bytes of a SHA-256. */
export const DIGEST_LENGTH = 32;

export type Bytes = Uint8Array<ArrayBuffer>;

export async function sha256(bytes: BufferSource): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** @returns undefined for what is not 43 characters of base64url */
export function parseDigest(text: string): Bytes | undefined {
  const bytes = base64url.decode(text);
  return bytes?.length === DIGEST_LENGTH ? bytes : undefined;
}

/**
 * The hash of a row of chunks (`docs/transfer.md` §5): each link is the SHA-256 of the link before it and the chunk's
 * digest. So the hash of a whole file comes of one pass over it, and can be told for a part of it too.
 */
export class Chain {
  #link: Promise<Bytes>;

  /** @param link - the hash of the chunks so far */
  constructor(link: Promise<Bytes> = Promise.resolve(new Uint8Array(DIGEST_LENGTH))) {
    this.#link = link;
  }

  /** Adds the next chunk's digest. A digest that never comes leaves the chain without a hash. */
  push(digest: Bytes | Promise<Bytes>): void {
    this.#link = Promise.all([this.#link, digest]).then(([before, next]) => {
      const row = new Uint8Array(2 * DIGEST_LENGTH);
      row.set(before);
      row.set(next, DIGEST_LENGTH);
      return sha256(row);
    });
    this.#link.catch(() => undefined);
  }

  /** The hash of the chunks so far. */
  get hash(): Promise<Bytes> {
    return this.#link;
  }
}
