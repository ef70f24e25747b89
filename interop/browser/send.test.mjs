// Files between the command line and a browser, both ways, and on after either program was killed.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { after, before, test } from "node:test";
import { chromium } from "./browsers.mjs";
import { FilesPage, Fixture } from "./files-page.mjs";
import { Server } from "../peerline.mjs";
import { Terminal } from "../terminal.mjs";

const CHUNK = 1 << 20;
const FILM = 128 * CHUNK;

let server;
let browser;
let fixture;
before(async () => {
  [server, browser, fixture] = await Promise.all([
    Server.start(),
    chromium(),
    Fixture.create({ "song.flac": 20 * CHUNK + 5, "film.mkv": FILM, "folder/one.txt": 100, "folder/deep/two.txt": 0 }),
  ]);
});
after(() => Promise.all([server?.stop(), browser?.close(), fixture?.remove()]));

/** `recv` into a directory of the fixture's. */
function recv(place, directory) {
  return new Terminal(server, "Grace", ["recv", place, "--to", fixture.path(directory), "--yes", "--json"]);
}

async function digestOf(path) {
  return createHash("sha256").update(await readFile(fixture.path(path))).digest("hex");
}

/** The note of this name that a program with `--json` tells. */
async function note(terminal, name) {
  return JSON.parse(await terminal.output.find(`"note":"${name}"`));
}

/** Resolves when so many chunks of a file have been written. */
async function chunksOf(path, chunks) {
  const deadline = Date.now() + 120_000;
  for (;;) {
    const { size } = await stat(fixture.path(`${path}.peerline-state`)).catch(() => ({ size: 0 }));
    if (size >= 24 + 40 * chunks) return;
    assert.ok(Date.now() < deadline, `${path} does not come`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("a program sends: the page of its code's link accepts, and goes on when the program was killed and started again", async () => {
  const first = new Terminal(server, "Ada", ["send", fixture.path("film.mkv"), "--json"]);
  const { code, link } = await note(first, "code");
  const grace = await FilesPage.open(browser, link, "Grace");
  await grace.join();
  await grace.filesSay("Ada wants to send you film.mkv");
  await grace.press("Accept");
  await grace.progressOf("film.mkv", 10);
  await first.kill();
  const again = new Terminal(server, "Ada", ["send", fixture.path("film.mkv"), "--to", code, "--json"]);
  // Nobody presses anything: it is accepted already.
  await grace.progressOf("film.mkv", 100);
  const { bytes, resumed } = await note(again, "completed");
  assert.equal(bytes, FILM);
  assert.ok(resumed >= CHUNK && resumed < FILM, `${resumed} bytes were not sent again`);
  assert.equal(await again.end(), 0);
  assert.equal(await grace.savedDigest(), fixture.digests["film.mkv"]);
  grace.hadNoProblems();
  await grace.page.close();
});

test("a page sends: a program takes it, and goes on when it was killed and started again", async () => {
  const ada = await FilesPage.open(browser, server.url, "Ada");
  const link = await ada.newCall();
  const first = recv(link, "received");
  await ada.connectedTo("Grace");
  await ada.sendFiles([fixture.path("film.mkv")]);
  await chunksOf("received/film.mkv", 8);
  await first.kill();
  const again = recv(link, "received");
  const { bytes, resumed } = await note(again, "completed");
  assert.equal(bytes, FILM);
  assert.ok(resumed >= 8 * CHUNK && resumed < FILM, `${resumed} bytes were not sent again`);
  assert.equal(await again.end(), 0);
  await ada.filesSay("Grace has it.");
  assert.equal(await digestOf("received/film.mkv"), fixture.digests["film.mkv"]);
  ada.hadNoProblems();
  await ada.page.close();
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
