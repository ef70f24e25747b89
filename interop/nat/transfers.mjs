// A file goes from one site to another while a network changes: node interop/nat/transfers.mjs --a port-restricted --b none
// --programs app,recv --at newip. Whether it comes whole, and for how long nothing of it came.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { parseArgs } from "node:util";
import { chromium } from "../browser/browsers.mjs";
import { FilesPage, Fixture } from "../browser/files-page.mjs";
import { Terminal } from "../terminal.mjs";
import { CHANGES, meanwhile } from "./network-changes.mjs";
import { Laboratory, WITH_US } from "./laboratory.mjs";
import { linkFor, serverFor } from "./programs.mjs";

/** What the links carry, in kbit/s, so that the file takes a while. */
const RATE = 20_000;
const FILM = "film.mkv";
/** How much has come, in per cent, when the network changes. */
const BEFORE = 20;
/** How often it is looked how much has come, in milliseconds. */
const LOOK = 20;
/** In bytes, as `stat` counts them. */
const BLOCK = 512;
const LATE = 120_000;

/** Among the `peers` from the beginning, so that it is ended however far it comes. */
function terminal(site, name, { directory, peers }, ...args) {
  const server = { url: serverFor(site), directory: `${directory}/${site.name}` };
  const program = new Terminal(server, name, [...args, "--json", "--trust", "any"], [...site.namespace.enter(), ...WITH_US]);
  peers.push({ end: () => program.kill() });
  return program;
}

const note = async (from, name) => JSON.parse(await from.output.find(`"note":"${name}"`));

async function page(site, name, { peers }, url) {
  const browser = await chromium([], undefined, site.namespace.enter());
  peers.push({ end: () => browser.close() });
  return await FilesPage.open(browser, url, name);
}

/** Who sends: `link`, where it is met; `offer`, once the other side is there. */
const SENDERS = {
  async send(site, place, film) {
    const { link } = await note(terminal(site, "Ada", place, "send", film), "code");
    return { link, offer: async () => undefined };
  },
  async app(site, place, film) {
    const ada = await page(site, "Ada", place, serverFor(site));
    const link = await ada.newCall();
    const offer = async () => {
      await ada.connectedTo("Grace");
      await ada.sendFiles([film]);
    };
    return { link, offer };
  },
};

/** Who takes it calls `came` with the per cent that there are whenever they are more, and resolves with the hash of what came. */
const RECEIVERS = {
  async recv(site, place, link, bytes) {
    const to = `${place.directory}/received`;
    const program = terminal(site, "Grace", place, "recv", linkFor(site, link), "--to", to, "--yes");
    return async (came) => {
      let before = 0;
      const look = async () => {
        // The part has its whole length from the beginning, and takes up as much room as has come.
        const { blocks } = await stat(`${to}/${FILM}.peerline-part`).catch(() => ({ blocks: 0 }));
        if (blocks > before) came((100 * blocks * BLOCK) / bytes);
        before = blocks;
      };
      const timer = setInterval(look, LOOK);
      const status = await program.exit();
      clearInterval(timer);
      if (status !== 0) throw new Error(`recv ended with ${status}`);
      came(100);
      return await digest(`${to}/${FILM}`);
    };
  },
  async app(site, place, link) {
    const grace = await page(site, "Grace", place, linkFor(site, link));
    await grace.join();
    return async (came) => {
      await grace.page.exposeFunction("cameForTest", (percent) => came(percent));
      await grace.press("Accept");
      await grace.page.evaluate(watch, FILM);
      return await grace.savedDigest();
    };
  },
};

/** Runs in the page: tells how far the transfer is whenever it is further. */
function watch(name) {
  let before = 0;
  const look = () => {
    const bar = document.querySelector(`[role=progressbar][aria-label="${name}"]`);
    const percent = Number(bar?.getAttribute("aria-valuenow") ?? 0);
    if (percent > before) window.cameForTest((before = percent));
  };
  new MutationObserver(look).observe(document.body, { attributes: true, childList: true, subtree: true });
  look();
}

async function digest(path) {
  const hash = createHash("sha256");
  for await (const content of createReadStream(path)) hash.update(content);
  return hash.digest("hex");
}

/**
 * A file of so many `bytes` goes from the first of two sites of these types to the second by these programs, over links of that `delay`,
 * while the first one's network changes. Resolves with `{ gap, whole, seconds }`: the longest time in which nothing came, in milliseconds; whether its hash is the same.
 */
export async function transfer([a, b], [sends, receives], change, { delay, bytes }) {
  const laboratory = await Laboratory.create();
  const fixture = await Fixture.create({ [FILM]: bytes });
  const peers = [];
  try {
    await laboratory.serve();
    const quality = { delay, rate: RATE };
    const sites = [await laboratory.site("a", a, quality), await laboratory.site("b", b, quality)];
    await CHANGES[change].prepare?.(laboratory, sites[0], quality);
    const place = { directory: laboratory.directory, peers };
    const { link, offer } = await SENDERS[sends](sites[0], place, fixture.path(FILM));
    const take = await RECEIVERS[receives](sites[1], place, link, bytes);
    const times = [];
    let changed;
    const came = (percent) => {
      times.push(performance.now());
      if (percent >= BEFORE) changed ??= meanwhile(CHANGES[change].happen(laboratory, sites[0]));
    };
    const [hash] = await within(Promise.all([take(came), offer()]));
    await changed;
    const pauses = times.slice(1).map((time, index) => time - times[index]);
    const seconds = (times.at(-1) - times[0]) / 1000;
    return { gap: Math.round(Math.max(...pauses)), whole: hash === fixture.digests[FILM], seconds: Math.round(seconds * 10) / 10 };
  } finally {
    await Promise.all([laboratory.end(...peers), fixture.remove()]);
  }
}

function within(promise) {
  let timer;
  const late = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("the file doesn't come")), LATE);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({
    options: {
      a: { type: "string", default: "port-restricted" },
      b: { type: "string", default: "port-restricted" },
      programs: { type: "string", default: "send,recv" },
      delay: { type: "string", default: "25" },
      mebibytes: { type: "string", default: "32" },
      at: { type: "string", default: "newip" },
    },
  });
  const film = { delay: Number(values.delay), bytes: Number(values.mebibytes) << 20 };
  console.log(await transfer([values.a, values.b], values.programs.split(","), values.at, film));
}
