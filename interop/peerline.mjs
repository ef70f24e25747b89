// Starts and stops `peerline serve` for a test, on ports of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSocket } from "node:dgram";
import { createServer } from "node:net";

export const BINARY = process.env.PEERLINE ?? new URL("../target/debug/peerline", import.meta.url).pathname;

/** A port that is free for TCP and UDP at this moment. */
async function freePort() {
  for (;;) {
    const tcp = createServer().listen(0, "0.0.0.0");
    await once(tcp, "listening");
    const { port } = tcp.address();
    const udp = createSocket("udp4");
    const free = await new Promise((resolve) => {
      udp.once("error", () => resolve(false));
      udp.bind(port, () => resolve(true));
    });
    if (free) await new Promise((resolve) => udp.close(resolve));
    await new Promise((resolve) => tcp.close(resolve));
    if (free) return port;
  }
}

export class Server {
  #process;
  #arguments;

  constructor(port, stunPort, directory, args) {
    this.port = port;
    this.stunPort = stunPort;
    this.directory = directory;
    this.#arguments = args;
    this.log = "";
  }

  /** `flags` are added to the command line; `hosts` are the addresses that it listens on: all for
   * STUN and TURN over UDP, the first one for TCP. */
  static async start(flags = [], hosts = ["0.0.0.0"]) {
    const [port, stunPort] = [await freePort(), await freePort()];
    const directory = await mkdtemp(join(tmpdir(), "peerline-test-"));
    const server = new Server(port, stunPort, directory, [
      "serve",
      ...["--listen", `${hosts[0]}:${port}`, "--data-dir", directory],
      ...hosts.flatMap((host) => ["--stun-listen", `${host}:${stunPort}`]),
      ...flags,
    ]);
    await server.start();
    return server;
  }

  get url() {
    return `http://localhost:${this.port}`;
  }

  /** Starts the program, on the same ports and data directory as before, and waits until it answers. */
  async start() {
    this.#process = spawn(BINARY, this.#arguments, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.log += text));
    }
    const deadline = Date.now() + 15_000;
    while (Date.now() < deadline) {
      if (this.#process.exitCode !== null) throw new Error(`peerline serve ended:\n${this.log}`);
      try {
        const response = await fetch(`${this.url}/healthz`);
        if (response.ok) return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    throw new Error(`peerline serve did not answer:\n${this.log}`);
  }

  get pid() {
    return this.#process.pid;
  }

  async kill(signal) {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, "exit");
    this.#process.kill(signal);
    await exit;
  }

  async metrics() {
    return await (await fetch(`${this.url}/metrics`)).text();
  }

  async stop() {
    await this.kill("SIGKILL");
    await rm(this.directory, { recursive: true, force: true });
  }
}
