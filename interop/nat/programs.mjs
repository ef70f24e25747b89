// The programs that people use, at two sites, by one link: `peerline join` and the web app. How they meet, and what becomes
// of it when a network changes: node interop/nat/programs.mjs --a port-restricted --b symmetric --programs join,app --at newip
// The app in Firefox: unshare --net node interop/nat/programs.mjs --programs firefox,join
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chromium, firefox } from "../browser/browsers.mjs";
import { CallPage } from "../browser/call-page.mjs";
import { Namespace } from "../native/namespaces.mjs";
import { Terminal } from "../terminal.mjs";
import { CHANGES, meanwhile } from "./network-changes.mjs";
import { Laboratory, SERVER, WITH_US } from "./laboratory.mjs";

const PATIENCE = 30_000;
/** After how many milliseconds something that was said counts as lost. */
const LATE = 90_000;

/** The server, as a host with such addresses reaches it. */
export const serverFor = ({ addresses }) =>
  addresses.some((address) => !address.includes(":")) ? `https://${SERVER.ipv4}` : `https://[${SERVER.ipv6}]`;

/** The same link, at the address at which a site reaches the server. */
export const linkFor = (site, link) => link.replace(/^https:\/\/[^/]*/, serverFor(site));

/** `peerline join`. */
export class Joined {
  #terminal;

  constructor(site, name, directory) {
    Object.assign(this, { site, name, directory: join(directory, site.name) });
  }

  async start(link) {
    const room = link ? [linkFor(this.site, link)] : ["--new", "--group"];
    const server = { url: serverFor(this.site), directory: this.directory };
    const within = [...this.site.namespace.enter(), ...WITH_US];
    this.#terminal = new Terminal(server, this.name, ["join", ...room, "--trust", "any"], within);
    const event = async (name) => JSON.parse(await this.#terminal.output.find(`"event":"${name}"`));
    const made = link ?? (await event("link")).link;
    await event("joined");
    return made;
  }

  /** Resolves with `direct` or `relayed`. */
  async path() {
    return JSON.parse(await this.#terminal.output.find('"event":"path"')).path;
  }

  say(text) {
    this.#terminal.write(JSON.stringify({ do: "say", text }));
  }

  /** Resolves with the way that the text came: `direct` or `server`. */
  async reads(text) {
    return JSON.parse(await this.#terminal.output.find(`"text":"${text}"`)).way;
  }

  async end() {
    await this.#terminal?.kill();
  }
}

/** Runs in the page, which has its chat open: tells of each message as it comes. */
function listen() {
  const log = document.querySelector("[role=log]");
  const told = new WeakSet();
  const tell = () => {
    for (const line of log.querySelectorAll(".line:not(.own) .line-words")) {
      if (told.has(line)) continue;
      told.add(line);
      window.heardForTest(line.textContent);
    }
  };
  new MutationObserver(tell).observe(log, { childList: true, subtree: true });
  tell();
}

/** Runs in the page: says something at once, however fast a person types. */
function speak(text) {
  const box = document.querySelector(".chat-form textarea");
  Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(box, text);
  box.dispatchEvent(new Event("input", { bubbles: true }));
  return new Promise((resolve) => setTimeout(resolve)).then(() => box.form.requestSubmit());
}

/** The web app in Chromium. */
export class App {
  #launch = () => {
    const proxy = this.site.proxy ? [`--proxy-server=http://${this.site.proxy}`] : [];
    return chromium(proxy, undefined, this.site.namespace.enter());
  };
  #browser;
  #page;
  /** The chat is opened once, and one thing is said after the other. */
  #chat;
  #spoken = Promise.resolve();
  #heard = [];
  #waiting = new Set();

  constructor(site, name) {
    Object.assign(this, { site, name });
  }

  /** The same in Firefox, which is spoken to over loopback: its site has to be here. */
  static inFirefox(site, name) {
    const app = new App(site, name);
    app.#launch = firefox;
    return app;
  }

  async start(link) {
    this.#browser = await this.#launch();
    this.#page = await CallPage.open(this.#browser, link ? linkFor(this.site, link) : serverFor(this.site), this.name);
    if (!link) return await this.#page.newCall();
    await this.#page.join();
    return link;
  }

  async path() {
    for (const late = Date.now() + PATIENCE; Date.now() < late; ) {
      const [path] = await this.#page.paths();
      if (path) return [path.local, path.remote].includes("relay") ? "relayed" : "direct";
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${this.name}: no path`);
  }

  say(text) {
    const speaking = Promise.all([this.#openChat(), this.#spoken]).then(() => this.#page.page.evaluate(speak, text));
    // What can't be said isn't read either.
    this.#spoken = speaking.catch(() => undefined);
  }

  async reads(text) {
    await this.#openChat();
    const isHeard = () => this.#heard.some((line) => line.includes(text));
    await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${this.name} doesn't read “${text}”`)), LATE);
      const look = () => {
        if (!isHeard()) return;
        clearTimeout(late);
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  #openChat() {
    return (this.#chat ??= (async () => {
      await this.#page.page.exposeFunction("heardForTest", (line) => {
        this.#heard.push(line);
        for (const look of this.#waiting) look();
      });
      await this.#page.openChat();
      await this.#page.page.evaluate(listen);
    })());
  }

  async end() {
    await this.#browser?.close();
  }
}

const KINDS = {
  join: (...site) => new Joined(...site),
  app: (...site) => new App(...site),
  firefox: (...site) => App.inFirefox(...site),
};

/** Both come by one link; resolves with `{ first, second, time, path }`: milliseconds from when the second one is there. */
export async function meet(laboratory, sites, programs) {
  const make = (index, name) => KINDS[programs[index]](sites[index], name, laboratory.directory);
  const [first, second] = [make(0, "Ada"), make(1, "Grace")];
  try {
    const link = await first.start();
    await second.start(link);
    const begin = performance.now();
    const paths = await Promise.all([first.path(), second.path()]);
    return { first, second, time: Math.round(performance.now() - begin), path: paths.join(" and ") };
  } catch (error) {
    await Promise.allSettled([first.end(), second.end()]);
    throw error;
  }
}

/** How often something is said while a network changes, in milliseconds, and for how long. */
const TICK = 200;
const CHANGING = 30_000;
/** How long they talk before it does, in milliseconds. */
const CALM = 2000;

/** The longest time that each side heard nothing of the other one, from when `change` happened; and what got lost. They talk for `lasting` milliseconds. */
export async function gaps({ first, second }, change, lasting = CHANGING) {
  const heard = { Ada: [], Grace: [] };
  const ways = new Set();
  const said = [];
  const listen = async (listener, text) => {
    ways.add(await listener.reads(text));
    heard[listener.name].push(performance.now());
  };
  const waiting = [];
  const begin = performance.now();
  let happened;
  while (performance.now() - begin < lasting) {
    if (performance.now() - begin > CALM) happened ??= meanwhile(change());
    const number = said.length;
    said.push(number);
    for (const [speaker, listener] of [[first, second], [second, first]]) {
      const text = `tick ${number} of ${speaker.name}.`;
      speaker.say(text);
      waiting.push(listen(listener, text).then(() => true, () => false));
    }
    await new Promise((resolve) => setTimeout(resolve, TICK));
  }
  await happened;
  const lost = (await Promise.all(waiting)).filter((isHeard) => !isHeard).length;
  const gap = (times) => Math.max(...times.sort((one, other) => one - other).map((time, index) => (index > 0 ? time - times[index - 1] : 0)));
  return { gap: Math.round(Math.max(...Object.values(heard).map(gap))), lost, said: 2 * said.length, ways: [...ways] };
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({
    options: {
      a: { type: "string", default: "port-restricted" },
      b: { type: "string", default: "port-restricted" },
      programs: { type: "string", default: "join,join" },
      delay: { type: "string", default: "25" },
      at: { type: "string" },
      lasting: { type: "string", default: String(CHANGING) },
    },
  });
  const laboratory = await Laboratory.create();
  let met;
  try {
    await laboratory.serve();
    const quality = { delay: Number(values.delay) };
    const programs = values.programs.split(",");
    const here = programs[0] === "firefox" ? Namespace.here() : undefined;
    const sites = [await laboratory.site("a", values.a, quality, here), await laboratory.site("b", values.b, quality)];
    if (values.at) await CHANGES[values.at].prepare?.(laboratory, sites[0], quality);
    met = await meet(laboratory, sites, programs);
    const { path, time } = met;
    const changed = values.at ? await gaps(met, () => CHANGES[values.at].happen(laboratory, sites[0]), Number(values.lasting)) : {};
    console.log(JSON.stringify({ path, time, ...changed }));
  } finally {
    await laboratory.end(met?.first, met?.second);
  }
}
