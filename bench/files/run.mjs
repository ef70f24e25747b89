// Files between two Chromium: the app's way beside a chunk with an acknowledgement each, and the chat meanwhile.
import { parseArgs } from "node:util";
import { chromium } from "../../interop/browser/browsers.mjs";
import { Fixture } from "../../interop/browser/files-page.mjs";
import { Memory } from "../../interop/browser/memory.mjs";
import { Server } from "../../interop/peerline.mjs";
import { acknowledged } from "./acknowledged.mjs";
import { Two } from "./app.mjs";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "3" },
    mebibytes: { type: "string", default: "512" },
    files: { type: "string", default: "5000" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(`Measures files between two Chromium on this machine: MB a second, the pages' memory, the chat meanwhile.

  --rounds N      medians over so many (default 3)
  --mebibytes N   the file's length in MiB (default 512)
  --files N       files of 4 KiB in the folder (default 5000)`);
  process.exit();
}
const [rounds, files] = [Number(values.rounds), Number(values.files)];
const MIB = 1 << 20;
const FILE = 4096;
const bytes = Number(values.mebibytes) * MIB;

const sorted = (numbers) => numbers.toSorted((one, other) => one - other);
const quantile = (numbers, part) => sorted(numbers)[Math.min(numbers.length - 1, Math.floor(numbers.length * part))];
const median = (numbers) => quantile(numbers, 0.5);

const server = await Server.start();
const fixture = await Fixture.create({
  "film.mkv": bytes,
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

const ways = {
  "the app: one file": () => app(fixture.path("film.mkv"), bytes),
  "64 KiB and an acknowledgement each: one file": () =>
    measure(async (browsers) => ({ rate: await acknowledged(browsers, server.url, fixture.path("film.mkv"), bytes) })),
  [`the app: a folder of ${files} files`]: () => app(fixture.path("folder"), files * FILE, "Choose a folder"),
};
const results = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
try {
  for (let round = 1; round <= rounds; round += 1) {
    for (const [way, run] of Object.entries(ways)) {
      const result = await run();
      results[way].push(result);
      console.error(`round ${round} of ${rounds}: ${way}: ${result.rate.toFixed(1)} MB/s`);
    }
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
