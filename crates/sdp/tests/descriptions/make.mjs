// Makes the descriptions in this folder with the browsers that are installed:
//   cd interop && npm ci && node ../crates/sdp/tests/descriptions/make.mjs
import { writeFile } from "node:fs/promises";
import { createRequire } from "node:module";

const require = createRequire(new URL("../../../../interop/package.json", import.meta.url));
const { default: puppeteer } = await import(require.resolve("puppeteer-core"));

const browsers = {
  chromium: () =>
    puppeteer.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      headless: true,
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
    }),
  "chromium-snap": () =>
    puppeteer.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      headless: true,
      args: [
        ...["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        "--force-fieldtrials=WebRTC-Sctp-Snap/Enabled/",
      ],
    }),
  firefox: () =>
    puppeteer.launch({
      browser: "firefox",
      executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
      headless: true,
    }),
};

// In the page: `window.peer(scenario)` makes a connection; the rest takes descriptions as text.
function install() {
  const connections = {};
  const gathered = (connection) =>
    new Promise((resolve) => {
      const done = () => connection.iceGatheringState === "complete" && resolve();
      connection.addEventListener("icegatheringstatechange", done);
      done();
      setTimeout(resolve, 3000);
    });
  const stream = () => {
    const canvas = document.createElement("canvas");
    canvas.getContext("2d").fillRect(0, 0, 9, 9);
    const audio = new AudioContext().createMediaStreamDestination().stream;
    return new MediaStream([...canvas.captureStream(5).getTracks(), ...audio.getTracks()]);
  };
  window.peer = (name, scenario) => {
    const connection = (connections[name] = new RTCPeerConnection());
    const media = scenario.includes("media") ? stream() : undefined;
    for (const track of media?.getTracks() ?? []) connection.addTrack(track, media);
    if (scenario.includes("simulcast")) {
      const encodings = ["q", "h", "f"].map((rid, index) => ({ rid, scaleResolutionDownBy: 4 >> index }));
      connection.addTransceiver(stream().getVideoTracks()[0], { direction: "sendonly", sendEncodings: encodings });
    }
    if (scenario.includes("receive")) {
      connection.addTransceiver("audio", { direction: "recvonly" });
      const video = connection.addTransceiver("video", { direction: "recvonly" });
      if (scenario.includes("one-codec")) {
        const { codecs } = RTCRtpReceiver.getCapabilities("video");
        video.setCodecPreferences(codecs.filter(({ mimeType }) => /VP8/.test(mimeType)));
      }
    }
    if (scenario.includes("data")) connection.createDataChannel("chat");
  };
  window.offer = async (name, options) => {
    await connections[name].setLocalDescription(await connections[name].createOffer(options));
    await gathered(connections[name]);
    return connections[name].localDescription.sdp;
  };
  window.answer = async (name, sdp) => {
    await connections[name].setRemoteDescription({ type: "offer", sdp });
    await connections[name].setLocalDescription();
    await gathered(connections[name]);
    return connections[name].localDescription.sdp;
  };
  window.accept = (name, sdp) => connections[name].setRemoteDescription({ type: "answer", sdp });
}

const save = (name, sdp) => writeFile(new URL(`${name}.sdp`, import.meta.url), sdp);

const pages = {};
for (const [name, launch] of Object.entries(browsers)) {
  const browser = await launch();
  pages[name] = await browser.newPage();
  await pages[name].evaluate(install);
}
const run = (page, verb, ...values) => page.evaluate((verb, values) => window[verb](...values), verb, values);

for (const [name, page] of Object.entries(pages)) {
  const across = { chromium: "firefox", firefox: "chromium", "chromium-snap": "chromium-snap" }[name];
  const scenarios = name === "chromium-snap" ? ["data"] : ["data", "media-data", "simulcast", "receive-one-codec-data"];
  for (const scenario of scenarios) {
    await run(page, "peer", scenario, scenario);
    const offer = await run(page, "offer", scenario);
    // Chromium refuses Firefox's feedback for codecs that it dropped.
    const other = scenario.includes("one-codec") ? "firefox" : across;
    await save(`${name}-offer-${scenario}`, offer);
    await run(pages[other], "peer", `${scenario}-answer`, scenario === "media-data" ? "media" : "");
    const answer = await run(pages[other], "answer", `${scenario}-answer`, offer);
    await save(`${other}-answer-${scenario}`, answer);
    await run(page, "accept", scenario, answer);
    if (scenario === "media-data") {
      await save(`${name}-restart-${scenario}`, await run(page, "offer", scenario, { iceRestart: true }));
    }
  }
}
for (const page of Object.values(pages)) await page.browser().close();
