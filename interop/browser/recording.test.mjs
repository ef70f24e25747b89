// A recording: everybody is told while it runs, and what it holds can be seen and heard.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "./browsers.mjs";
import { adaMeetsGrace, CallPage, everybodyMeets } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

const PATIENCE = { timeout: 60_000, polling: 50 };

let server;
let browsers;
before(async () => {
  [server, ...browsers] = await Promise.all([Server.start(), chromium(), chromium()]);
});
after(async () => {
  await Promise.all([server?.stop(), ...(browsers ?? []).map((browser) => browser.close())]);
});

const told = (page, words) => page.page.waitForFunction((wanted) => document.querySelector(".recording-told[role=status]")?.textContent === wanted, PATIENCE, words);

test("a recording is told to all, also to those who come later, and holds picture and sound", async () => {
  const { ada, grace, link } = await adaMeetsGrace(browsers, server.url);
  // A headless browser has nobody who could choose a file.
  await ada.page.evaluate(async () => {
    const folder = await navigator.storage.getDirectory();
    window.showSaveFilePicker = ({ suggestedName }) => folder.getFileHandle((window.chosenForTest = suggestedName), { create: true });
  });
  await ada.press("More");
  await ada.press("Record");
  await told(ada, "You are recording");
  await told(grace, "Ada is recording");
  const linus = await CallPage.open(browsers[1], link, "Linus");
  await linus.join();
  await told(linus, "Ada is recording");
  await everybodyMeets(ada, linus);
  await ada.press("Stop recording");
  for (const page of [ada, grace, linus]) await told(page, "");

  const found = await ada.page.evaluate(async () => {
    const folder = await navigator.storage.getDirectory();
    const file = await (await folder.getFileHandle(window.chosenForTest)).getFile();
    const sound = await new OfflineAudioContext(1, 1, 48_000).decodeAudioData(await file.arrayBuffer());
    const samples = sound.getChannelData(0);
    const video = Object.assign(document.createElement("video"), { muted: true, src: URL.createObjectURL(file) });
    await video.play();
    return { name: file.name, width: video.videoWidth, height: video.videoHeight, seconds: sound.duration, loudest: samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0) };
  });
  assert.match(found.name, /^Peerline .*\.webm$/);
  assert.deepEqual([found.width, found.height], [1280, 720]);
  assert.ok(found.seconds > 1 && found.loudest > 0.01, JSON.stringify(found));
  for (const page of [ada, grace, linus]) page.hadNoProblems();
  await Promise.all([ada, grace, linus].map(({ page }) => page.close()));
});

test("who leaves doesn't record any further, and has what was recorded", async () => {
  const { ada, grace } = await adaMeetsGrace(browsers, server.url);
  await ada.page.evaluate(async () => {
    const folder = await navigator.storage.getDirectory();
    window.showSaveFilePicker = () => folder.getFileHandle("left.webm", { create: true });
    const start = MediaRecorder.prototype.start;
    MediaRecorder.prototype.start = function (part) {
      this.addEventListener("dataavailable", ({ data }) => (window.recordedForTest ||= data.size > 0));
      start.call(this, part);
    };
  });
  await ada.press("More");
  await ada.press("Record");
  await told(grace, "Ada is recording");
  await ada.page.waitForFunction(() => window.recordedForTest, PATIENCE);
  await ada.press("Leave");
  await told(grace, "");
  await ada.page.waitForFunction(async () => (await (await (await navigator.storage.getDirectory()).getFileHandle("left.webm")).getFile()).size > 0, PATIENCE);
  for (const page of [ada, grace]) page.hadNoProblems();
  await Promise.all([ada, grace].map(({ page }) => page.close()));
});
