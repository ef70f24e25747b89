// Another program as a peer: commands in, events out. See README.md.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** How long a peer may take for what it was asked, in milliseconds. */
const PATIENCE = Number(process.env.INTEROP_PATIENCE ?? 300_000);
const here = (path) => new URL(path, import.meta.url).pathname;

/** Command lines, by the name of the stack. */
export const STACKS = {
  peerline: [process.env.PEERLINE_PEER ?? here("../../target/debug/examples/interop_peer")],
  chromium: ["node", here("browser/peer.mjs"), "chromium"],
  firefox: ["node", here("browser/peer.mjs"), "firefox"],
  aiortc: [here("aiortc/.environment/bin/python"), here("aiortc/peer.py")],
  werift: ["node", here("werift/peer.mjs")],
  pion: [here("pion/.build/peer")],
};

export class Peer {
  #process;
  #events = [];
  #waiting = [];
  #over;
  #failed;

  /** `within`: what goes before the program, to run it somewhere else. */
  constructor(stack, command = STACKS[stack], within = []) {
    const [program, ...args] = [...within, ...command];
    this.stack = stack;
    this.#process = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.#process.on("error", (error) => this.#end(`${stack} does not start: ${error.message}`));
    this.#process.on("exit", (code, signal) => this.#end(`${stack} ended (${code ?? signal})`));
    this.#process.stdin.on("error", () => {});
    createInterface({ input: this.#process.stdout }).on("line", (line) => this.#take(JSON.parse(line)));
  }

  do(command, details = {}) {
    this.#process.stdin.write(JSON.stringify({ do: command, ...details }) + "\n");
  }

  get isOver() {
    return this.#over !== undefined;
  }

  /** Events and errors that came until now count no more, nor does who waits for one. */
  forget() {
    this.#events = [];
    this.#failed = undefined;
    this.#fail(new Error(`${this.stack} was told to forget`));
  }

  /** The next event of this kind that nobody has waited for yet. An error of the peer is thrown. */
  next(is, matches = () => true, patience = PATIENCE) {
    if (this.#failed) return Promise.reject(this.#failed);
    const found = this.#events.findIndex((event) => event.is === is && matches(event));
    if (found >= 0) return Promise.resolve(this.#events.splice(found, 1)[0]);
    if (this.#over) return Promise.reject(new Error(this.#over));
    return new Promise((resolve, reject) => {
      const waiting = { is, matches, resolve, reject };
      const late = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(new Error(`${this.stack}: no "${is}" after ${patience / 1000} s; it said ${JSON.stringify(this.#events)}`));
      };
      if (patience < Infinity) waiting.timer = setTimeout(late, patience);
      this.#waiting.push(waiting);
    });
  }

  async end() {
    if (this.#over) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.do("end");
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), 5000);
    await ended;
    clearTimeout(timer);
  }

  #take(event) {
    if (event.is === "error") {
      this.#failed = new Error(`${this.stack}: ${event.message}`);
      console.error(this.#failed.message);
      this.#fail(this.#failed);
      return;
    }
    const index = this.#waiting.findIndex(({ is, matches }) => is === event.is && matches(event));
    if (index < 0) {
      this.#events.push(event);
      return;
    }
    const [waiting] = this.#waiting.splice(index, 1);
    clearTimeout(waiting.timer);
    waiting.resolve(event);
  }

  #end(why) {
    this.#over ??= why;
    this.#fail(new Error(why));
  }

  #fail(error) {
    for (const { timer, reject } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      reject(error);
    }
  }
}

/** One offer and its answer. */
export async function negotiate(offerer, answerer, details = {}) {
  const tell = ({ type, sdp }, to) => to.do("describe", { type, sdp });
  offerer.do("offer", details);
  tell(await offerer.next("description"), answerer);
  tell(await answerer.next("description"), offerer);
}
