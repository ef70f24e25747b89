import * as base64url from "./base64url.js";
import { deriveChannel, deriveSealKey } from "./sealing.js";

const PREFIX = "#v1.";
const SECRET_LENGTH = 32;

/**
 * The address of a channel: `https://HOST/c/#v1.<secret>` (`docs/signaling.md` §1).
 * Whoever has it can enter, and the server never sees the part after `#`.
 */
export class Link {
  /** The whole address. */
  readonly href: string;
  readonly #secret: Uint8Array<ArrayBuffer>;

  private constructor(server: URL, secret: Uint8Array<ArrayBuffer>) {
    this.#secret = secret;
    this.href = new URL("/c/", server).href + PREFIX + base64url.encode(secret);
  }

  /**
   * A new channel's link, from 256 random bits.
   *
   * @param server - the server's address
   */
  static create(server: URL | string): Link {
    return new Link(new URL(server), crypto.getRandomValues(new Uint8Array(SECRET_LENGTH)));
  }

  /**
   * @param href - an absolute address
   * @throws TypeError if that is not a channel's link
   */
  static parse(href: URL | string): Link {
    const link = Link.tryParse(href);
    if (!link) throw new TypeError("This is not a channel's link: https://HOST/c/#v1.<secret>");
    return link;
  }

  /** As {@link Link.parse}, with undefined for what is not a channel's link. */
  static tryParse(href: URL | string): Link | undefined {
    const url = URL.canParse(href) ? new URL(href) : undefined;
    if (!url || !/^https?:$/.test(url.protocol)) return undefined;
    if (url.pathname !== "/c/" || url.search || url.username || url.password || !url.hash.startsWith(PREFIX)) return undefined;
    const secret = base64url.decode(url.hash.slice(PREFIX.length));
    return secret?.length === SECRET_LENGTH ? new Link(url, secret) : undefined;
  }

  /** The channel's identifier: all that the server learns. */
  channel(): Promise<string> {
    return deriveChannel(this.#secret);
  }

  /** The key that the channel's participants seal their messages with. */
  sealKey(): Promise<CryptoKey> {
    return deriveSealKey(this.#secret);
  }

  toString(): string {
    return this.href;
  }
}
