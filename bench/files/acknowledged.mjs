// How PairDrop and its like send a file: read 64 KiB, send them, wait for the other side's word, read on; the receiver holds it all in memory.

const CHUNK = 64 << 10;

/** Runs in both pages: a connection, and the other page's words for it. */
function prepare() {
  window.connection = new RTCPeerConnection();
  window.described = async (description) => {
    await window.connection.setLocalDescription(description);
    while (window.connection.iceGatheringState !== "complete") {
      await new Promise((resolve) => window.connection.addEventListener("icegatheringstatechange", resolve, { once: true }));
    }
    return window.connection.localDescription.toJSON();
  };
}

async function offer() {
  window.channel = window.connection.createDataChannel("files");
  window.channel.binaryType = "arraybuffer";
  return await window.described(await window.connection.createOffer());
}

async function answer(description) {
  const chunks = [];
  window.connection.addEventListener("datachannel", ({ channel }) => {
    channel.binaryType = "arraybuffer";
    channel.addEventListener("message", ({ data }) => {
      if (typeof data === "string") window.received = new Blob(chunks);
      else chunks.push(data);
      channel.send("received");
    });
  });
  await window.connection.setRemoteDescription(description);
  return await window.described(await window.connection.createAnswer());
}

async function send(chunk) {
  const { channel } = window;
  const [file] = document.querySelector("#file").files;
  const acknowledged = () => new Promise((resolve) => channel.addEventListener("message", resolve, { once: true }));
  for (let offset = 0; offset < file.size; offset += chunk) {
    const content = await file.slice(offset, offset + chunk).arrayBuffer();
    const heard = acknowledged();
    channel.send(content);
    await heard;
  }
  const heard = acknowledged();
  channel.send("end");
  await heard;
}

/** Sends one file of `bytes` from one browser to the other; returns MB a second. */
export async function acknowledged(browsers, url, file, bytes) {
  const pages = await Promise.all(browsers.map((browser) => browser.newPage()));
  const [one, other] = pages;
  for (const page of pages) {
    await page.goto(url);
    await page.evaluate(prepare);
  }
  await one.evaluate(() => document.body.insertAdjacentHTML("beforeend", '<input type="file" id="file">'));
  await (await one.waitForSelector("#file")).uploadFile(file);
  const answered = await other.evaluate(answer, await one.evaluate(offer));
  await one.evaluate(async (description) => {
    const opened = new Promise((resolve) => window.channel.addEventListener("open", resolve, { once: true }));
    await window.connection.setRemoteDescription(description);
    await opened;
  }, answered);
  const began = performance.now();
  await one.evaluate(send, CHUNK);
  const seconds = (performance.now() - began) / 1000;
  const received = await other.evaluate(() => window.received.size);
  if (received !== bytes) throw new Error(`${received} of ${bytes} bytes came`);
  await Promise.all(pages.map((page) => page.close()));
  return bytes / 1e6 / seconds;
}
