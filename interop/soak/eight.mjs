// Eight people in a call, one of whom leaves and comes back every few seconds: pictures go on, memory stays, no console complains.
// SECONDS: how long (default 600). PEOPLE: how many (default 8).
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "../browser/browsers.mjs";
import { CallPage } from "../browser/call-page.mjs";
import { footprint } from "../browser/memory.mjs";
import { Server } from "../peerline.mjs";

const SECONDS = Number(process.env.SECONDS ?? 600);
const PEOPLE = Number(process.env.PEOPLE ?? 8);
const NAMES = ["Ada", "Grace", "Linus", "Radia", "Edsger", "Barbara", "Donald", "Frances"].slice(0, PEOPLE);
/** Somebody leaves, and comes back, so often, in milliseconds. */
const EACH = 5_000;
/** The page may have so many times as much in the last sixth of the call as in the second: in the first, people are still coming for the first time. */
const GROWTH = 1.15;
const MIB = 1 << 20;

const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A camera's pictures in YUV4MPEG2: so small, and few enough, that eight people's fit on one machine. A bright bar wanders over them. */
function smallPictures({ width = 160, height = 90, rate = 5, count = 10 } = {}) {
  const bar = width / count;
  const grey = Buffer.alloc(2 * Math.ceil(width / 2) * Math.ceil(height / 2), 128);
  const frames = Array.from({ length: count }, (_, index) => {
    const row = Buffer.alloc(width, 40).fill(220, index * bar, (index + 1) * bar);
    return [Buffer.from("FRAME\n"), ...Array.from({ length: height }, () => row), grey];
  });
  return Buffer.concat([Buffer.from(`YUV4MPEG2 W${width} H${height} F${rate}:1 Ip A1:1 C420jpeg\n`), ...frames.flat()]);
}

const directory = await mkdtemp(join(tmpdir(), "peerline-soak-"));
const pictures = join(directory, "camera.y4m");
await writeFile(pictures, smallPictures());
const camera = [`--use-file-for-fake-video-capture=${pictures}`];

const server = await Server.start();
// One browser for the one who stays, so that its memory is nobody else's.
const [mine, others] = await Promise.all([chromium(camera), chromium(camera)]);
try {
  const ada = await CallPage.open(mine, server.url, NAMES[0]);
  const link = await ada.newCall();
  const guests = [];
  for (const name of NAMES.slice(1)) {
    const guest = await CallPage.open(others, link, name);
    // Nobody looks at it: it need not be large to be drawn.
    await guest.page.setViewport({ width: 320, height: 480 });
    await guest.join();
    guests.push(guest);
  }
  await Promise.all(guests.map((guest) => ada.seesMovingVideoOf(guest.name)));
  console.log(`${PEOPLE} people, ${SECONDS} s`);

  const session = await ada.page.createCDPSession();
  const samples = [];
  const began = performance.now();
  const seconds = () => (performance.now() - began) / 1000;
  let turns = 0;
  let told = 0;
  while (seconds() < SECONDS) {
    const guest = guests[Math.floor(Math.random() * guests.length)];
    await guest.press("Leave");
    await guest.press("Join again");
    await guest.join();
    await ada.lookAfresh();
    await ada.seesMovingVideoOf(guest.name);
    turns += 1;
    // What nobody needs any more is not a leak, though Chromium may keep it for minutes.
    await session.send("HeapProfiler.collectGarbage");
    const { JSHeapUsedSize: heap } = await ada.page.metrics();
    samples.push({ at: seconds(), heap: heap / MIB, page: (await footprint(mine.process().pid)) / MIB });
    if (seconds() >= told) {
      console.log(`${Math.round(seconds())} s: ${turns} left and came back; the page that stays has ${samples.at(-1).page.toFixed(0)} MiB, ${samples.at(-1).heap.toFixed(0)} of them JavaScript's`);
      told += 30;
    }
    await wait(EACH);
  }

  await ada.lookAfresh();
  await Promise.all(guests.map((guest) => ada.seesMovingVideoOf(guest.name)));
  for (const page of [ada, ...guests]) page.hadNoProblems();
  const mean = (from, to) => {
    const pages = samples.filter(({ at }) => at >= from * SECONDS && at < to * SECONDS).map(({ page }) => page);
    return pages.reduce((sum, page) => sum + page, 0) / pages.length;
  };
  const [early, late] = [mean(1 / 6, 2 / 6), mean(5 / 6, Infinity)];
  console.log(`${turns} left and came back; no error in any console; the page that stays had ${early.toFixed(0)} MiB at first and ${late.toFixed(0)} MiB at last`);
  assert.ok(late < early * GROWTH, "its memory grows");
} finally {
  await Promise.all([mine.close(), others.close()]);
  await server.stop();
  await rm(directory, { recursive: true });
}
