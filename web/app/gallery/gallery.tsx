/**
 * Every look of the app without a server, to design it by: `npm run dev`, then `/gallery/?scene=call-3`.
 * It is no part of what is built.
 */
import { signal } from "@preact/signals";
import type { Diagnostics } from "peerline";
import type { CheckEvidence } from "peerline/check";
import { render, type ComponentChildren } from "preact";
import { startMedia } from "../src/media/local";
import { Notices } from "../src/parts/notices";
import { RingDialogs } from "../src/parts/ring-dialogs";
import { answered } from "../src/state/chat";
import { people } from "../src/state/discovery";
import { here } from "../src/state/known-people";
import * as model from "../src/state/model";
import { notify } from "../src/state/notices";
import { online } from "../src/state/online";
import { incoming, outgoing } from "../src/state/ringing";
import { added, findable, missed, name, verified } from "../src/state/settings";
import { recordingState } from "../src/state/recording";
import { ownScreen } from "../src/state/screen";
import { ShownTransfer } from "../src/state/shown-transfer";
import { transfers, transfersOpen } from "../src/state/transfers";
import { outdated } from "../src/state/version";
import { openConnection } from "../src/state/open-connection";
import type { TransferView } from "../src/state/transfer-view";
import { ownHand, reactions } from "../src/state/gestures";
import { personTile, togglePin } from "../src/state/pin";
import { activeSpeaker } from "../src/state/speaking";
import { CallView } from "../src/views/call";
import { CheckView } from "../src/views/check";
import { LeftView } from "../src/views/left";
import { LobbyView } from "../src/views/lobby";
import { ProblemView } from "../src/views/problem";
import { StartView } from "../src/views/start";
import { chooseLanguage, startLanguage, type Language } from "../src/text/languages";
import "../src/style/index.css";

const LINK = "https://call.example/c/#v1.mN3fX0vJ7c2kq1sT8bWzE5uYh4LrPdAoGiKxV6nQj9M";
const NAMES = ["Grace Hopper", "Linus", "Margaret Hamilton", "Ken Thompson", "Radia Perlman", "Vint Cerf", "Barbara Liskov"];
const SHAPES: readonly (readonly [number, number])[] = [[640, 480], [1280, 720], [480, 640], [640, 480], [1280, 720], [640, 480], [640, 480]];

/** A picture that moves: a figure in front of a wall. */
function picture(index: number): MediaStream {
  const canvas = document.createElement("canvas");
  const [width, height] = SHAPES[index] ?? [640, 480];
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  let turn = 0;
  const draw = () => {
    if (context === null) return;
    const hue = 150 + index * 47;
    context.fillStyle = `hsl(${hue} 22% 38%)`;
    context.fillRect(0, 0, width, height);
    const x = width / 2 + Math.sin(turn / 20) * 12;
    context.fillStyle = `hsl(${hue + 160} 35% 30%)`;
    context.beginPath();
    context.ellipse(x, height, width * 0.28, height * 0.34, 0, 0, 7);
    context.fill();
    context.fillStyle = `hsl(28 40% ${62 - index * 5}%)`;
    context.beginPath();
    context.ellipse(x, height * 0.43, height * 0.16, height * 0.21, 0, 0, 7);
    context.fill();
    turn += 1;
  };
  setInterval(draw, 66);
  draw();
  return canvas.captureStream(15);
}

/** A connection of six minutes that lost packets for a while. */
function diagnostics(): Diagnostics {
  const time = Date.now();
  const samples = Array.from({ length: 180 }, (_, index) => {
    const bad = index > 90 && index < 110 ? 1 : 0;
    return {
      time: time - (179 - index) * 2000,
      roundTrip: 24 + Math.sin(index / 4) * 6 + bad * 160,
      lossIn: bad * 0.07,
      lossOut: 0,
      bitrateIn: 1_400_000 + Math.sin(index / 9) * 200_000 - bad * 900_000,
      bitrateOut: index < 10 ? index * 80_000 : 800_000 + Math.cos(index / 5) * 60_000,
    };
  });
  const local = { type: "host", protocol: "udp", address: "192.168.1.23", port: 50_123 } as const;
  const relay = { type: "relay", protocol: "udp", relayProtocol: "tls", address: "203.0.113.9", port: 61_000, server: "turns:relay.example:443" } as const;
  const remote = { type: "srflx", protocol: "udp", address: "198.51.100.77", port: 40_001 } as const;
  const still: Omit<Diagnostics, keyof EventTarget> = {
    route: { kind: "relayed", protocol: "tls", port: 443, reason: "direct-failed", directPairs: 4 },
    samples,
    diagnosis: undefined,
    snapshot: {
      ...{ time, roundTrip: 24, availableOutgoing: 2_400_000, bytesReceived: 1, bytesSent: 1, packetsReceived: 1, packetsLost: 0 },
      pairs: [
        { local: relay, remote, state: "succeeded", selected: true, roundTrip: 24 },
        { local, remote, state: "failed", selected: false },
        { local, remote: { ...remote, type: "host", address: "fd00:1234::7e1c:44ff:fe0a:1b2c" }, state: "in-progress", selected: false },
      ],
      media: [
        { direction: "in", kind: "audio", mid: "0", codec: "opus" },
        { direction: "in", kind: "video", mid: "1", codec: "VP8", width: 1280, height: 720, framesPerSecond: 30 },
        { direction: "in", kind: "video", mid: "2", codec: "VP9", width: 1920, height: 1080, framesPerSecond: 15 },
        { direction: "out", kind: "audio", mid: "0", codec: "opus" },
        { direction: "out", kind: "video", mid: "1", codec: "VP8", width: 640, height: 360, framesPerSecond: 15, limitedBy: "bandwidth" },
      ],
    },
    events: [
      { time: time - 360_000, kind: "signaling", state: "have-local-offer" },
      { time: time - 359_900, kind: "local-candidate", candidate: local },
      { time: time - 359_800, kind: "remote-candidate", candidate: remote },
      { time: time - 359_700, kind: "ice", state: "checking" },
      { time: time - 350_000, kind: "candidate-error", code: 701, server: "turn:relay.example:3478" },
      { time: time - 349_000, kind: "restart" },
      { time: time - 348_500, kind: "connection", state: "connected" },
    ],
    watch: () => () => undefined,
    report: () => ({}) as never,
    eventLog: () => "",
  };
  return Object.assign(new EventTarget(), still) as Diagnostics;
}

function others(count: number, changes: Partial<Record<number, Partial<model.Participant>>> = {}): model.Participant[] {
  return NAMES.slice(0, count).map((name, index) => ({
    id: `participant-${name}`,
    name,
    microphone: index % 3 !== 1,
    camera: index !== 3,
    state: "connected" as const,
    stream: picture(index),
    audioTrack: null,
    verification: undefined,
    screen: null,
    diagnostics: diagnostics(),
    diagnosis: null,
    hand: undefined,
    recording: false,
    ...changes[index],
  }));
}

const chat: model.Message[] = [
  { id: "1", from: "participant-Grace Hopper", name: "Grace Hopper", text: "Hello! Do you hear me?", time: Date.now() - 400_000, reply: null, missed: false },
  { id: "2", from: null, name: "You", text: "Loud and clear.", time: Date.now() - 300_000, reply: "1", missed: false },
  { id: "3", from: "participant-Linus", name: "Linus", text: "The minutes of last week: https://example.org/a/rather/long/address/that/has/to/break/somewhere.html", time: Date.now() - 200_000, reply: null, missed: true },
  { id: "4", from: "participant-Linus", name: "Linus", text: "Tell me **what is missing**, or run `make`:\n```\nmake run ARGS=\"--lan --stun-listen 0.0.0.0:3478\"\n```", time: Date.now() - 190_000, reply: null, missed: true },
  { id: "5", from: null, name: "You", text: "Nothing, thank you 👍", time: Date.now() - 60_000, reply: null, missed: false },
];

async function call(participants: model.Participant[]): Promise<ComponentChildren> {
  await startMedia();
  model.ownId.value = "own";
  model.phase.value = "call";
  model.participants.value = participants;
  return <CallView link={LINK} />;
}

/** Presses a button of the call as soon as it is there; on a narrow screen it is behind "More". */
function press(label: string): void {
  const button = (name: string) => document.querySelector<HTMLElement>(`button[aria-label="${name}"]`);
  const timer = setInterval(() => {
    const wanted = button(label);
    if (wanted !== null) clearInterval(timer);
    (wanted ?? button("More"))?.click();
  }, 200);
}

/** One that looks like `view`; what is running goes on at its speed. */
function transfer(sizes: Record<string, number>, view: Partial<TransferView>): ShownTransfer {
  const files = Object.entries(sizes).map(([path, size]) => ({ path, size }));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const { incoming = true, person = "Grace Hopper", state = "running", reason, done = 0, filesDone = 0, speed = 0, saved } = view;
  const began = performance.now();
  const still = { files, bytes, participant: { name: person }, state, reason, unreadable: new Set() };
  const progress = () => ({ files: filesDone, bytes: Math.min(done + (speed * (performance.now() - began)) / 1000, bytes), kept: 0 });
  const given = Object.defineProperty(Object.assign(new EventTarget(), still), "progress", { get: progress }) as never;
  const shown = new ShownTransfer(given, incoming ? given : null);
  shown.view.value = { ...shown.view.value, saved };
  return shown;
}

const holiday = Object.fromEntries(Array.from({ length: 124 }, (_, index) => [`Holiday/IMG_${4000 + index}.jpg`, 3_400_000 + index * 12_345]));

const person = { participant: "participant-Radia Perlman", name: "Radia Perlman", identity: "", presence: "online" as const };

/** A network that shows each destination another address, and lets no TLS through to the relay. */
const checked: CheckEvidence = {
  ...{ format: "peerline-check", version: 1, created: "2026-11-27T07:00:00Z", server: "https://call.example", browser: navigator.userAgent },
  web: { outcome: "answered", took: 64 },
  clock: { ahead: 0.3, within: 0.5 },
  signaling: { outcome: "done", took: 118 },
  servers: [
    { ...{ url: "stun:call.example:3478", function: "stun", protocol: "udp", outcome: "answered", took: 31 }, candidate: { type: "srflx", protocol: "udp", address: "203.0.113.7", port: 50_123 } },
    { ...{ url: "turn:call.example:3478?transport=udp", function: "turn", protocol: "udp", outcome: "answered", took: 66 }, candidate: { type: "relay", protocol: "udp", relayProtocol: "udp", address: "198.51.100.9", port: 61_000 } },
    { ...{ url: "turn:call.example:443?transport=tcp", function: "turn", protocol: "tcp", outcome: "answered", took: 97 }, candidate: { type: "relay", protocol: "udp", relayProtocol: "tcp", address: "198.51.100.9", port: 61_002 } },
    { url: "turns:call.example:443?transport=tcp", function: "turn", protocol: "tls", outcome: "silent", took: 5000 },
  ],
  mapping: { destinations: ["stun:call.example:3478", "stun:call.example:443"], mapped: ["203.0.113.7:50123", "203.0.113.7:50124"] },
  candidates: [
    { type: "host", protocol: "udp", address: "4b6c1f6e-3c5f-4a31-9a6f-6d3f2b1e7a90.local", port: 50_123 },
    { type: "srflx", protocol: "udp", address: "203.0.113.7", port: 50_123 },
    { type: "relay", protocol: "udp", relayProtocol: "udp", address: "198.51.100.9", port: 61_004 },
  ],
  call: { outcome: "connected", took: 348, roundTrip: 62, protocol: "udp", throughput: 9_420_000, sent: 1000, arrived: 997 },
  camera: { permission: "prompt", found: 1 },
  microphone: { permission: "prompt", found: 2 },
};

const relayed = { type: "relay", protocol: "udp", relayProtocol: "tls", address: "198.51.100.9", port: 61_006 } as const;

const scenes: Record<string, () => ComponentChildren | Promise<ComponentChildren>> = {
  start: () => {
    name.value = "";
    return <StartView />;
  },
  "start-offline": () => {
    online.value = false;
    return <StartView />;
  },
  people: () => {
    name.value = "Ada Lovelace";
    findable.value = true;
    people.value = NAMES.map((name, index) => ({
      name,
      participant: `participant-${name}`,
      identity: "",
      presence: (["online", "in_call", "online", "away"] as const)[index % 4] ?? "online",
    }));
    return <StartView />;
  },
  contacts: () => {
    name.value = "Ada Lovelace";
    findable.value = true;
    const contact = (name: string) => ({ name, identity: `identity-${name}` });
    added.value = NAMES.slice(0, 3).map(contact);
    missed.value = [
      { ...contact("Radia Perlman"), time: Date.now() - 1_800_000 },
      { ...contact("Linus"), time: Date.now() - 200_000_000 },
    ];
    here.value = new Map([NAMES[0], "Linus"].map((name = "") => [`identity-${name}`, { ...contact(name), participant: name, presence: "online" }]));
    return <StartView />;
  },
  incoming: () => {
    incoming.value = { ...new EventTarget(), from: person.participant, name: person.name } as never;
    return <StartView />;
  },
  outgoing: () => {
    outgoing.value = { person, cancel: () => undefined };
    return <StartView />;
  },
  "start-outdated": () => {
    outdated.value = true;
    return <StartView />;
  },
  lobby: () => <LobbyView link={LINK} />,
  "lobby-refused": () => {
    navigator.mediaDevices.getUserMedia = ({ video, audio }: MediaStreamConstraints = {}) =>
      Promise.reject(new DOMException("", video && !audio ? "NotAllowedError" : "NotFoundError"));
    return <LobbyView link={LINK} />;
  },
  "lobby-full": () => {
    model.failure.value = "error.channel-full";
    model.serverReachable.value = false;
    return <LobbyView link={LINK} />;
  },
  left: () => <LeftView />,
  problem: () => <ProblemView text="error.invalid-link" />,
  check: () => <CheckView find={async () => checked} />,
  "check-good": () => {
    const servers = checked.servers.map(({ candidate, ...server }) => ({ ...server, outcome: "answered" as const, took: 58, candidate: candidate ?? relayed }));
    const mapping = { destinations: checked.mapping?.destinations ?? [], mapped: ["203.0.113.7:50123"] };
    return <CheckView find={async () => ({ ...checked, servers, mapping })} />;
  },
  "check-running": () => <CheckView find={(step) => new Promise(() => setTimeout(() => step("reach"), 100))} />,
  "call-chat": async () => {
    model.messages.value = chat;
    model.delivered.value = new Set(["2", "5"]);
    model.chatOpen.value = true;
    return call(others(2));
  },
  "call-reply": async () => {
    model.messages.value = chat;
    model.chatOpen.value = true;
    answered.value = chat[2] ?? null;
    return call(others(2));
  },
  "call-new-lines": async () => {
    const lines = Array.from({ length: 4 }, (_, round) => chat.slice(0, 4).map((line) => ({ ...line, id: `${round}-${line.id}`, reply: null, missed: false }))).flat();
    model.messages.value = lines.slice(0, -3);
    model.chatOpen.value = true;
    const scene = await call(others(2));
    setTimeout(() => document.querySelector("[role=log]")?.scrollTo({ top: 40 }), 300);
    setTimeout(() => (model.messages.value = lines), 600);
    return scene;
  },
  "call-away": async () => call(others(2, { 0: { state: "away", diagnosis: { kind: "peer-gone" } } })),
  "call-offer": async () => {
    transfers.value = [transfer(holiday, { state: "offered" })];
    return call(others(1));
  },
  "call-offer-file": async () => {
    transfers.value = [transfer({ "minutes of last week’s meeting, corrected by Margaret.pdf": 183_000 }, { state: "offered", person: "Linus" })];
    return call(others(3));
  },
  "call-files": async () => {
    transfers.value = [
      transfer(holiday, { done: 211_000_000, filesDone: 52, speed: 34_000_000 }),
      transfer({ "film.mkv": 2_147_483_648 }, { incoming: false, person: "Linus", state: "waiting", done: 900_000_000 }),
      transfer({ "photo.jpg": 3_400_000 }, { state: "completed", saved: "downloaded" }),
      transfer({ "slides/1.png": 400_000, "notes.txt": 900 }, { state: "completed" }),
      transfer({ "big.iso": 5_000_000_000 }, { incoming: false, state: "declined", reason: "no_space" }),
    ];
    return call(others(2));
  },
  "call-files-hidden": async () => {
    transfers.value = [transfer({ "film.mkv": 2_147_483_648 }, { done: 1, speed: 1 })];
    transfersOpen.value = false;
    return call(others(1));
  },
  "call-people": async () => {
    const words = async () => ["late", "carpet", "style", "patient"];
    const verification = (state: "ready" | "broken", identity?: string) => ({ state, identity, words });
    verified.value = [{ identity: "grace", name: "Grace Hopper" }, { identity: "old", name: "Linus" }];
    const people = others(4, { 0: { verification: verification("ready", "grace") }, 1: { verification: verification("ready", "new") }, 2: { verification: verification("ready", "m") } });
    const scene = await call(people);
    setTimeout(() => document.querySelector<HTMLElement>(".call-people")?.click(), 300);
    return scene;
  },
  "call-verify": async () => {
    const words = async () => ["late", "carpet", "style", "patient"];
    const scene = await call(others(1, { 0: { verification: { state: "ready", identity: "grace", words } } }));
    setTimeout(() => document.querySelector<HTMLElement>(".call-people")?.click(), 300);
    setTimeout(() => document.querySelector<HTMLElement>(".participants .button")?.click(), 600);
    return scene;
  },
  "call-send": async () => {
    const scene = await call(others(2));
    press("Send files");
    return scene;
  },
  "left-files": () => {
    transfers.value = [transfer({ "slides/1.png": 400_000, "notes.txt": 900 }, { state: "completed" })];
    return <LeftView />;
  },
  "call-screen": async () => call(others(3, { 1: { screen: picture(1) } })),
  connection: async () => {
    const scene = await call(others(2));
    openConnection.value = "participant-Grace Hopper";
    return scene;
  },
  "call-diagnosis": async () =>
    call(
      others(3, {
        0: { diagnosis: { kind: "loss", direction: "in", loss: 0.12 } },
        1: { state: "failed", diagnosis: { kind: "relay-unreachable", protocols: ["udp", "tcp", "tls"] } },
        2: { state: "away", diagnosis: { kind: "peer-gone" } },
      }),
    ),
  "call-own-screen": async () => {
    ownScreen.value = picture(4);
    return call(others(2));
  },
  "call-hands": async () => {
    const scene = await call(others(3, { 0: { hand: 2 }, 2: { hand: 1 } }));
    ownHand.value = 3;
    reactions.value = [{ id: 1, from: "participant-Linus", reaction: "applause" }, { id: 2, from: "own", reaction: "heart" }];
    return scene;
  },
  "call-recording": async () => call(others(2, { 0: { recording: true } })),
  "call-hands-list": async () => {
    const scene = await call(others(3, { 0: { hand: 2 }, 2: { hand: 1 } }));
    ownHand.value = 3;
    setTimeout(() => document.querySelector<HTMLElement>(".call-people")?.click(), 300);
    return scene;
  },
  "call-own-recording": async () => {
    recordingState.value = "on";
    return call(others(2));
  },
  "call-pinned": async () => {
    const scene = await call(others(3));
    togglePin(personTile("participant-Linus"));
    return scene;
  },
  "call-speaker": async () => {
    activeSpeaker.value = "participant-Margaret Hamilton";
    return call(others(7));
  },
  "call-react": async () => {
    const scene = await call(others(2));
    setTimeout(() => document.querySelector<HTMLElement>('[aria-label="React"]')?.click(), 300);
    return scene;
  },
  "call-more": async () => {
    const scene = await call(others(2));
    setTimeout(() => document.querySelector<HTMLElement>('[aria-label="More"]')?.click(), 300);
    return scene;
  },
  "call-settings": async () => {
    const scene = await call(others(2));
    press("Settings");
    return scene;
  },
  "call-unread": async () => {
    model.messages.value = chat;
    model.unread.value = 3;
    model.serverReachable.value = false;
    model.soundHeldBack.value = true;
    notify("Grace Hopper joined");
    return call(others(4, { 0: { state: "reconnecting" }, 1: { state: "connecting" }, 2: { state: "failed" }, 3: { state: "away" } }));
  },
};
for (let count = 0; count < 8; count += 1) scenes[`call-${count + 1}`] = () => call(others(count));

const scene = signal<ComponentChildren>(null);
name.value = "Ada Lovelace";
const chosen = scenes[new URLSearchParams(location.search).get("scene") ?? "start"];
const root = document.getElementById("app");
if (root !== null && chosen !== undefined) {
  const language = new URLSearchParams(location.search).get("language");
  await (language === null ? startLanguage() : chooseLanguage(language as Language));
  scene.value = await chosen();
  render(
    <>
      {scene.value}
      <RingDialogs />
      <Notices />
    </>,
    root,
  );
}
