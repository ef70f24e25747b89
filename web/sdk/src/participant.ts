import type { ParticipantEvents, ParticipantState, Path, Verification } from "./api.js";
import { Connection } from "./connection.js";
import { ConnectionDiagnostics, type Situation } from "./diagnostics/diagnostics.js";
import { TypedEventTarget } from "./events.js";
import type { ClientFrame, FailureReason } from "./frames.js";
import { putLast, relayProtocol } from "./ice-servers.js";
import type { Identity } from "./identity.js";
import { Liveness } from "./liveness.js";
import { type AliveMessage, type DescriptionMessage, type Message, type NegotiationMessage, parseMessage, type Profile, type ShownMessage, type VerificationMessage } from "./messages.js";
import type { OutgoingMedia } from "./outgoing-media.js";
import type { OutgoingScreen } from "./outgoing-screen.js";
import { relayOf, selectedPath, statistics } from "./path.js";
import { stepOf, WHOLE } from "./picture-size.js";
import { Recovery } from "./recovery.js";
import type { PictureReceiver } from "./sent-pictures.js";
import { ShownPicture } from "./shown-picture.js";
import type { OutgoingTransfer } from "./transfer/api.js";
import { CHANNEL_OPTIONS, LABEL, type TransferChannel } from "./transfer/channel.js";
import type { FileWithPath } from "./transfer/chosen-files.js";
import type { TransferPeer } from "./transfer/peer.js";
import type { Transfers } from "./transfer/transfers.js";
import { VerificationExchange } from "./verification.js";

/** Attempts of the recovery: the first asks or restarts, later ones restart, from this one on the connection is replaced. */
const REPLACE = 3;
/** With so many others, what one sends is made small: each gets a copy of its own. */
const MANY = 4;
/** Milliseconds after which the path is looked at again: ICE often finds a better one just after it connected. */
const SECOND_LOOK = 1500;
/** Messages that are sent when a path is back. */
const CATCH_UP = 4;
/** Milliseconds between the ends of two connections that broke by one cause: when the last thing came is known less exactly. */
const TOGETHER = 1000;
/** Milliseconds after a transfer stalled in which a break of the connection to the server has the same cause. */
const STALLED = 3000;
/** New connections that the other side may make necessary within a time in milliseconds. Each is costly, and browsers have few. */
const START_OVERS = 8;
const START_OVERS_WITHIN = 60_000;

/** The messages that a participant leaves to its channel. */
export type ChannelMessage = Exclude<Message, NegotiationMessage | VerificationMessage | AliveMessage | ShownMessage>;

/** The way that a message came or goes. */
export type Way = "data" | "server";

type Report = Extract<ClientFrame, { type: "report" }>;

/** What a participant needs of its channel. */
export interface ParticipantEnvironment {
  /** Our participant identifier. */
  readonly id: string;
  readonly identity: Identity;
  readonly media: OutgoingMedia;
  readonly outgoingScreen: OutgoingScreen;
  readonly transfers: Transfers;
  readonly configuration: RTCConfiguration;
  /** Whether we are connected to the server. */
  readonly online: boolean;
  /** The others in the channel. */
  readonly participants: ReadonlyMap<string, unknown>;
  /** Sends a sealed message; resolves when the server has it in line, rejects when it refuses it. */
  send(to: string, message: Message): Promise<void>;
  report(report: Report): void;
  /** Whether nothing speaks against it that what we send now reaches the server. */
  readonly isCertain: boolean;
  /** When the connection to the server was lost the last time, in milliseconds since 1970. */
  readonly lostAt: number;
  /** Perhaps it is our own network that is gone. */
  doubt(): void;
  receive(participant: RemoteParticipant, message: ChannelMessage, way: Way): void;
  dataOpen(participant: RemoteParticipant): void;
  /** A participant shows our camera's picture in another size. */
  pictureShown(): void;
  /** The participant has shown that it owns its identity. */
  proven(participant: RemoteParticipant): void;
  /** The connection's state, or whether the server knows the participant, changed. */
  statechange(participant: RemoteParticipant): void;
}

export interface ParticipantOptions {
  id: string;
  profile: Profile;
  /** Whether this side yields when two offers collide. */
  polite: boolean;
  /** Whether this side makes the first offer. */
  offers: boolean;
}

/** Somebody else in a channel, and the connection to it. */
export class RemoteParticipant extends TypedEventTarget<ParticipantEvents> implements TransferPeer, PictureReceiver {
  readonly id: string;
  readonly stream = new MediaStream();
  readonly #screen = new MediaStream();
  readonly #environment: ParticipantEnvironment;
  readonly polite: boolean;
  readonly diagnostics: ConnectionDiagnostics;
  readonly #recovery: Recovery;
  readonly #liveness: Liveness;
  readonly #shownPicture = new ShownPicture((height) => this.#say({ kind: "shown", height }));
  /** In which step it shows our camera's picture, as far as we know, and in which it gets it. */
  #shows = WHOLE;
  #sentPicture = WHOLE;
  #profile: Profile;
  #connection: Connection;
  #presence: "present" | "away" | "missing" = "present";
  #path: Path | undefined;
  #verification: VerificationExchange | undefined;
  #provenIdentity: string | undefined;
  #pathTimer: ReturnType<typeof setTimeout> | undefined;
  /** What the server is to be told, once; kept while it is away. */
  #report: { frame: Report; sent: boolean } | undefined;
  /** The negotiation with which we left it to the other side to offer a restart. */
  #asked = 0;
  /** When the other side made us start over, lately. */
  #startOvers: number[] = [];
  /** When a transfer stalled, and the server was asked whether it is our own network. */
  #stalledAt = 0;
  #state: ParticipantState = "connecting";
  #inbox: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: ParticipantOptions, environment: ParticipantEnvironment) {
    super();
    this.id = options.id;
    this.#profile = options.profile;
    this.polite = options.polite;
    this.#environment = environment;
    this.diagnostics = new ConnectionDiagnostics(() => this.getStats(), () => this.#situation());
    this.#connection = this.#connect(options.offers, 0);
    this.#recovery = new Recovery({
      reachable: () => environment.isCertain && this.#presence === "present",
      attempt: (number, moved) => this.#reconnect(number, moved),
      change: () => this.#update(),
    });
    this.#liveness = new Liveness({
      media: () => this.#connection.mediaCame(),
      statistics: () => this.getStats(),
      probe: () => this.#probe(),
      doubt: () => environment.doubt(),
      silent: () => void this.#fallSilent(),
      back: () => {
        this.#asked = 0;
        this.#recovery.heard();
        this.#catchUp();
      },
    });
  }

  get profile(): Profile {
    return this.#profile;
  }

  /** Whether the server has it in the channel, with a connection. */
  get present(): boolean {
    return this.#presence === "present";
  }

  get name(): string {
    return this.#profile.name;
  }

  get identity(): string | undefined {
    return this.#profile.identity;
  }

  get microphone(): boolean {
    return this.#profile.microphone;
  }

  get camera(): boolean {
    return this.#profile.camera;
  }

  get hand(): number | undefined {
    return this.#profile.hand;
  }

  get recording(): boolean {
    return this.#profile.recording === true;
  }

  get screen(): MediaStream | null {
    return this.#profile.screen ? this.#screen : null;
  }

  get state(): ParticipantState {
    return this.#state;
  }

  get path(): Path | undefined {
    return this.#path;
  }

  get verification(): Verification | undefined {
    return this.#verification;
  }

  /** The public key that this participant has shown to own, over this connection or an earlier one. */
  get provenIdentity(): string | undefined {
    return this.#provenIdentity;
  }

  get shows(): number {
    return this.#shows;
  }

  show(height: number): void {
    this.#shownPicture.show(height);
  }

  sendPicture(step: number): void {
    this.#sentPicture = step;
    this.#connection.fitPicture();
  }

  getStats(): Promise<Map<string, Record<string, unknown>>> {
    return statistics(this.#connection);
  }

  sendFiles(files: Iterable<File | FileWithPath>): OutgoingTransfer {
    return this.#environment.transfers.send(this, files);
  }

  openTransferChannel(): { channel: TransferChannel; messageSize: number } {
    const { messageSize } = this.#connection;
    return { channel: this.#connection.openChannel(LABEL, CHANNEL_OPTIONS), messageSize };
  }

  /** Whether sound, picture and data flow. */
  get connected(): boolean {
    return this.#connection.state === "connected";
  }

  get dataOpen(): boolean {
    return this.#connection.dataOpen;
  }

  /** Sends by the data channel, which has to be open, or sealed by the server. */
  async send(message: ChannelMessage, way: Way): Promise<void> {
    if (way === "data") this.#connection.sendData(message);
    else await this.#environment.send(this.id, message);
  }

  /** Takes a message that came through the server, after all earlier ones. */
  receive(message: Message): void {
    if (message.kind === "chat" || message.kind === "received" || message.kind === "bye")
      this.#environment.receive(this, message, "server");
    // What is verified is the direct connection: by the server, nothing of that counts.
    if (message.kind !== "description" && message.kind !== "candidate" && message.kind !== "restart") return;
    // A step fails where the browser has no further connection to give; the next one may do better.
    this.#inbox = this.#inbox.then(() => this.#negotiate(message)).catch(() => undefined);
  }

  setProfile(profile: Profile): void {
    this.#profile = profile;
    this.dispatchEvent(new Event("change"));
  }

  /** What the server says about this participant: it is there, it lost its connection, it is in the channel no more. */
  setPresence(presence: "present" | "away" | "missing"): void {
    const returned = presence === "present" && this.#presence !== "present";
    if (presence !== this.#presence) this.diagnostics.recorder.participant(this.id, presence);
    this.#presence = presence;
    this.#update();
    if (returned) this.reached();
  }

  /** The server can reach this participant again; what was sent meanwhile may be lost. */
  reached(): void {
    this.#sendReport();
    if (this.#presence !== "present") return;
    this.#connection.resend();
    this.#recovery.wake();
  }

  /**
   * Nothing is taken any more of the files that we send. Where something still comes, only our direction may be broken: then the connection to the server
   * is, too. One who is merely slow costs a question.
   */
  stalled(): void {
    this.#stalledAt = Date.now();
    this.#environment.doubt();
  }

  /** The server has answered, when there was doubt. */
  certain(): void {
    this.#stalledAt = 0;
    this.#recovery.wake();
  }

  /** Our connection to the server broke: perhaps our whole network did. */
  suspect(): void {
    if (Date.now() - this.#stalledAt < STALLED) this.#recovery.networkChanged();
    else this.#liveness.suspect();
  }

  networkChanged(): void {
    this.#recovery.networkChanged();
  }

  /** Takes new servers and credentials. */
  configure(): void {
    this.#connection.configure(this.#environment.configuration);
  }

  replaceTracks(): Promise<void> {
    return this.#connection.replaceTracks();
  }

  replaceScreen(): Promise<void> {
    return this.#connection.replaceScreen();
  }

  /** @param bye - whether to tell the other side that this is on purpose */
  close(bye: boolean): void {
    this.#reportPath();
    this.#closed = true;
    clearTimeout(this.#pathTimer);
    this.#recovery.stop();
    this.#liveness.stop();
    this.#shownPicture.close();
    this.diagnostics.close();
    this.#connection.close(bye);
    this.diagnostics.recorder.close();
  }

  #connect(offers: boolean, newest: number): Connection {
    const environment = this.#environment;
    const { recorder } = this.diagnostics;
    const { servers, relayOnly } = this.#situation();
    recorder.begin(this.id, { offers, relayOnly, servers });
    return new Connection({
      recorder,
      configuration: environment.configuration,
      media: environment.media,
      screen: environment.outgoingScreen,
      polite: this.polite,
      newest,
      offers,
      isOneOfMany: () => environment.participants.size >= MANY,
      // A refusal means that the other side is gone; if it comes back, `reached` takes care.
      send: (message) => void environment.send(this.id, message).catch(() => undefined),
      statechange: () => this.#update(),
      track: (track, source) => this.#addTrack(track, source === "screen" ? this.#screen : this.stream),
      log: (incident) => this.diagnostics.log(incident),
      call: (call) => {
        this.diagnostics.call = call;
      },
      picture: () => this.#sentPicture,
      open: () => {
        this.#verify();
        this.#shownPicture.open();
        environment.dataOpen(this);
      },
      data: (json) => this.#receiveData(json),
      // Channels with other labels are an application's own.
      channel: (channel) => {
        if (channel.label === LABEL) environment.transfers.receive(this, channel);
      },
    });
  }

  /** Starts over with a new connection; the numbers go on. */
  #replace(offers: boolean): void {
    this.#connection.close(false);
    this.diagnostics.recorder.close();
    this.#verification = undefined;
    this.diagnostics.log({ kind: "replacement" });
    this.diagnostics.call = undefined;
    this.#connection = this.#connect(offers, this.#connection.newest);
    this.#update();
  }

  async #fallSilent(): Promise<void> {
    await this.#avoidRelay();
    if (!this.#closed) this.#recovery.silent();
  }

  /** The relay that we send by may be what is gone: the candidates of another one are to be preferred to its. */
  async #avoidRelay(): Promise<void> {
    const report = await this.getStats().catch(() => new Map<string, Record<string, unknown>>());
    const relay = relayOf(report);
    if (this.#closed || relay === undefined) return;
    const { configuration } = this.#environment;
    this.#connection.configure({ ...configuration, iceServers: putLast(configuration.iceServers ?? [], relay) });
  }

  /** What was lost while nothing passed is sent again now, not when the browser comes to it. */
  #catchUp(): void {
    void this.#connection.refreshPictures();
    // SCTP repeats what was lost as soon as several later messages are acknowledged (RFC 9260 §7.2.4); by its timer, only seconds later.
    for (let probe = 0; probe < CATCH_UP; probe++) this.#probe();
  }

  #probe(): boolean {
    return this.#say({ kind: "alive" });
  }

  /** Sends by the data channel; false if that isn't open. */
  #say(message: AliveMessage | ShownMessage): boolean {
    if (!this.dataOpen) return false;
    this.#connection.sendData(message);
    return true;
  }

  #reconnect(attempt: number, moved: boolean): void {
    const { heardAt } = this.#liveness;
    moved ||= heardAt > 0 && this.#environment.lostAt > heardAt - TOGETHER;
    this.#liveness.search();
    // Not before all that begin now have begun: in doubt, they would wait for the answer, one after the other.
    queueMicrotask(() => this.#environment.doubt());
    if (attempt % REPLACE === 0) this.#replace(true);
    else if (attempt === 1 && this.#connection.newest > 0 && this.#leavesOffer(moved)) {
      this.#asked = this.#connection.newest;
      const restart: NegotiationMessage = { kind: "restart", negotiation: this.#connection.newest };
      void this.#environment.send(this.id, restart).catch(() => (this.#asked = 0));
    } else this.#connection.restart();
  }

  /**
   * Only one side offers, so that two restarts at the same time don't collide. Where both are alike that is the impolite one, or whoever stays where it was when
   * the other's network changed.
   */
  #leavesOffer(moved: boolean): boolean {
    const { haveIce2: [here, there] } = this.#connection;
    return here === there ? this.polite || moved : there;
  }

  async #negotiate(message: NegotiationMessage): Promise<void> {
    if (this.#closed) return;
    // Both asked: the polite one offers.
    if (message.kind === "restart" && message.negotiation === this.#asked && !this.polite) return;
    if (this.#connection.seeksPath(message)) {
      const isAnswer = message.kind === "description" && message.description.type === "answer";
      if (!isAnswer) {
        // The other side may have noticed first. What we answer has to get there.
        this.#environment.doubt();
        if (this.#liveness.quiet) await this.#avoidRelay();
      }
      this.#liveness.search();
    }
    const outcome = await this.#connection.receive(message);
    if (this.#closed || outcome === "done" || !this.#mayStartOver()) return;
    const { description } = message as DescriptionMessage;
    this.#replace(description.type === "answer");
    if (description.type === "offer") await this.#connection.receive(message);
  }

  #mayStartOver(): boolean {
    const now = Date.now();
    this.#startOvers = this.#startOvers.filter((time) => now - time < START_OVERS_WITHIN);
    if (this.#startOvers.length >= START_OVERS) return false;
    this.#startOvers.push(now);
    return true;
  }

  #receiveData(json: string): void {
    const message = parseMessage(json);
    if (message?.kind === "chat" || message?.kind === "received" || message?.kind === "reaction" || message?.kind === "bye")
      this.#environment.receive(this, message, "data");
    else if (message?.kind === "commitment" || message?.kind === "nonce" || message?.kind === "opening" || message?.kind === "proof")
      this.#verification?.receive(message);
    else if (message?.kind === "shown") {
      this.#shows = stepOf(message.height);
      this.#environment.pictureShown();
    }
  }

  /** Finds, over a connection that is new, what both sides can compare. */
  #verify(): void {
    const connection = this.#connection;
    const verification = new VerificationExchange({
      first: this.#environment.id < this.id,
      fingerprints: connection.fingerprints(),
      identity: this.#environment.identity,
      send: (message) => connection.sendData(message),
      change: () => {
        if (this.#closed || this.#verification !== verification) return;
        this.#provenIdentity = verification.identity;
        if (verification.identity !== undefined) this.#environment.proven(this);
        this.dispatchEvent(new Event("change"));
      },
    });
    this.#verification = verification;
  }

  #addTrack(track: MediaStreamTrack, stream: MediaStream): void {
    for (const old of stream.getTracks()) if (old.kind === track.kind && old !== track) stream.removeTrack(old);
    stream.addTrack(track);
    this.dispatchEvent(new Event("change"));
  }

  #update(): void {
    if (this.#closed) return;
    this.#recovery.update(this.#connection.state);
    if (this.connected) this.#liveness.start();
    else this.#liveness.stop();
    const state = this.#currentState();
    const changed = state !== this.#state;
    this.#state = state;
    if (state === "connected" && changed) this.#findPath();
    if (state !== "connected") this.#path = undefined;
    if (state === "failed" && changed) this.#reportOnce({ type: "report", path: "failed", reason: this.#failureReason() });
    this.diagnostics.update();
    this.#environment.statechange(this);
    if (changed) this.dispatchEvent(new Event("change"));
  }

  #currentState(): ParticipantState {
    if (this.connected) return "connected";
    if (this.#presence !== "present") return "away";
    return this.#recovery.failed ? "failed" : "connecting";
  }

  #situation(): Situation {
    const { online, configuration } = this.#environment;
    const servers = (configuration.iceServers ?? []).flatMap(({ urls }) => urls);
    return {
      state: this.#state,
      presence: online ? this.#presence : undefined,
      relayOnly: configuration.iceTransportPolicy === "relay",
      relays: [...new Set(servers.flatMap((server) => relayProtocol(server) ?? []))],
      servers,
    };
  }

  #findPath(): void {
    void this.#look();
    clearTimeout(this.#pathTimer);
    this.#pathTimer = setTimeout(() => void this.#look().then(() => this.#reportPath()), SECOND_LOOK);
  }

  async #look(): Promise<void> {
    // A connection that was closed in this moment has no statistics.
    const report = await this.getStats().catch(() => new Map<string, Record<string, unknown>>());
    const path = selectedPath(report);
    // How the pairs came to it is seen best just now.
    if (!this.#closed) this.diagnostics.recorder.look(report);
    if (this.#closed || !path || !this.connected) return;
    const changed = path.kind !== this.#path?.kind || path.protocol !== this.#path.protocol;
    this.#path = path;
    if (changed) this.dispatchEvent(new Event("change"));
  }

  #reportPath(): void {
    if (this.#path) this.#reportOnce({ type: "report", path: this.#path.kind });
  }

  /** Tells the server once how the connection came about (`docs/signaling.md` §12). */
  #reportOnce(frame: Report): void {
    this.#report ??= { frame, sent: false };
    this.#sendReport();
  }

  #sendReport(): void {
    if (!this.#report || this.#report.sent || !this.#environment.online) return;
    this.#report.sent = true;
    this.#environment.report(this.#report.frame);
  }

  #failureReason(): FailureReason {
    const { iceState, described } = this.#connection;
    if (iceState === "connected" || iceState === "completed") return "dtls_failed";
    return described ? "ice_failed" : "other";
  }
}
