// Two peers, each at a site of the laboratory: how they connect, and how long it takes.
import { Peer, STACKS } from "../peers/peer.mjs";
import { iceServers } from "./laboratory.mjs";

/** How long two peers may take until both have heard the other one, in milliseconds. */
const PATIENCE = Number(process.env.NAT_PATIENCE ?? 10_000);
/** How long a connection that began over a relay may take until it is direct, and the same where many ports are searched. */
const SETTLING = 10_000;
const SEARCHING = 20_000;
/** How often it is looked whether it is. */
const LOOK = 100;

const COMMANDS = {
  native: (site, triesHarder) => [...STACKS.peerline, "elsewhere", ...(triesHarder ? ["try-harder"] : []), ...(site.proxy ? [`proxy=http://${site.proxy}`] : [])],
  chromium: (site) => [...STACKS.chromium, ...(site.proxy ? [`--proxy-server=http://${site.proxy}`] : [])],
  firefox: () => STACKS.firefox,
};
export const STACK_NAMES = Object.keys(COMMANDS);

/** A peer of a stack at a site. A browser serves for one connection after the other. */
export class SitePeer {
  #peer;

  /** A native one may search a way with many ports. */
  constructor(site, stack, triesHarder = false) {
    this.site = site;
    this.stack = stack;
    this.triesHarder = triesHarder;
  }

  /** Without candidates, descriptions and statistics of the connection before. */
  begin(greeting) {
    const isKept = this.stack !== "native" && this.#peer && !this.#peer.isOver;
    if (!isKept) this.#peer = new Peer(`${this.stack} at ${this.site.name}`, COMMANDS[this.stack](this.site, this.triesHarder), this.site.namespace.enter());
    this.#peer.forget();
    this.#peer.do("configure", { servers: iceServers(this.site), trickle: true, greeting });
    return this.#peer;
  }

  /** The connection is over. A native peer has one for all its life. */
  async release() {
    if (this.stack === "native") await this.end();
  }

  async end() {
    await this.#peer?.end();
  }
}

/**
 * The offerer and the answerer connect. Resolves with
 * - `connected`, `error`
 * - `time`: milliseconds from when both have the other one's description until both have heard the other one's greeting
 * - `path`, where data goes in the end, and `first`, where it went then; with `waitForDirect` the end is when it is direct
 * - `settled`: milliseconds until `path`
 * - `candidates`: how many each side found; `checks`: of how many pairs each side tried
 */
export async function connect(offering, answering, { waitForDirect = false } = {}) {
  const settling = offering.triesHarder && answering.triesHarder ? SEARCHING : SETTLING;
  const greeting = `hello ${Math.random()}`;
  const ends = [offering, answering].map((end) => end.begin(greeting));
  const [offerer, answerer] = ends;
  const result = { connected: false, candidates: [0, 0] };
  let isOver = false;
  /** Hands on all candidates of one side. */
  const trickle = async (from, to, side) => {
    while (!isOver) {
      const candidate = await from.next("candidate", undefined, Infinity);
      if (candidate.candidate) result.candidates[side] += 1;
      if (!isOver) to.do("candidate", candidate);
    }
  };
  const tell = ({ type, sdp }, to) => to.do("describe", { type, sdp });
  const hear = () => Promise.all(ends.map((end) => end.next("text", ({ text }) => text === greeting, PATIENCE)));
  try {
    offerer.do("offer");
    tell(await offerer.next("description"), answerer);
    // Once the other side has the description that they belong to.
    trickle(offerer, answerer, 0).catch(() => undefined);
    const answer = await answerer.next("description");
    const begin = performance.now();
    const elapsed = () => Math.round(performance.now() - begin);
    tell(answer, offerer);
    trickle(answerer, offerer, 1).catch(() => undefined);
    await hear();
    result.time = elapsed();
    result.connected = true;
    for (;;) {
      Object.assign(result, measure(await Promise.all(ends.map(statistics))));
      result.first ??= result.path;
      result.settled = elapsed();
      const isFine = result.path && (!waitForDirect || result.path.startsWith("direct"));
      if (isFine || result.settled - result.time > settling) break;
      await new Promise((resolve) => setTimeout(resolve, LOOK));
      // Some only leave a path when data comes over another one.
      for (const end of ends) end.do("send", { text: greeting });
      await hear();
    }
  } catch (error) {
    result.error = error.message;
  }
  isOver = true;
  await Promise.all([offering, answering].map((end) => end.release()));
  return result;
}

function measure(stats) {
  const pairs = stats.map(selectedPair);
  const isTried = ({ requestsSent, requestsReceived }) => requestsSent > 0 || requestsReceived > 0;
  const checks = stats.map((each) => of(each, "candidate-pair").filter(isTried).length);
  return { pairs, checks, path: pathOf(pairs) };
}

async function statistics(peer) {
  peer.do("stats");
  return (await peer.next("stats", undefined, PATIENCE)).stats;
}

const of = (stats, type) => Object.values(stats).filter((each) => each.type === type);

/** The two candidates that data goes between, from `getStats`. */
function selectedPair(stats) {
  const [transport] = of(stats, "transport");
  const pair = stats[transport?.selectedCandidatePairId];
  if (!pair) return undefined;
  return { local: stats[pair.localCandidateId], remote: stats[pair.remoteCandidateId] };
}

/** `direct udp`, `direct tcp`, or `relay` and how each side reaches its one, if it has one. */
function pathOf(pairs) {
  if (pairs.some((pair) => !pair)) return undefined;
  const relays = pairs.map(({ local }) => (local.candidateType === "relay" ? local.relayProtocol : "-"));
  const isRelayed = pairs.some(({ local, remote }) => [local, remote].some(({ candidateType }) => candidateType === "relay"));
  if (isRelayed) return `relay ${relays.join(" ")}`;
  const isIpv6 = pairs.some(({ local, remote }) => [local, remote].some(({ address }) => address?.includes(":")));
  return `direct ${pairs[0].local.protocol}${isIpv6 ? " IPv6" : ""}`;
}
