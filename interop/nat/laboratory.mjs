// A small internet between network namespaces: a server that all reach, and sites behind NATs and firewalls of all types.
// What the types are, and what can be asked of it, stands in ../../docs/nat-laboratory.md.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Namespace } from "../native/namespaces.mjs";
import { BINARY } from "../peerline.mjs";

const here = (path) => new URL(path, import.meta.url).pathname;
const LABORATORY = process.env.NAT_LABORATORY ?? here("../../target/debug/nat-laboratory");
const PROXY_PORT = 3128;
/** Where the DNS server of networks with a NAT64 is. */
const RESOLVER = "2001:db8::11";
/** Before a program that would go on when we are killed. */
export const WITH_US = ["setpriv", "--pdeathsig", "KILL"];

/** All types, and which pairs of them have a direct path over UDP. */
export function punchTable() {
  const { types, direct } = JSON.parse(execFileSync(LABORATORY, ["punch"], { encoding: "utf8" }));
  return { types, isDirect: (a, b) => direct[types.indexOf(a)]?.[types.indexOf(b)] ?? false };
}

export class Laboratory {
  #process;
  #answers = [];
  #sites = [];
  #programs = [];
  #resolving;

  static async create() {
    const laboratory = new Laboratory();
    laboratory.public = await Namespace.create();
    const [command, ...args] = [...laboratory.public.enter(), LABORATORY];
    const program = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    laboratory.#process = program;
    createInterface({ input: program.stdout }).on("line", (line) => laboratory.#answers.shift().resolve(JSON.parse(line)));
    program.on("exit", (code) => {
      for (const { reject } of laboratory.#answers.splice(0)) reject(new Error(`the laboratory ended (${code})`));
    });
    program.stdin.on("error", () => undefined);
    await laboratory.tell("server", { process: laboratory.public.pid });
    return laboratory;
  }

  /** Does one of the commands; resolves with its answer. */
  async tell(command, details = {}) {
    if (this.#process.exitCode !== null) throw new Error("the laboratory has ended");
    const answer = new Promise((resolve, reject) => this.#answers.push({ resolve, reject }));
    this.#process.stdin.write(JSON.stringify({ do: command, ...details }) + "\n");
    const said = await answer;
    if (said.is === "error") throw new Error(`laboratory: ${command} ${JSON.stringify(details)}: ${said.message}`);
    return said;
  }

  /** A host behind what the type says. `quality` is that of its link: `{ delay, loss, rate }`. It may be in a namespace that there is. */
  async site(name, type, quality, within) {
    const resolver = type === "nat64" ? await this.#resolver() : undefined;
    const namespace = within ?? (await Namespace.create(this.public, resolver));
    const proxy = type === "proxy" ? await Namespace.create(this.public) : undefined;
    const { addresses } = await this.tell("site", { name, type, process: namespace.pid, proxy: proxy?.pid });
    const site = { name, type, addresses, namespace };
    this.#sites.push(...[namespace, proxy].filter(Boolean));
    if (quality) await this.tell("shape", { site: name, quality });
    if (proxy) {
      // The proxy's address is the next one after the host's.
      site.proxy = `${addresses[0].replace(/\d+$/, (last) => Number(last) + 1)}:${PROXY_PORT}`;
      await this.run(proxy, "node", here("proxy.mjs"), String(PROXY_PORT));
    }
    return site;
  }

  /** Another way out for a site's host, by an interface of its own: it is taken when those made before are not there. */
  async uplink({ namespace }, name, type, quality) {
    await this.tell("site", { name, type, process: namespace.pid, interface: "wwan0" });
    if (quality) await this.tell("shape", { site: name, quality });
  }

  /** The address of a DNS server that knows the NAT64's prefix. */
  async #resolver() {
    this.#resolving ??= this.run(this.public, "node", here("resolver.mjs"), RESOLVER);
    await this.#resolving;
    return RESOLVER;
  }

  /** `peerline serve`, at the addresses of the public network: two of each version of IP, as behaviour discovery needs them. */
  async serve() {
    this.directory = await mkdtemp(join(tmpdir(), "peerline-nat-"));
    await this.run(
      this.public,
      ...[BINARY, "serve", "--listen", "443", "--stun-listen", "0.0.0.0:3478", "--stun-listen", "[::]:3478"],
      ...["--turn-user", `${USER}:${PASSWORD}`],
      // Documentation's addresses, which nobody has outside of laboratories.
      ...["203.0.113.0/24", "198.51.100.0/24", "2001:db8::/32"].flatMap((network) => ["--relay-allow", network]),
      ...["--data-dir", this.directory],
    );
  }

  /** Starts a program in a namespace; resolves when it says that it is ready. */
  async run(namespace, ...program) {
    const [command, ...args] = [...namespace.enter(), ...WITH_US, ...program];
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#programs.push(child);
    let told = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (told += text));
    const ready = new Promise((resolve) => {
      child.stdout.setEncoding("utf8").on("data", (text) => {
        told += text;
        if (/^\s*ready$/m.test(told)) resolve(true);
      });
    });
    const isReady = await Promise.race([ready, once(child, "exit").then(() => false)]);
    if (!isReady) throw new Error(`${program.join(" ")} ended: ${told}`);
    return child;
  }

  /** Ends everything: first the `peers` in it, whatever becomes of that. */
  async end(...peers) {
    await Promise.allSettled(peers.map((peer) => peer?.end()));
    for (const child of this.#programs) child.kill("SIGKILL");
    const ended = this.#process.exitCode === null ? once(this.#process, "exit") : undefined;
    this.#process.stdin.end();
    await ended;
    for (const namespace of [...this.#sites, this.public]) namespace.remove();
    if (this.directory) await rm(this.directory, { recursive: true, force: true });
  }
}

export const SERVER = { ipv4: "198.51.100.10", ipv6: "2001:db8::10" };
const [USER, PASSWORD] = ["laboratory", "laboratory"];

/**
 * Whether a pair that has no UDP has a direct path over TCP (RFC 6544): one side gets out by TCP to any port, and the other one is
 * reached by anybody and accepts connections, which browsers don't.
 */
export function isDirectOverTcp({ a, b, peers: [offerer, answerer] }) {
  const opens = (from, to, stack) => from === "udp-blocked" && to === "none" && stack === "native";
  return opens(a, b, answerer) || opens(b, a, offerer);
}

/** The W3C's `RTCIceServer`s, as the server names itself to participants: those that a host with such addresses reaches. */
export function iceServers({ addresses, type }) {
  const hosts = [];
  if (type === "nat64" || addresses.some((address) => !address.includes(":"))) hosts.push(SERVER.ipv4);
  if (addresses.some((address) => address.includes(":"))) hosts.push(`[${SERVER.ipv6}]`);
  const turn = (host) => [`turn:${host}:3478?transport=udp`, `turn:${host}:443?transport=tcp`, `turns:${host}:443?transport=tcp`];
  return [
    { urls: hosts.map((host) => `stun:${host}:3478`) },
    { urls: hosts.flatMap(turn), username: USER, credential: PASSWORD },
  ];
}
