// Files between two Chromium: the app's way beside a chunk with an acknowledgement each, and the chat meanwhile.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { parseArgs } from "node:util";
import { chromium, firefox } from "../../interop/browser/browsers.mjs";
import { FilesPage, Fixture, PATIENCE } from "../../interop/browser/files-page.mjs";
import { Memory } from "../../interop/browser/memory.mjs";
import { Server } from "../../interop/peerline.mjs";
import { acknowledged } from "./acknowledged.mjs";
import { Two } from "./app.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    mebibytes: { type: "string", default: "512" },
    files: { type: "string", default: "5000" },
    firefox: { type: "string", default: "200" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(`Measures files between two Chromium on this machine: MB a second, the pages' memory, the chat meanwhile.
Then once with both pages loaded again in the middle, and between Chromium and Firefox: whether all is as it was.

  --rounds N      medians over so many (default 3)
  --mebibytes N   the file's length in MiB (default 512)
  --files N       files of 4 KiB in the folder (default 5000)
  --firefox N     MB that Chromium and Firefox send each other (default 200; 0: without)`);
  process.exit();
}
const [rounds, files] = [Number(values.rounds), Number(values.files)];
const MIB = 1 << 20;
const FILE = 4096;
const bytes = Number(values.mebibytes) * MIB;
const between = Number(values.firefox) * 1e6;

// A tenth of what any machine has done.
FilesPage.patience = PATIENCE + bytes / 1_000;

const sorted = (numbers) => numbers.toSorted((one, other) => one - other);
const quantile = (numbers, part) => sorted(numbers)[Math.min(numbers.length - 1, Math.floor(numbers.length * part))];
const median = (numbers) => quantile(numbers, 0.5);

const server = await Server.start();
const fixture = await Fixture.create({
  "film.mkv": bytes,
  "song.flac": between,
  ...Object.fromEntries(Array.from({ length: files }, (_, index) => [`folder/${index % 50}/${index}.bin`, FILE])),
});

/** Two browsers of their own, so that no work finds what another left in memory; returns MB a second and the MiB of both pages. */
async function measure(work) {
  const browsers = await Promise.all([chromium(), chromium()]);
  try {
    const memories = browsers.map((browser) => new Memory(browser));
    const result = await work(browsers);
    return { ...result, memory: await Promise.all(memories.map((memory) => memory.most())) };
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
}

async function app(path, length, label) {
  return await measure(async (browsers) => {
    const two = await Two.meet(browsers, server.url);
    const { waits: quiet } = await two.chatting(() => new Promise((resolve) => setTimeout(resolve, 5000)));
    const { result: rate, waits } = await two.chatting(() => two.send(path, length, label));
    await two.leave();
    return { rate, quiet, waits };
  });
}

async function digestOf(path) {
  const hash = createHash("sha256");
  for await (const part of createReadStream(path)) hash.update(part);
  return hash.digest("hex");
}

/** One file, with both pages loaded again on the way; what is downloaded has to be the same. */
async function brokenOffFile() {
  return await measure(async (browsers) => {
    const two = await Two.meet(browsers, server.url);
    const downloads = fixture.path("downloads");
    await mkdir(downloads);
    let downloaded;
    const left = await two.sendBrokenOff(fixture.path("film.mkv"), "film.mkv", undefined, async () => {
      downloaded = await two.grace.downloadInto(downloads);
    });
    await downloaded();
    assert.equal(await digestOf(`${downloads}/film.mkv`), fixture.digests["film.mkv"], "the file is another one");
    await two.leave();
    return { left, of: bytes };
  });
}

/** The folder, likewise; what is saved has to be the same. */
async function brokenOffFolder() {
  return await measure(async (browsers) => {
    const two = await Two.meet(browsers, server.url);
    const left = await two.sendBrokenOff(fixture.path("folder"), "folder", "Choose a folder");
    const saved = await two.grace.saveIntoFolder();
    const sent = Object.fromEntries(Object.entries(fixture.digests).filter(([path]) => path.startsWith("folder/")));
    assert.deepEqual(saved, sent, "the folder is another one");
    await two.leave();
    return { left, of: files * FILE };
  });
}

/** One file from one kind of browser to another; returns MB a second. */
async function abroad(one, other) {
  const browsers = await Promise.all([one(), other()]);
  try {
    const two = await Two.meet(browsers, server.url);
    const rate = await two.send(fixture.path("song.flac"), between);
    assert.equal(await two.grace.savedDigest(), fixture.digests["song.flac"], "the file is another one");
    await two.leave();
    return rate;
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
}

const ways = {
  "the app: one file": () => app(fixture.path("film.mkv"), bytes),
  "64 KiB and an acknowledgement each: one file": () =>
    measure(async (browsers) => ({ rate: await acknowledged(browsers, server.url, fixture.path("film.mkv"), bytes) })),
  [`the app: a folder of ${files} files`]: () => app(fixture.path("folder"), files * FILE, "Choose a folder"),
};
const results = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
const brokenOff = {};
const rates = {};
try {
  for (let round = 1; round <= rounds; round += 1) {
    for (const [way, run] of Object.entries(ways)) {
      const result = await run();
      results[way].push(result);
      const late = result.waits ? `, chat p95 ${quantile(result.waits, 0.95).toFixed(0)} ms` : "";
      console.error(`round ${round} of ${rounds}: ${way}: ${result.rate.toFixed(1)} MB/s, pages of ${result.memory.map(Math.round).join(" and ")} MiB${late}`);
    }
  }
  for (const [what, run] of Object.entries({ "one file": brokenOffFile, [`a folder of ${files} files`]: brokenOffFolder })) {
    console.error(`${what}, both pages loaded again`);
    brokenOff[what] = await run();
  }
  for (const [way, one, other] of between > 0 ? [["Chromium to Firefox", chromium, firefox], ["Firefox to Chromium", firefox, chromium]] : []) {
    console.error(way);
    rates[way] = await abroad(one, other);
  }
} finally {
  await Promise.all([server.stop(), fixture.remove()]);
}

const waits = (list, part) => (list.some((wait) => wait === undefined) ? undefined : quantile(list.flat(), part));
console.table(
  Object.fromEntries(
    Object.entries(results).map(([way, list]) => [
      way,
      {
        "MB/s": Number(median(list.map(({ rate }) => rate)).toFixed(1)),
        "sender's page, MiB": Math.round(Math.max(...list.map(({ memory }) => memory[0]))),
        "receiver's page, MiB": Math.round(Math.max(...list.map(({ memory }) => memory[1]))),
        "chat before, p50, ms": waits(list.map(({ quiet }) => quiet), 0.5),
        "chat during, p50, ms": waits(list.map((result) => result.waits), 0.5),
        "chat during, p95, ms": waits(list.map((result) => result.waits), 0.95),
      },
    ]),
  ),
);
console.log("MB are 10⁶ bytes. MB/s: medians of the rounds; memory: the most in any round, as the browser's task manager counts it. Chat: from the writer's key to the reader's screen.");

console.table(
  Object.fromEntries(
    Object.entries(brokenOff).map(([what, { left, of, memory }]) => [
      `${what}, both pages loaded again`,
      {
        hashes: "equal",
        MB: Math.round(of / 1e6),
        "of these by the sender's second page": Math.round(left / 1e6),
        "sender's page, MiB": Math.round(memory[0]),
        "receiver's page, MiB": Math.round(memory[1]),
      },
    ]),
  ),
);
for (const [way, rate] of Object.entries(rates)) console.log(`${way}: ${values.firefox} MB, hashes equal, ${rate.toFixed(1)} MB/s.`);
