/** A server in memory, behind the platform's `WebSocket`: enough of `docs/signaling.md` for the client's tests. */
import { createHash, randomBytes } from "node:crypto";
import { Ajv2020 } from "ajv/dist/2020.js";
import type { ClientFrame, Member, RequestFrame } from "../../src/frames.js";
import { schema } from "../vectors.js";

const ajv = new Ajv2020({ strict: false, formats: { uri: true } });
ajv.addSchema(schema, "messages");
const isClientFrame = ajv.compile({ $ref: "messages#/$defs/fromClient" });

type Frame = Record<string, unknown>;

interface HubSession {
  participant: string;
  token: string;
  offset: number;
  unacknowledged: Frame[];
  socket: FakeWebSocket | undefined;
  channels: Map<string, string>;
  announced: Frame | undefined;
  handled: Map<number, Frame>;
}

export class FakeHub {
  /** Connections fail while it is down. */
  down = false;
  /** Every frame of every client, in order of arrival. */
  readonly received: ClientFrame[] = [];
  /** Frames for which this returns true are lost on the way to the server. */
  loses: (frame: ClientFrame, participant: string | undefined) => boolean = () => false;
  /** Answers for which this returns true are lost on the way to the client. */
  losesAnswerTo: (frame: ClientFrame) => boolean = () => false;
  /** Requests for which this gives a code are refused. */
  refuses: (frame: RequestFrame) => string | undefined = () => undefined;
  connections = 0;
  readonly ice = { servers: [{ urls: ["stun:192.0.2.1:3478"] }], expires: 4_000_000_000 };
  #epoch = token();
  #sessions = new Map<string, HubSession>();
  #sockets = new Set<FakeWebSocket>();
  /** Until when nothing of a participant arrives. */
  readonly #asleep = new Map<string, number>();

  /** To be put in the place of `WebSocket`. */
  readonly WebSocket = ((hub: FakeHub) =>
    class extends FakeWebSocket {
      constructor(url: URL, protocol: string) {
        super(hub, url, protocol);
      }
    })(this);

  connected(socket: FakeWebSocket): void {
    this.connections += 1;
    if (this.down) socket.end(1006);
    else {
      this.#sockets.add(socket);
      socket.onopen?.();
    }
  }

  closed(socket: FakeWebSocket): void {
    const session = [...this.#sessions.values()].find((candidate) => candidate.socket === socket);
    if (this.#isAsleep(session?.participant) || !this.#sockets.delete(socket) || !session) return;
    session.socket = undefined;
    for (const channel of session.channels.keys())
      this.#toOthers(session, channel, { type: "state", channel, participant: session.participant, state: "away" });
  }

  /** Every connection breaks, or that of one participant; the sessions stay. */
  breakConnections(code = 1006, participant?: string): void {
    const sockets = participant === undefined ? [...this.#sockets] : [this.#sessions.get(participant)?.socket];
    for (const socket of sockets) socket?.end(code);
  }

  /** The server forgets everything. */
  restart(): void {
    this.#sessions.clear();
    this.#epoch = token();
    this.breakConnections();
  }

  /** A page is asleep, or gone without a word: nothing of it arrives for so many milliseconds, and neither side knows that. */
  sleep(participant: string, milliseconds: number): void {
    this.#asleep.set(participant, Date.now() + milliseconds);
  }

  /** The same, and the server has noticed. */
  vanish(participant: string, milliseconds = 0): void {
    this.#asleep.delete(participant);
    const socket = this.#sessions.get(participant)?.socket;
    if (socket) this.closed(socket);
    this.sleep(participant, milliseconds);
  }

  #isAsleep(participant: string | undefined): boolean {
    return Date.now() < (this.#asleep.get(participant ?? "") ?? 0);
  }

  /** A session's grace time is over. */
  expire(participant: string): void {
    const session = this.#sessions.get(participant);
    if (session) for (const channel of [...session.channels.keys()]) this.#leave(session, channel, "timeout");
    this.#sessions.delete(participant);
  }

  /** Says something to a participant. */
  tell(participant: string, event: Frame): void {
    const session = this.#sessions.get(participant);
    if (!session) return;
    session.offset += 1;
    const frame = { ...event, offset: session.offset };
    session.unacknowledged.push(frame);
    session.socket?.deliver(frame);
  }

  take(socket: FakeWebSocket, text: string): void {
    const frame = JSON.parse(text) as ClientFrame;
    if (!isClientFrame(frame)) throw new Error(`Not in the schema: ${text} ${ajv.errorsText(isClientFrame.errors)}`);
    const session = [...this.#sessions.values()].find((candidate) => candidate.socket === socket);
    const from = frame.type === "hello" ? participantOf(frame.key) : session?.participant;
    if (this.loses(frame, from) || this.#isAsleep(from)) return;
    this.received.push(frame);
    if (frame.type === "hello") this.#hello(socket, frame);
    else if (session) {
      if (frame.type === "ack") session.unacknowledged = session.unacknowledged.filter(({ offset }) => (offset as number) > frame.offset);
      else if (frame.type !== "report") this.#answer(session, frame);
    }
  }

  #hello(socket: FakeWebSocket, { id, key, resume }: Extract<ClientFrame, { type: "hello" }>): void {
    const participant = participantOf(key);
    const old = this.#sessions.get(participant);
    const recovered = old !== undefined && resume?.token === old.token && resume.epoch === this.#epoch;
    const fresh = { participant, offset: 0, unacknowledged: [], channels: new Map(), announced: undefined, handled: new Map() };
    const session: HubSession = recovered ? old : { ...fresh, token: "", socket: undefined };
    const fenced = old?.socket;
    session.token = token();
    session.socket = socket;
    this.#sessions.set(participant, session);
    fenced?.end(4001);
    const limits = { frame: 65536, frames_per_second: 100, burst: 400, channels: 16, members: 8, queue: 512 };
    const rest = { epoch: this.#epoch, resume: session.token, grace: 60, heartbeat: 25, recovered, limits };
    socket.deliver({ type: "welcome", re: id, participant, ...rest });
    if (!recovered) return;
    for (const frame of session.unacknowledged) if ((frame["offset"] as number) > resume.offset) socket.deliver(frame);
    for (const channel of session.channels.keys())
      this.#toOthers(session, channel, { type: "state", channel, participant, state: "present" });
  }

  #answer(session: HubSession, frame: RequestFrame): void {
    const answer = session.handled.get(frame.id) ?? { ...this.#act(session, frame), re: frame.id };
    if (answer["type"] !== "error") session.handled.set(frame.id, answer);
    if (!this.losesAnswerTo(frame)) session.socket?.deliver(answer);
  }

  #act(session: HubSession, frame: RequestFrame): Frame {
    const { participant } = session;
    const code = this.refuses(frame);
    if (code) return { type: "error", code, message: "Refused." };
    switch (frame.type) {
      case "ping":
        return { type: "pong" };
      case "ice":
        return { type: "ice", ...this.ice };
      case "join": {
        const others = this.#others(session, frame.channel);
        if (others.length >= 8) return { type: "error", code: "channel_full", message: "Full." };
        const joined = session.channels.has(frame.channel);
        session.channels.set(frame.channel, frame.profile);
        if (!joined)
          for (const other of others)
            this.tell(other.participant, { type: "arrived", channel: frame.channel, member: this.#member(session, other, frame.channel) });
        const members = others.map((other) => this.#member(other, session, frame.channel));
        return { type: "joined", channel: frame.channel, members, ice: this.ice };
      }
      case "profile":
        if (!session.channels.has(frame.channel)) return { type: "error", code: "not_joined", message: "Not joined." };
        session.channels.set(frame.channel, frame.profile);
        this.#toOthers(session, frame.channel, { type: "profile", channel: frame.channel, participant, profile: frame.profile });
        return { type: "ok" };
      case "leave":
        this.#leave(session, frame.channel, "left");
        return { type: "ok" };
      case "send": {
        const { channel, to, id, payload } = frame;
        if (!session.channels.has(channel)) return { type: "error", code: "not_joined", message: "Not joined." };
        if (!this.#sessions.get(to)?.channels.has(channel)) return { type: "error", code: "peer_gone", message: "Gone." };
        this.tell(to, { type: "message", channel, from: participant, to, id, payload });
        return { type: "ok" };
      }
      case "announce":
        session.announced = { name: frame.name, participant, identity: frame.identity, presence: frame.presence };
        return { type: "ok" };
      case "unannounce":
        session.announced = undefined;
        return { type: "ok" };
      case "find": {
        const others = [...this.#sessions.values()].filter((other) => other !== session && other.announced);
        const people = others.map(({ announced, socket }) => (socket ? announced : { ...announced, presence: "away" }));
        return { type: "found", people: people.slice(0, 50) };
      }
      case "invite": {
        const { to, id, payload, timeout } = frame;
        if (!this.#sessions.has(to)) return { type: "error", code: "not_found", message: "Not found." };
        this.tell(to, { type: "invitation", from: participant, id, name: null, payload, timeout });
        return { type: "ok" };
      }
      case "respond":
        return this.#end(frame.to, participant, frame.invitation, { accept: "accepted", decline: "declined", busy: "busy" }[frame.answer]);
      case "cancel": {
        const invite = this.received.find((earlier) => earlier.type === "invite" && earlier.id === frame.invitation);
        return this.#end(participant, invite?.type === "invite" ? invite.to : "", frame.invitation, "cancelled");
      }
    }
  }

  #end(from: string, to: string, invitation: number, result: string): Frame {
    for (const side of [from, to]) this.tell(side, { type: "invitation_ended", from, to, invitation, result });
    return { type: "ok" };
  }

  #leave(session: HubSession, channel: string, reason: string): void {
    if (!session.channels.delete(channel)) return;
    this.#toOthers(session, channel, { type: "left", channel, participant: session.participant, reason });
  }

  #others(session: HubSession, channel: string): HubSession[] {
    return [...this.#sessions.values()].filter((other) => other.participant !== session.participant && other.channels.has(channel));
  }

  #toOthers(session: HubSession, channel: string, event: Frame): void {
    for (const other of this.#others(session, channel)) this.tell(other.participant, event);
  }

  #member(member: HubSession, reader: HubSession, channel: string): Member {
    const { participant } = member;
    const profile = member.channels.get(channel) as string;
    return { participant, profile, state: member.socket ? "present" : "away", polite: reader.participant < participant };
  }
}

export class FakeWebSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly url: string;
  readonly protocol: string;
  readonly #hub: FakeHub;
  #open = true;

  constructor(hub: FakeHub, url: URL, protocol: string) {
    this.#hub = hub;
    this.url = String(url);
    this.protocol = protocol;
    queueMicrotask(() => this.#open && hub.connected(this));
  }

  send(text: string): void {
    queueMicrotask(() => this.#open && this.#hub.take(this, text));
  }

  /** What was sent before still arrives. */
  close(): void {
    queueMicrotask(() => this.#drop());
  }

  /** A frame arrives at the client. */
  deliver(frame: Frame): void {
    const data = JSON.stringify(frame);
    queueMicrotask(() => this.#open && this.onmessage?.({ data }));
  }

  /** The connection breaks, seen from the client. */
  end(code: number): void {
    if (!this.#open) return;
    this.#drop();
    this.onclose?.({ code });
  }

  #drop(): void {
    this.#open = false;
    this.#hub.closed(this);
  }
}

function participantOf(key: string): string {
  const digest = createHash("sha256").update("peerline v1 participant").update(Buffer.from(key, "base64url")).digest();
  return digest.subarray(0, 16).toString("base64url");
}

function token(): string {
  return randomBytes(32).toString("base64url");
}
