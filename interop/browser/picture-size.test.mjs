// In a call, each picture comes as large as it is shown, and no larger.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "./browsers.mjs";
import { adaMeetsGrace, CallPage, everybodyMeets } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

const SMALL = { width: 400, height: 320 };
const LARGE = { width: 1600, height: 1000 };

let server;
let browsers;
before(async () => {
  [server, ...browsers] = await Promise.all([Server.start(), chromium(), chromium()]);
});
after(async () => {
  await Promise.all([server?.stop(), ...(browsers ?? []).map((browser) => browser.close())]);
});

/** A busy machine makes pictures smaller by itself: here it sends fewer instead. */
function keepResolution() {
  const { setParameters } = RTCRtpSender.prototype;
  RTCRtpSender.prototype.setParameters = function (parameters, ...rest) {
    return setParameters.call(this, { ...parameters, degradationPreference: "maintain-resolution" }, ...rest);
  };
}

/** How many lines the last picture of `name` had that came to `page`. */
function linesOf(name, { page }) {
  return page.evaluate(async (wanted) => {
    const video = [...document.querySelectorAll("video")].find((one) => one.getAttribute("aria-label") === wanted);
    const [track] = video.srcObject.getVideoTracks();
    const reports = await Promise.all(window.peerConnectionsForTest().map((connection) => connection.getStats()));
    const received = reports.flatMap((report) => [...report.values()]).find(({ type, trackIdentifier }) => type === "inbound-rtp" && trackIdentifier === track.id);
    return received?.frameHeight;
  }, name);
}

/** Resolves when pictures of `name` come to `page` with so many lines as `fits` says. */
async function receives(page, name, fits) {
  for (const deadline = Date.now() + 30_000; ; ) {
    const lines = await linesOf(name, page);
    if (fits(lines)) return;
    if (Date.now() > deadline) assert.fail(`${name} comes to ${page.name} with ${lines} lines`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test("who is shown small is received small, by that one alone, and in full size when pinned", async () => {
  const { ada, grace, link } = await adaMeetsGrace(browsers, server.url);
  const linus = await CallPage.open(browsers[1], link, "Linus");
  await linus.join();
  await Promise.all([ada, grace, linus].map(({ page }) => page.evaluate(keepResolution)));
  await Promise.all([grace, linus].map(({ page }) => page.setViewport(LARGE)));
  await ada.page.setViewport(SMALL);
  await everybodyMeets(ada, grace, linus);
  const taken = await grace.page.$eval('video[aria-label="You"]', ({ srcObject }) => srcObject.getVideoTracks()[0].getSettings().height);
  assert.ok(taken >= 480, `the camera takes ${taken} lines`);
  await receives(ada, "Grace", (lines) => lines <= 180);
  await receives(linus, "Grace", (lines) => lines >= 360);

  await ada.page.setViewport(LARGE);
  await ada.press("Pin Grace");
  await receives(ada, "Grace", (lines) => lines === taken);
  await receives(ada, "Linus", (lines) => lines <= 360);

  await ada.press("Unpin Grace");
  await ada.page.setViewport(SMALL);
  await receives(ada, "Grace", (lines) => lines <= 180);
  await ada.lookAfresh();
  await ada.seesMovingVideoOf("Grace");
  for (const page of [ada, grace, linus]) page.hadNoProblems();
  await Promise.all([ada, grace, linus].map(({ page }) => page.close()));
});
