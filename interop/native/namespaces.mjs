// Network namespaces of a test's own, joined by a cable: programs in them reach each other and nothing else.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whoever is not root becomes it in a user namespace. */
const isRoot = process.getuid() === 0;

export class Namespace {
  #holder;
  #mount = [];

  /** That of this process, which was started in one of its own (`unshare --net`). */
  static here() {
    const namespace = new Namespace();
    namespace.#holder = process;
    namespace.run("ip", "link", "set", "lo", "up");
    return namespace;
  }

  /**
   * `beside`: a namespace whose owner owns this one, too. `resolver`: the address of the DNS server that programs in it ask,
   * instead of the machine's.
   */
  static async create(beside, resolver) {
    const first = isRoot || beside ? [] : ["--user", "--map-root-user"];
    const mount = resolver ? ["--mount"] : [];
    const [command, ...args] = [...(beside?.enter() ?? []), "unshare", ...first, "--net", ...mount, "cat"];
    const holder = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    // Where it could not start, its silence says so.
    holder.stdin.on("error", () => undefined);
    holder.stdin.write("here\n");
    const [said] = await Promise.race([once(holder.stdout, "data"), once(holder, "exit").then(() => [])]);
    if (!said) throw new Error("network namespaces can't be made here: run this as root, or allow user namespaces");
    const namespace = new Namespace();
    namespace.#holder = holder;
    namespace.run("ip", "link", "set", "lo", "up");
    if (resolver) namespace.#resolve(resolver);
    return namespace;
  }

  /** Its programs see another file of the names' servers. */
  #resolve(resolver) {
    this.#mount = ["--mount", `--wd=${process.cwd()}`];
    const directory = mkdtempSync(join(tmpdir(), "peerline-resolver-"));
    const file = join(directory, "resolv.conf");
    writeFileSync(file, `nameserver ${resolver}\n`);
    this.run("mount", "--bind", file, "/etc/resolv.conf");
    // The mount keeps the file.
    rmSync(directory, { recursive: true });
  }

  get pid() {
    return this.#holder.pid;
  }

  /** What goes before a command that is to run here. */
  enter() {
    if (this.#holder === process) return [];
    return ["nsenter", "--target", String(this.pid), ...(isRoot ? [] : ["--user", "--preserve-credentials"]), "--net", ...this.#mount];
  }

  run(...command) {
    const [program, ...args] = [...this.enter(), ...command];
    execFileSync(program, args);
  }

  /** Joins this one (`address`) with another one (`theirs`); both in CIDR notation. */
  connect(address, other, theirs) {
    this.run("ip", "link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", String(other.pid));
    for (const [namespace, own] of [[this, address], [other, theirs]]) {
      namespace.run("ip", "address", "add", own, "dev", "cable");
      namespace.run("ip", "link", "set", "cable", "up");
    }
  }

  /** Programs in it have to end first. */
  remove() {
    if (this.#holder !== process) this.#holder.kill("SIGKILL");
  }
}
