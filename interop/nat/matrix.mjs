// Pairs of peers at sites of all types, one after the other in one laboratory, as a table.
import { Laboratory, isDirectOverTcp, punchTable } from "./laboratory.mjs";
import { SitePeer, connect } from "./pair.mjs";

/** NATs and firewalls that let in answers only, but where each destination sees the same address. */
const STEADY = ["firewall", "port-restricted", "cgnat", "shared-cgn", "nat64"];

/** Types whose hosts have IPv6 besides or alone. */
const WITH_IPV6 = ["firewall", "dual-stack", "ipv6-only", "nat64"];

/** What makes a pair's direct path: "udp", "predicted" ports, or "tcp". Undefined where there is none. */
export function directWay(pair, punch) {
  if (isUntranslated(pair)) return undefined;
  if (punch.isDirect(pair.a, pair.b)) return "udp";
  if (isPredicted(pair)) return "predicted";
  return isDirectOverTcp(pair) ? "tcp" : undefined;
}

/** Whether one is a browser behind a NAT64, and the other one has IPv4 only: browsers leave it to the system to translate its addresses (RFC 6877), and the laboratory's hosts don't. */
function isUntranslated({ a, b, peers }) {
  const isStuck = (type, stack, other) => type === "nat64" && stack !== "native" && !WITH_IPV6.includes(other);
  return isStuck(a, peers[0], b) || isStuck(b, peers[1], a);
}

/** Whether a direct path comes about because a native peer says which port a NAT has given, where that numbers them (RFC 5128 §3.4). */
function isPredicted({ a, b, peers }) {
  const predicts = (type, stack) => type === "sym-seq" && stack === "native";
  const [one, other] = [predicts(a, peers[0]), predicts(b, peers[1])];
  return (one && other) || (one && STEADY.includes(b)) || (other && STEADY.includes(a));
}

/** Whether two native peers that try harder find a direct path with many ports: one NAT has others for each destination, the other one hasn't. */
export function isSearched({ a, b, peers }) {
  const isOfEach = (type) => ["symmetric", "dual-stack"].includes(type);
  // Behind a NAT64 IPv4 isn't searched.
  const areOne = (one, other) => isOfEach(one) && other !== "nat64" && STEADY.includes(other);
  return peers.every((stack) => stack === "native") && (areOne(a, b) || areOne(b, a));
}

/** Of each type there are two sites: a pair may be of one type. */
const SIDES = ["a", "b"];
/** Types are gone through so many with so many: so each browser serves for several pairs. */
const BLOCK = 6;
/** How many browsers may be open. The one that was not used for the longest time is closed. */
const BROWSERS = 2 * BLOCK;

/** Milliseconds, one way, of each site's link. */
export const DELAY = 25;

export class Matrix {
  #peers = new Map();
  #sites = new Map();

  static async create() {
    const matrix = new Matrix();
    matrix.punch = punchTable();
    matrix.laboratory = await Laboratory.create();
    await matrix.laboratory.serve();
    return matrix;
  }

  /** Resolves with a row: the pair, what was expected of it, and what `connect` says. */
  async connect({ a, b, peers }) {
    const isDirect = directWay({ a, b, peers }, this.punch) !== undefined;
    const ends = [];
    for (const [index, type] of [a, b].entries()) ends.push(await this.#peer(SIDES[index], type, peers[index]));
    const result = await connect(...ends, { waitForDirect: isDirect });
    const isWell = result.connected && (!isDirect || Boolean(result.path?.startsWith("direct")));
    return { a, b, peers, isDirect, isWell, ...result };
  }

  async #site(side, type) {
    const name = `${side}-${type}`;
    if (!this.#sites.has(name)) this.#sites.set(name, await this.laboratory.site(name, type, { delay: DELAY }));
    return this.#sites.get(name);
  }

  async #peer(side, type, stack) {
    const name = `${stack}-${side}-${type}`;
    const peer = this.#peers.get(name) ?? new SitePeer(await this.#site(side, type), stack);
    // The last one is the one that was used last.
    this.#peers.delete(name);
    this.#peers.set(name, peer);
    const browsers = [...this.#peers].filter(([, { stack }]) => stack !== "native");
    for (const [name, peer] of browsers.slice(0, -BROWSERS)) {
      this.#peers.delete(name);
      await peer.end();
    }
    return peer;
  }

  async end() {
    await this.laboratory.end(...this.#peers.values());
  }
}

/** Every pair of these types. */
export function allPairs(types) {
  const blocks = [];
  for (let begin = 0; begin < types.length; begin += BLOCK) blocks.push(types.slice(begin, begin + BLOCK));
  return blocks.flatMap((some) => blocks.flatMap((others) => some.flatMap((a) => others.map((b) => ({ a, b })))));
}

/** A row's cell: where data goes, and how long the first message took. */
export function cell({ connected, path, time, isDirect, isWell, first, settled, isAgain }) {
  if (!connected) return "**no**";
  const then = first === path ? "" : `, direct at ${settled}`;
  const wrong = isDirect && !isWell ? "**, not direct**" : "";
  return `${path} ${time}${then}${wrong}${isAgain ? " †" : ""}`;
}
