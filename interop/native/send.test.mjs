// A file from one network namespace to another, whole and with either program killed in between. BYTES=2147483648 for 2 GiB.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { BINARY } from "../peerline.mjs";
import { Terminal } from "../terminal.mjs";
import { Namespace } from "./namespaces.mjs";

const CHUNK = 1 << 20;
const BYTES = Number(process.env.BYTES ?? 64 * CHUNK);
/** Chunks after which a program is killed: about a third. */
const KILLED_AFTER = Math.floor(BYTES / CHUNK / 3);

const rows = [];
let directory;
let film;
let digest;
let left;
let right;
let server;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "peerline-send-"));
  film = join(directory, "film.mkv");
  const file = await open(film, "w");
  const hash = createHash("sha256");
  for (let written = 0; written < BYTES; written += CHUNK) {
    const content = randomBytes(Math.min(CHUNK, BYTES - written));
    hash.update(content);
    await file.write(content);
  }
  await file.close();
  digest = hash.digest("hex");

  left = await Namespace.create();
  right = await Namespace.create(left);
  left.connect("192.0.2.1/24", right, "192.0.2.2/24");
  server = await serve();
});
after(async () => {
  console.table(rows);
  server?.kill("SIGKILL");
  left?.remove();
  right?.remove();
  if (directory) await rm(directory, { recursive: true, force: true });
});

/** `peerline serve` in the left namespace. */
async function serve() {
  const [command, ...args] = [...left.enter(), BINARY, "serve", "--listen", "192.0.2.1:8443", "--stun-listen", "192.0.2.1:3478"];
  const child = spawn(command, [...args, "--data-dir", join(directory, "server")], { stdio: ["ignore", "pipe", "ignore"] });
  let told = "";
  for await (const text of child.stdout.setEncoding("utf8")) {
    told += text;
    if (told.includes("\n  ready\n")) return child;
  }
  throw new Error(`the server ended: ${told}`);
}

/** A command in a namespace. */
function run(namespace, user, ...args) {
  const place = { url: "https://192.0.2.1:8443", directory: join(directory, user) };
  return new Terminal(place, user, [...args, "--trust", "any", "--json"], namespace.enter());
}

const send = (...to) => run(left, "ada", "send", film, ...to);
const recv = (code, to) => run(right, "grace", "recv", code, "--to", join(directory, to), "--yes");
const note = async (terminal, name) => JSON.parse(await terminal.output.find(`"note":"${name}"`));

/** Resolves when a third has been written. */
async function aThird(to) {
  for (;;) {
    const state = await stat(join(directory, to, "film.mkv.peerline-state")).catch(() => undefined);
    if (state && state.size >= 24 + 40 * KILLED_AFTER) return;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Waits for the end, looks at the file, and adds a line to the table. */
async function finish(what, sender, receiver, to) {
  const began = performance.now();
  const [sent, received] = await Promise.all([sender, receiver].map((terminal) => note(terminal, "completed")));
  const seconds = Math.round((performance.now() - began) / 100) / 10;
  rows.push({ what, bytes: received.bytes, "sent in the end": received.bytes - received.resumed, seconds });
  assert.deepEqual([await sender.exit(), await receiver.exit()], [0, 0]);
  assert.equal(sent.resumed, received.resumed);
  const hash = createHash("sha256");
  for await (const content of createReadStream(join(directory, to, "film.mkv"))) hash.update(content);
  assert.equal(hash.digest("hex"), digest);
  await rm(join(directory, to), { recursive: true });
  return received.resumed;
}

test("whole", async () => {
  const sender = send();
  const { code } = await note(sender, "code");
  await finish("whole", sender, recv(code, "whole"), "whole");
});

test("the receiver is killed and started again, with a bit flipped on its disk in between", async () => {
  const sender = send();
  const { code } = await note(sender, "code");
  const first = recv(code, "killed");
  await aThird("killed");
  await first.kill();
  const written = ((await stat(join(directory, "killed/film.mkv.peerline-state"))).size - 24) / 40;
  const part = await open(join(directory, "killed/film.mkv.peerline-part"), "r+");
  const { buffer } = await part.read(Buffer.alloc(1), 0, 1, 3 * CHUNK);
  await part.write(Buffer.of(buffer[0] ^ 1), 0, 1, 3 * CHUNK);
  await part.close();
  const resumed = await finish("receiver killed, a bit flipped", sender, recv(code, "killed"), "killed");
  assert.equal(resumed, (Math.floor(written) - 1) * CHUNK, "one chunk is fetched again");
});

test("the sender is killed and started again", async () => {
  const first = send();
  const { code } = await note(first, "code");
  const receiver = recv(code, "sender");
  await aThird("sender");
  await first.kill();
  const resumed = await finish("sender killed", send("--to", code), receiver, "sender");
  assert.ok(resumed >= KILLED_AFTER * CHUNK && resumed < BYTES);
});
