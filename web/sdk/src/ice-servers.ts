import type { RelayProtocol } from "./api.js";
import type { Ice } from "./frames.js";

/** Seconds before its end that a credential is asked for anew; the server's own refresh comes earlier. */
const MARGIN = 60;
/** Seconds between two requests, at least. */
const SHORTEST = 10;

export interface IceServersOptions {
  iceTransportPolicy: RTCIceTransportPolicy;
  relayProtocols: readonly RelayProtocol[] | undefined;
  /** Asks the server for a new credential. */
  refresh(): void;
}

/** The STUN and TURN servers in use, with a credential that is renewed before it ends. */
export class IceServers {
  readonly #options: IceServersOptions;
  #servers: RTCIceServer[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: IceServersOptions) {
    this.#options = options;
  }

  /** What a peer connection is made with, or given anew. */
  get configuration(): RTCConfiguration {
    const { iceTransportPolicy, relayProtocols } = this.#options;
    const iceServers = this.#servers.flatMap((server) => {
      const urls = [server.urls].flat().filter((url) => isWanted(url, iceTransportPolicy, relayProtocols));
      return urls.length > 0 ? [{ ...server, urls }] : [];
    });
    return { iceServers, iceTransportPolicy, bundlePolicy: "max-bundle" };
  }

  update({ servers, expires }: Ice): void {
    this.#servers = servers;
    clearTimeout(this.#timer);
    const wait = Math.max(expires - Date.now() / 1000 - MARGIN, SHORTEST);
    // A longer time would overflow the timer, and fire at once.
    this.#timer = setTimeout(() => this.#options.refresh(), Math.min(wait * 1000, 2 ** 31 - 1));
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}

function isWanted(url: string, policy: RTCIceTransportPolicy, protocols: readonly RelayProtocol[] | undefined): boolean {
  const protocol = relayProtocol(url);
  if (protocol === undefined) return policy === "all";
  return protocols?.includes(protocol) ?? true;
}

/** The protocol of a TURN address (RFC 7065 §3.1), undefined for a STUN address. */
export function relayProtocol(url: string): RelayProtocol | undefined {
  if (url.startsWith("turns:")) return "tls";
  if (!url.startsWith("turn:")) return undefined;
  return /[?&]transport=tcp\b/.test(url) ? "tcp" : "udp";
}

/**
 * The same servers with the one that a candidate of `url` came from last, and what is named with it. Browsers prefer candidates of the servers that
 * are named first, and leave a path for one of a newer generation only if that is preferred as much.
 */
export function putLast(servers: readonly RTCIceServer[], url: string): RTCIceServer[] {
  const isIt = (named: string) => named === url || url.startsWith(`${named}:`) || url.startsWith(`${named}?`);
  const sorted = servers.map((server) => ({ ...server, urls: [server.urls].flat().sort((one, other) => Number(isIt(one)) - Number(isIt(other))) }));
  return sorted.sort((one, other) => Number(one.urls.some(isIt)) - Number(other.urls.some(isIt)));
}
