// A command of the program that meets browsers, run as a person runs it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { BINARY } from "./peerline.mjs";

/** How long a person waits at most, in milliseconds. */
const PATIENCE = 90_000;

/** The lines of a stream, and who waits for one of them. */
class Lines {
  #seen = [];
  #waiting = new Set();

  constructor(stream) {
    createInterface({ input: stream }).on("line", (line) => {
      this.#seen.push(line);
      for (const look of this.#waiting) look();
    });
  }

  /** Resolves with the first line that has `part` in it, of those that came and those that will. */
  async find(part) {
    const line = () => this.#seen.find((seen) => seen.includes(part));
    return await new Promise((resolve, reject) => {
      const done = (end) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        end();
      };
      const look = () => line() !== undefined && done(() => resolve(line()));
      const missing = () => reject(new Error(`no line with “${part}” in ${JSON.stringify(this.#seen)}`));
      const timer = setTimeout(() => done(missing), PATIENCE);
      this.#waiting.add(look);
      look();
    });
  }
}

export class Terminal {
  #process;
  #exited;

  /** `within`: what goes before the program, to run it somewhere else. */
  constructor(server, name, args, within = []) {
    const env = { ...process.env, PEERLINE_SERVER: server.url, PEERLINE_DATA_DIR: server.directory, PEERLINE_NAME: name };
    const [command, ...rest] = [...within, BINARY, ...args];
    this.#process = spawn(command, rest, { stdio: "pipe", env });
    this.#exited = once(this.#process, "exit");
    // Who writes to a program that has ended learns that from what it doesn't say.
    this.#process.stdin.on("error", () => undefined);
    this.output = new Lines(this.#process.stdout);
    this.notes = new Lines(this.#process.stderr);
  }

  write(line) {
    this.#process.stdin.write(`${line}\n`);
  }

  /** Ends its input; resolves with its exit status. */
  async end() {
    this.#process.stdin.end();
    return await this.exit();
  }

  /** Resolves with its exit status. */
  async exit() {
    return (await this.#exited)[0];
  }

  /** As a machine that loses its power does it. Resolves when it is over. */
  async kill() {
    this.#process.kill("SIGKILL");
    await this.#exited;
  }
}
