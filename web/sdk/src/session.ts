import type { ConnectionState } from "./api.js";
import { backoff } from "./backoff.js";
import * as base64url from "./base64url.js";
import type { AnswerFrame, ClientFrame, RequestFrame, ServerEvent, ServerFrame, Welcome } from "./frames.js";
import { parseServerFrame } from "./frames.js";
import { Outbox } from "./outbox.js";
import { participantIdentifier } from "./sealing.js";
import type { Connect, Transport } from "./transport.js";

const AGENT = "peerline-sdk/0.1";
/** Seconds that a connection may take to open and to be welcomed. */
const CONNECT_TIMEOUT = 10;
/** Seconds that a `pong` may take. */
const PONG_TIMEOUT = 10;
/** The same after the page woke up, when doubt is justified. */
const PROBE_TIMEOUT = 3;
/** The same when the network is likely gone: at least, and in round trips. */
const DOUBT_TIMEOUT = 0.5;
const DOUBT_ROUND_TRIPS = 3;
const ACK_FRAMES = 16;
const ACK_DELAY = 1;
const FENCED = 4001;

type Timer = ReturnType<typeof setTimeout>;

/** Where a session tells what happens. */
export interface SessionListener {
  statechange(): void;
  /** A frame that the server sent by itself; each comes once, in order. */
  event(event: ServerEvent): void;
  /** The server has no memory of us: join and announce again. What is sent here goes before what waits in the outbox. */
  reset(): void;
  /** Another connection has taken our key: this session is closed. */
  fenced(): void;
  /** The connection that was in doubt holds. */
  certain(): void;
}

/**
 * The conversation with the server, across connections (`docs/signaling.md` §5): it connects, resumes,
 * repeats what was not answered, acknowledges, and finds out when a connection is dead.
 */
export class Session {
  readonly #key = crypto.getRandomValues(new Uint8Array(32));
  readonly #connect: Connect;
  readonly #listener: SessionListener;
  readonly #outbox = new Outbox((frame) => this.#transmitOnline(frame));
  #state: ConnectionState = "closed";
  #wanted = false;
  #participant = "";
  #lastId = 0;
  #transport: Transport | undefined;
  #resume: { token: string; epoch: string; offset: number } | undefined;
  #acknowledged = 0;
  #failures = 0;
  #heartbeat = 25;
  /** When the server was heard the last time, in milliseconds since 1970. */
  #heard = 0;
  /** When we said hello, in milliseconds since 1970; and how many seconds the answer took. */
  #greeted = 0;
  #roundTrip = 0;
  /** The `ping` whose answer is awaited, and when it is late, in milliseconds since 1970. */
  #pinged = 0;
  #pongBy = 0;
  /** When a connection was lost the last time, in milliseconds since 1970. */
  #lostAt = 0;
  #drain: [number, number] | undefined;
  #retryAfter = 0;
  #reconnectTimer: Timer | undefined;
  #connectTimer: Timer | undefined;
  #heartbeatTimer: Timer | undefined;
  #pongTimer: Timer | undefined;
  #ackTimer: Timer | undefined;

  constructor(connect: Connect, listener: SessionListener) {
    this.#connect = connect;
    this.#listener = listener;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Whether frames can be sent now. */
  get online(): boolean {
    return this.#state === "online" || this.#state === "draining";
  }

  /** Whether the server has answered lately, as far as anybody wanted to know. */
  get certain(): boolean {
    return this.online && this.#pongTimer === undefined;
  }

  /** When a connection was lost the last time, in milliseconds since 1970. */
  get lostAt(): number {
    return this.#lostAt;
  }

  /** One's own identifier; empty before {@link Session.open} resolved. */
  get participant(): string {
    return this.#participant;
  }

  /** Begins to connect; resolves when one's own identifier is known, not when connected. */
  async open(): Promise<void> {
    this.#wanted = true;
    this.#participant ||= await participantIdentifier(this.#key);
    if (!this.#wanted || this.#state !== "closed") return;
    this.#setState("connecting");
    this.#attempt();
  }

  /** A number that no frame of ours has had (§3). */
  nextId(): number {
    return ++this.#lastId;
  }

  /** Sends a request, and again after each reconnect until it is answered. */
  request(frame: RequestFrame): Promise<AnswerFrame> {
    return this.#outbox.send(frame);
  }

  /** Gives up on requests. */
  abandon(which: (frame: RequestFrame) => boolean): void {
    this.#outbox.abandon(which);
  }

  /** Sends a frame that has no answer, if there is a connection. */
  notify(frame: ClientFrame): void {
    this.#transmitOnline(frame);
  }

  /** The page woke up: connects at once, or finds out whether the connection still works. */
  wake(): void {
    this.#makeSure(PROBE_TIMEOUT);
  }

  /** Our network is another one: as {@link Session.wake}, but the answer is late sooner. */
  networkChanged(): void {
    this.#makeSure(this.#doubtTimeout);
  }

  /**
   * Others fell silent: finds out, as soon, whether the connection still works. One that is gone comes back at its own time: when a server
   * stops, all fall silent at once.
   */
  doubt(): void {
    this.#ping(this.#doubtTimeout);
  }

  /** Ends the session. What waits for an answer rejects. */
  close(): void {
    this.suspend();
    this.#outbox.abandon();
  }

  /** Ends the connection and forgets the session, but not what waits for an answer; {@link Session.open} begins again. */
  suspend(): void {
    this.#wanted = false;
    this.#disconnect();
    this.#resume = undefined;
    this.#setState("closed");
  }

  get #doubtTimeout(): number {
    return Math.max(DOUBT_TIMEOUT, DOUBT_ROUND_TRIPS * this.#roundTrip);
  }

  #makeSure(timeout: number): void {
    if (this.online) this.#ping(timeout);
    else if (this.#reconnectTimer !== undefined && this.#retryAfter === 0) this.#attempt();
  }

  #attempt(): void {
    clearTimeout(this.#reconnectTimer);
    this.#reconnectTimer = undefined;
    this.#retryAfter = 0;
    this.#connectTimer = setTimeout(() => this.#lost(1006), CONNECT_TIMEOUT * 1000);
    this.#transport = this.#connect({
      opened: () => this.#hello(),
      received: (json) => this.#received(json),
      closed: (code) => this.#lost(code),
    });
  }

  #hello(): void {
    const hello: ClientFrame = { type: "hello", id: this.nextId(), key: base64url.encode(this.#key), agent: AGENT };
    this.#greeted = Date.now();
    this.#transmit(this.#resume ? { ...hello, resume: this.#resume } : hello);
  }

  #received(json: string): void {
    this.#heard = Date.now();
    const frame = parseServerFrame(json);
    if (!frame) return;
    // What comes by itself shows that one direction works; only an answer shows it of both.
    if ("re" in frame && frame.re !== undefined && frame.re >= this.#pinged) this.#answered();
    if (frame.type === "welcome") this.#welcomed(frame);
    else if ("offset" in frame && frame.offset !== undefined) this.#event(frame);
    else if (frame.type === "error" && !this.online) this.#retryAfter = frame.retry ?? 0;
    else if ("re" in frame && frame.re !== undefined) this.#outbox.answered(frame as AnswerFrame & { re: number });
  }

  #answered(): void {
    if (this.#pongTimer === undefined) return;
    clearTimeout(this.#pongTimer);
    this.#pongTimer = undefined;
    this.#listener.certain();
  }

  #welcomed(welcome: Welcome): void {
    clearTimeout(this.#connectTimer);
    this.#roundTrip = Math.max(0, Date.now() - this.#greeted) / 1000;
    const recovered = welcome.recovered && this.#resume !== undefined;
    const offset = recovered ? (this.#resume?.offset ?? 0) : 0;
    this.#resume = { token: welcome.resume, epoch: welcome.epoch, offset };
    this.#acknowledged = offset;
    this.#heartbeat = Math.max(welcome.heartbeat, 1);
    this.#failures = 0;
    this.#drain = undefined;
    this.#restartHeartbeat();
    this.#state = "online";
    const unanswered = this.#lastId;
    if (!recovered) this.#listener.reset();
    this.#outbox.repeat(unanswered);
    this.#listener.statechange();
  }

  #event(event: ServerFrame & { offset: number }): void {
    if (!this.#resume || event.offset <= this.#resume.offset) return;
    this.#resume.offset = event.offset;
    if (event.offset - this.#acknowledged >= ACK_FRAMES) this.#acknowledge();
    else this.#ackTimer ??= setTimeout(() => this.#acknowledge(), ACK_DELAY * 1000);
    if (event.type === "drain") {
      this.#drain = event.reconnect;
      this.#setState("draining");
    }
    this.#listener.event(event as ServerEvent);
  }

  #acknowledge(): void {
    clearTimeout(this.#ackTimer);
    this.#ackTimer = undefined;
    if (!this.#resume || !this.online) return;
    this.#acknowledged = this.#resume.offset;
    this.#transmit({ type: "ack", offset: this.#acknowledged });
  }

  #lost(code: number): void {
    this.#lostAt = Date.now();
    this.#disconnect();
    if (code === FENCED) {
      this.close();
      this.#listener.fenced();
      return;
    }
    const [from, to] = this.#drain ?? [0, 0];
    const announced = from + (to - from) * Math.random();
    const wait = Math.max(this.#drain ? announced : backoff(this.#failures, Math.random()), this.#retryAfter);
    this.#drain = undefined;
    this.#failures += 1;
    this.#reconnectTimer = setTimeout(() => this.#attempt(), wait * 1000);
    if (this.#state !== "connecting") this.#setState("offline");
  }

  #disconnect(): void {
    for (const timer of [this.#reconnectTimer, this.#connectTimer, this.#heartbeatTimer, this.#pongTimer, this.#ackTimer])
      clearTimeout(timer);
    this.#reconnectTimer = this.#pongTimer = this.#ackTimer = undefined;
    const transport = this.#transport;
    this.#transport = undefined;
    transport?.close();
  }

  #transmitOnline(frame: ClientFrame): void {
    if (this.online) this.#transmit(frame);
  }

  #transmit(frame: ClientFrame): void {
    this.#transport?.send(JSON.stringify(frame));
    this.#restartHeartbeat();
    // Whoever keeps talking to a dead connection would never be silent long enough to find out.
    const silent = Date.now() - this.#heard > this.#heartbeat * 1000;
    if (silent && this.#pongTimer === undefined && frame.type !== "ping") this.#ping(PONG_TIMEOUT);
  }

  #restartHeartbeat(): void {
    clearTimeout(this.#heartbeatTimer);
    this.#heartbeatTimer = setTimeout(() => this.#ping(PONG_TIMEOUT), this.#heartbeat * 1000);
  }

  #ping(timeout: number): void {
    if (!this.online) return;
    const id = this.nextId();
    this.#transmit({ type: "ping", id });
    const by = Date.now() + timeout * 1000;
    // One that is awaited sooner doesn't get more time.
    if (this.#pongTimer !== undefined && this.#pongBy <= by) return;
    clearTimeout(this.#pongTimer);
    [this.#pinged, this.#pongBy] = [id, by];
    this.#pongTimer = setTimeout(() => {
      // What came while the page was busy waits behind this.
      this.#pongTimer = setTimeout(() => this.#lost(1006));
    }, timeout * 1000);
  }

  #setState(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#listener.statechange();
  }
}
