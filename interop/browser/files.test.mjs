// Files between two browsers: offered, accepted, broken off, gone on with, and the same afterwards.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, open, readFile, utimes, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { chromium, firefox } from "./browsers.mjs";
import { Fixture, FilesPage } from "./files-page.mjs";
import { Server } from "../peerline.mjs";

const MB = 1_000_000;
const FILM = 48 * MB;
/** A receiver holds so much at most that it has not written, and a data channel so much that it has not sent. */
const ON_THE_WAY = 12 * MB;

let server;
let browser;
let fixture;
before(async () => {
  [server, browser, fixture] = await Promise.all([
    Server.start(),
    chromium(),
    Fixture.create({
      "Holiday/one.jpg": 3 * MB,
      "Holiday/more/two.jpg": 100,
      "Holiday/more/three.jpg": MB,
      "notes.txt": 5000,
      "empty.txt": 0,
      "film.mkv": FILM,
      "song.flac": 20 * MB,
      "draft.wav": 20 * MB,
    }),
  ]);
});
after(() => Promise.all([server?.stop(), browser?.close(), fixture?.remove()]));

/** The digests of the fixture's files under these paths. */
function digestsOf(...prefixes) {
  return Object.fromEntries(Object.entries(fixture.digests).filter(([path]) => prefixes.some((prefix) => path.startsWith(prefix))));
}

test("a folder, then several files with an empty one among them, arrive as they are", async () => {
  const [ada, grace] = await FilesPage.two(browser, browser, server.url);
  await ada.sendFiles([fixture.path("Holiday")], "Choose a folder");
  await grace.filesSay("Ada wants to send you Holiday (3 files)");
  await ada.filesSay("Waiting for Grace to accept.");
  await grace.press("Accept");
  await Promise.all([grace.progressOf("Holiday", 100), ada.filesSay("Grace has it.")]);
  assert.deepEqual(await grace.saveIntoFolder(), digestsOf("Holiday/"));
  await grace.press("Close Holiday");

  await ada.sendFiles([fixture.path("notes.txt"), fixture.path("empty.txt")]);
  await grace.filesSay("notes.txt");
  await grace.filesSay("5 kB in all");
  await grace.press("Accept");
  await grace.progressOf("notes.txt and empty.txt", 100);
  assert.deepEqual(await grace.saveIntoFolder(), digestsOf("Holiday/", "notes.txt", "empty.txt"));

  const downloads = fixture.path("downloads");
  await mkdir(downloads);
  const downloaded = await grace.downloadInto(downloads);
  await ada.sendFiles([fixture.path("song.flac")]);
  await grace.press("Accept");
  await downloaded();
  assert.equal(createHash("sha256").update(await readFile(`${downloads}/song.flac`)).digest("hex"), fixture.digests["song.flac"]);
  for (const page of [ada, grace]) page.hadNoProblems();
  await Promise.all([ada.page.close(), grace.page.close()]);
});

test("what is declined, or stopped on either side, ends on both", async () => {
  const [ada, grace] = await FilesPage.two(browser, browser, server.url);
  await ada.sendFiles([fixture.path("notes.txt")]);
  await grace.press("Decline");
  await Promise.all([ada.filesSay("Grace declined."), grace.filesSay("You declined.")]);
  for (const page of [ada, grace]) await page.press("Close notes.txt");
  for (const [stops, other] of [[ada, grace], [grace, ada]]) {
    // However fast the machine is, there is something left to stop.
    await ada.holdAtDigest(100);
    await ada.sendFiles([fixture.path("film.mkv")]);
    await grace.press("Accept");
    await stops.press("Cancel");
    await Promise.all([stops.filesSay("You stopped it."), other.filesSay(`${stops.name} stopped it.`)]);
    for (const page of [ada, grace]) await page.press("Close film.mkv");
  }
  for (const page of [ada, grace]) page.hadNoProblems();
  await Promise.all([ada.page.close(), grace.page.close()]);
});

test("a file that is changed while it is sent is not taken for sent, though it is as long as it was", async () => {
  const [ada, grace] = await FilesPage.two(browser, browser, server.url);
  const draft = fixture.path("draft.wav");
  // Its time will be another one, however exactly the browser looks.
  await utimes(draft, 1_790_000_000, 1_790_000_000);
  await ada.holdAtDigest(100);
  await ada.sendFiles([draft]);
  await grace.press("Accept");
  const goOn = await ada.held();
  const file = await open(draft, "r+");
  await file.write(Buffer.alloc(MB), 0, MB, 18 * MB);
  await file.close();
  await goOn();
  await Promise.all([ada.filesSay("1 file couldn't be read. Was it changed or removed?"), grace.filesSay("1 file couldn't be read by Ada.")]);
  await Promise.all([ada.page.close(), grace.page.close()]);
});

test("a transfer goes on when the receiver's page is loaded again, and when the sender's is, without sending all of it again", async () => {
  const [ada, grace] = await FilesPage.two(browser, browser, server.url);
  await ada.sendFiles([fixture.path("film.mkv")]);
  await grace.press("Accept");
  await grace.progressOf("film.mkv", 0);
  await grace.reloadAt("film.mkv", 40);
  // It is accepted already.
  await grace.progressOf("film.mkv", 100);
  await ada.filesSay("Grace has it.");
  assert.equal(await grace.savedDigest(), fixture.digests["film.mkv"]);
  const sent = await ada.sent();
  assert.ok(sent >= FILM && sent < FILM + ON_THE_WAY, `${sent} bytes were sent`);
  await Promise.all([ada.press("Close film.mkv"), grace.press("Close film.mkv")]);

  await grace.sendFiles([fixture.path("film.mkv")]);
  await ada.press("Accept");
  await grace.progressOf("film.mkv", 0);
  await grace.reloadAt("film.mkv", 40);
  await ada.connectedTo("Grace");
  await ada.filesSay("broke");
  // The page has lost the file: it is chosen again, and that is another offer.
  await grace.sendFiles([fixture.path("film.mkv")]);
  await ada.press("Accept");
  await ada.progressOf("film.mkv", 100);
  await grace.filesSay("Ada has it.");
  assert.equal(await ada.savedDigest(), fixture.digests["film.mkv"]);
  const again = await grace.sent();
  assert.ok(again < 0.7 * FILM, `${again} bytes were sent again`);
  await Promise.all([ada.page.close(), grace.page.close()]);
});

test("the chat doesn't wait for files", async () => {
  const [ada, grace] = await FilesPage.two(browser, browser, server.url);
  await Promise.all([ada.openChat(), grace.openChat()]);
  await ada.sendFiles([fixture.path("film.mkv")]);
  const hear = grace.page.evaluate(
    () =>
      new Promise((resolve) => {
        const heard = [];
        new MutationObserver(() => {
          const lines = document.querySelectorAll("[role=log] .line-text").length;
          const percent = Number(document.querySelector('[role=progressbar][aria-label="film.mkv"]')?.getAttribute("aria-valuenow") ?? 0);
          while (heard.length < lines) heard.push({ time: Date.now(), percent });
          if (lines >= 5) resolve(heard);
        }).observe(document.querySelector("[role=log]"), { childList: true, subtree: true });
      }),
  );
  await grace.press("Accept");
  await ada.progressOf("film.mkv", 1);
  const said = await ada.page.evaluate(async () => {
    const times = [];
    const input = document.querySelector('[aria-label="Message"]');
    for (let count = 0; count < 5; count += 1) {
      input.value = `message ${count}`;
      input.dispatchEvent(new Event("input", { bubbles: true }));
      // The button is there for it when the page has drawn it.
      await new Promise((resolve) => setTimeout(resolve));
      times.push(Date.now());
      input.form.requestSubmit();
    }
    return times;
  });
  const heard = await hear;
  const waits = heard.map(({ time }, index) => time - said[index]);
  console.log(`chat during a transfer: ${waits.join(", ")} ms`);
  assert.ok(heard.every(({ percent }) => percent < 100), `the messages came when ${heard.map(({ percent }) => percent)} % had come`);
  await grace.progressOf("film.mkv", 100);
  await Promise.all([ada.page.close(), grace.page.close()]);
});

test("Chromium and Firefox send each other 20 MB, and a folder", async () => {
  const fox = await firefox();
  try {
    for (const [one, other] of [[browser, fox], [fox, browser]]) {
      const [ada, grace] = await FilesPage.two(one, other, server.url);
      await ada.sendFiles([fixture.path("song.flac")]);
      await grace.press("Accept");
      await Promise.all([grace.progressOf("song.flac", 100), ada.filesSay("Grace has it.")]);
      assert.equal(await grace.savedDigest(), fixture.digests["song.flac"]);
      await Promise.all([ada.page.close(), grace.page.close()]);
    }
    const [ada, grace] = await FilesPage.two(browser, fox, server.url);
    await ada.sendFiles([fixture.path("Holiday")], "Choose a folder");
    await grace.press("Accept");
    await grace.progressOf("Holiday", 100);
    // Firefox can't write into a folder: it downloads an archive.
    await grace.press("Save");
    await grace.filesSay("In your downloads");
    const archive = fixture.path("Holiday.zip");
    await writeFile(archive, await grace.savedBytes());
    const unpack = "import sys, zipfile, hashlib, json; z = zipfile.ZipFile(sys.argv[1]); print(json.dumps({n: hashlib.sha256(z.read(n)).hexdigest() for n in z.namelist()}))";
    assert.deepEqual(JSON.parse(execFileSync("python3", ["-c", unpack, archive], { encoding: "utf8" })), digestsOf("Holiday/"));
  } finally {
    await fox.close();
  }
});
