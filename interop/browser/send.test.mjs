// Files between the command line and a browser, both ways, and on after either program was killed. BYTES=2147483648 for 2 GiB.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { after, before, test } from "node:test";
import { chromium } from "./browsers.mjs";
import { FilesPage, Fixture, PATIENCE } from "./files-page.mjs";
import { Server } from "../peerline.mjs";
import { Terminal } from "../terminal.mjs";

const MIB = 1 << 20;
const FILM = Number(process.env.BYTES ?? 128 * MIB);
/** Those that a page makes. */
const CHUNKS = Math.ceil(FILM / (128 << 10));

let server;
let browser;
let fixture;
const rows = [];
before(async () => {
  [server, browser, fixture] = await Promise.all([
    Server.start(),
    chromium(),
    Fixture.create({ "film.mkv": FILM, "folder/one.txt": 100, "folder/deep/two.txt": 0 }),
  ]);
});
after(async () => {
  console.table(rows);
  await Promise.all([server?.stop(), browser?.close(), fixture?.remove()]);
});

/** Somebody whose Chromium keeps what it has when it is killed. */
class Person {
  #directory;
  #name;
  #browser;
  #began = performance.now();
  #memory = 0;

  constructor(directory, name) {
    this.#directory = fixture.path(directory);
    this.#name = name;
  }

  static async open(directory, name, url) {
    const person = new Person(directory, name);
    await person.reopen(url);
    return person;
  }

  /** Starts the browser, again with the same profile, and opens `url`. */
  async reopen(url) {
    this.#browser = await chromium([], this.#directory);
    this.page = await FilesPage.open(this.#browser, url, this.#name, this.#browser.defaultBrowserContext());
  }

  /** As a machine that loses its power does it. */
  async kill() {
    await this.#lookAtMemory();
    const exit = once(this.#browser.process(), "exit");
    this.#browser.process().kill("SIGKILL");
    await exit;
  }

  /** Adds a line to the table: how long it took with all that was started again, and the most that a page ever held. */
  async close(what) {
    const seconds = Math.round((performance.now() - this.#began) / 100) / 10;
    this.page.hadNoProblems();
    await this.#lookAtMemory();
    rows.push({ what, bytes: FILM, seconds, "page's peak memory, MiB": Math.round(this.#memory / MIB) });
    await this.#browser.close();
  }

  async #lookAtMemory() {
    this.#memory = Math.max(this.#memory, await peakMemory(this.#browser.process().pid));
  }
}

/** Bytes that the largest of a Chromium's pages had in memory at most. */
async function peakMemory(browser) {
  let peak = 0;
  const parents = new Map();
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const read = (file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
    const status = await read("status");
    parents.set(pid, /^PPid:\t(\d+)$/m.exec(status)?.[1]);
    if (!(await read("cmdline")).includes("--type=renderer")) continue;
    let ancestor = pid;
    while (ancestor !== undefined && ancestor !== String(browser)) ancestor = parents.get(ancestor);
    if (ancestor !== undefined) peak = Math.max(peak, 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0));
  }
  return peak;
}

/** `recv` into a directory of the fixture's. */
function recv(place, directory) {
  return new Terminal(server, "Grace", ["recv", place, "--to", fixture.path(directory), "--yes", "--json"]);
}

async function digestOf(path) {
  const hash = createHash("sha256");
  for await (const content of createReadStream(fixture.path(path))) hash.update(content);
  return hash.digest("hex");
}

/** The note of this name that a program with `--json` tells. */
async function note(terminal, name) {
  return JSON.parse(await terminal.output.find(`"note":"${name}"`));
}

/** Resolves when so many chunks of a file have been written. */
async function chunksOf(path, chunks) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const { size } = await stat(fixture.path(`${path}.peerline-state`)).catch(() => ({ size: 0 }));
    if (size >= 24 + 40 * chunks) return;
    assert.ok(Date.now() < deadline, `${path} does not come`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("a program sends: the page of its code's link accepts, and goes on when the program, and then the browser, was killed and started again", async () => {
  const first = new Terminal(server, "Ada", ["send", fixture.path("film.mkv"), "--json"]);
  const { code, link } = await note(first, "code");
  const person = await Person.open("grace", "Grace", link);
  await person.page.join();
  await person.page.filesSay("Ada wants to send you film.mkv");
  await person.page.press("Accept");
  await person.page.progressOf("film.mkv", 20);
  await first.kill();
  const again = new Terminal(server, "Ada", ["send", fixture.path("film.mkv"), "--to", code, "--json"]);
  // Nobody presses anything: it is accepted already.
  await person.page.progressOf("film.mkv", 50);
  await person.kill();
  await person.reopen(link);
  const downloads = fixture.path("downloads");
  await mkdir(downloads);
  const downloaded = await person.page.downloadInto(downloads);
  await person.page.join();
  await person.page.progressOf("film.mkv", 100);
  const { bytes, resumed } = await note(again, "completed");
  assert.equal(bytes, FILM);
  assert.ok(resumed >= 0.4 * FILM && resumed < FILM, `${resumed} bytes were not sent again`);
  assert.equal(await again.end(), 0);
  await downloaded();
  assert.equal(await digestOf("downloads/film.mkv"), fixture.digests["film.mkv"]);
  await rm(downloads, { recursive: true });
  await person.close("program to browser");
});

test("a page sends: a program takes it, and goes on when it, and then the browser, was killed and started again", async () => {
  const person = await Person.open("ada", "Ada", server.url);
  const link = await person.page.newCall();
  const first = recv(link, "received");
  await person.page.connectedTo("Grace");
  await person.page.sendFiles([fixture.path("film.mkv")]);
  await chunksOf("received/film.mkv", 0.2 * CHUNKS);
  await first.kill();
  const again = recv(link, "received");
  await chunksOf("received/film.mkv", 0.5 * CHUNKS);
  await person.kill();
  await person.reopen(link);
  await person.page.join();
  await person.page.connectedTo("Grace");
  // The page has lost the file: it is chosen again.
  await person.page.sendFiles([fixture.path("film.mkv")]);
  await person.page.filesSay("Grace has it.");
  const { bytes, resumed } = await note(again, "completed");
  assert.equal(bytes, FILM);
  assert.ok(resumed >= 0.4 * FILM && resumed < FILM, `${resumed} bytes were not sent again`);
  assert.equal(await again.end(), 0);
  assert.equal(await digestOf("received/film.mkv"), fixture.digests["film.mkv"]);
  await person.close("browser to program");
});

test("a folder goes both ways, and a page's no is the program's end", async () => {
  const ada = await FilesPage.open(browser, server.url, "Ada");
  const link = await ada.newCall();
  const receiver = recv(link, "there");
  await ada.connectedTo("Grace");
  await ada.sendFiles([fixture.path("folder")], "Choose a folder");
  assert.equal((await note(receiver, "completed")).files, 2);
  assert.equal(await receiver.end(), 0);
  for (const path of ["folder/one.txt", "folder/deep/two.txt"]) {
    assert.equal(await digestOf(`there/${path}`), fixture.digests[path]);
  }
  await ada.press("Close folder");

  for (const [answer, status] of [["Decline", 4], ["Accept", 0]]) {
    const sender = new Terminal(server, "Grace", ["send", fixture.path("there/folder"), "--to", link]);
    await ada.filesSay("Grace wants to send you folder (2 files)");
    await ada.press(answer);
    assert.equal(await sender.exit(), status);
    if (answer === "Decline") await ada.press("Close folder");
  }
  assert.deepEqual(await ada.saveIntoFolder(), {
    "folder/one.txt": fixture.digests["folder/one.txt"],
    "folder/deep/two.txt": fixture.digests["folder/deep/two.txt"],
  });
  ada.hadNoProblems();
  await ada.page.close();
});
