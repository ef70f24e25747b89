import { callId } from "./diagnostics/call-id.js";
import { parseCandidate } from "./diagnostics/candidate.js";
import type { ConnectionIncident } from "./diagnostics/event-log.js";
import type { Recorder } from "./diagnostics/recorder.js";
import { onlyFingerprint } from "./fingerprint.js";
import { hasIce2, iceUfrag } from "./ice-attributes.js";
import type { Message, NegotiationMessage } from "./messages.js";
import { Negotiation, type Outcome } from "./negotiation.js";
import { carriesCamera, type OutgoingMedia } from "./outgoing-media.js";
import type { OutgoingScreen } from "./outgoing-screen.js";
import { sparingSound } from "./sparing-sound.js";

/** Milliseconds that the last data message has to leave before the connection closes. */
const LINGER = 100;
/** Milliseconds by which the newest media of two receivers differ at most while both get some. */
const TOGETHER = 200;

export interface ConnectionOptions {
  configuration: RTCConfiguration;
  media: OutgoingMedia;
  screen: OutgoingScreen;
  polite: boolean;
  /** The highest negotiation number that this pair has used. */
  newest: number;
  /** Whether to make the first offer. */
  offers: boolean;
  /** Whether what goes to this participant is one of many copies. */
  isOneOfMany(): boolean;
  send(message: NegotiationMessage): void;
  statechange(): void;
  /** A track came: of microphone and camera, or of a screen. */
  track(track: MediaStreamTrack, source: "camera" | "screen"): void;
  /** How large the camera's picture is sent: a step of `picture-size.ts`. */
  picture(): number;
  /** The data channel opened. */
  open(): void;
  /** A message came by the data channel. */
  data(json: string): void;
  /** Something happened that may explain a trouble. */
  log(incident: ConnectionIncident): void;
  /** Keeps what happens for others to read. */
  recorder: Recorder;
  /** Both sides have described themselves: what both call the connection. */
  call(call: string): void;
  /** The other side made a data channel of its own. */
  channel(channel: RTCDataChannel): void;
}

/** One `RTCPeerConnection` with its negotiation and its data channel. A participant may need several, one after the other. */
export class Connection {
  readonly #connection: RTCPeerConnection;
  readonly #negotiation: Negotiation;
  readonly #data: RTCDataChannel;
  /** Further data channels. */
  readonly #channels = new Set<RTCDataChannel>();
  /** When the newest media came, by a clock of the browser's own; by which receiver, and which one is asked next. */
  #newest = 0;
  #newestBy: RTCRtpReceiver | undefined;
  #asked = 0;
  readonly #media: OutgoingMedia;
  readonly #screen: OutgoingScreen;
  readonly #log: ConnectionOptions["log"];
  readonly #recorder: Recorder;
  readonly #picture: ConnectionOptions["picture"];
  /** Done when no parameter of a sender is being changed. */
  #changes = Promise.resolve();
  #mayOffer: boolean;
  /** Whether camera and microphone have their transceivers. */
  #prepared = false;

  constructor(options: ConnectionOptions) {
    const connection = new RTCPeerConnection(options.configuration);
    this.#connection = connection;
    this.#media = options.media;
    this.#screen = options.screen;
    this.#log = options.log;
    this.#recorder = options.recorder;
    this.#picture = options.picture;
    this.#mayOffer = options.offers;
    this.#negotiation = new Negotiation(connection, {
      polite: options.polite,
      newest: options.newest,
      send: options.send,
      beforeAnswer: () => this.#beforeAnswer(),
      adapt: (sdp) => (options.isOneOfMany() ? sparingSound(sdp) : sdp),
    });
    connection.onnegotiationneeded = () => {
      if (this.#mayOffer) this.#negotiation.offer();
    };
    connection.onicecandidate = ({ candidate }) => {
      this.#logLocal(candidate);
      // An empty candidate ends one generation only; null ends them all.
      if (candidate?.candidate !== "") this.#negotiation.sendCandidate(candidate?.toJSON() ?? null);
    };
    // Firefox has had `connectionstatechange` since 113 only.
    connection.onconnectionstatechange = connection.oniceconnectionstatechange = ({ type }) => {
      const { connectionState, iceConnectionState } = connection;
      if (type === "connectionstatechange") {
        this.#log({ kind: "connection", state: connectionState });
        this.#recorder.state("state", connectionState);
      } else {
        this.#log({ kind: "ice", state: iceConnectionState });
        this.#recorder.state("ice", iceConnectionState);
      }
      options.statechange();
    };
    connection.onsignalingstatechange = () => {
      this.#log({ kind: "signaling", state: connection.signalingState });
      this.#record();
      this.fitPicture();
      void this.#findCall(options);
    };
    connection.onicegatheringstatechange = () => {
      this.#log({ kind: "gathering", state: connection.iceGatheringState });
      this.#recorder.state("gathering", connection.iceGatheringState);
    };
    connection.onicecandidateerror = ({ errorCode, url, address, port }) => {
      this.#log({ kind: "candidate-error", code: errorCode, server: url });
      this.#recorder.serverFailed(url, errorCode, address ? `${address}:${port}` : "");
    };
    connection.ontrack = ({ track, transceiver }) =>
      options.track(track, carriesCamera(connection, transceiver) ? "camera" : "screen");
    connection.ondatachannel = ({ channel }) => options.channel(this.#follow(channel));
    // Negotiated out of band: it exists on both sides without a message, whoever makes the offer.
    this.#data = connection.createDataChannel("peerline", { negotiated: true, id: 0 });
    this.#data.onopen = () => {
      this.#recordChannel("peerline", this.#data);
      options.open();
    };
    this.#data.onmessage = ({ data }) => {
      if (typeof data === "string") options.data(data);
    };
    if (options.offers) this.#offerFirst();
  }

  /** Writes what is new in the descriptions, and follows DTLS as soon as there is some. */
  #record(): void {
    const connection = this.#connection;
    this.#recorder.describe("local", connection.localDescription);
    this.#recorder.describe("remote", connection.remoteDescription);
    this.#recorder.state("signaling", connection.signalingState);
    const dtls = connection.sctp?.transport;
    if (dtls) dtls.onstatechange = () => this.#recorder.state("dtls", dtls.state);
  }

  #recordChannel(label: string, channel: Pick<RTCDataChannel, "addEventListener">): void {
    const number = this.#recorder.channelOpen(label);
    channel.addEventListener("close", () => {
      // What ends with the connection is not worth a line, and there may be another one by then.
      if (this.#connection.signalingState !== "closed") this.#recorder.channelClosed(number, label);
    });
  }

  async #findCall(options: ConnectionOptions): Promise<void> {
    const { localDescription, remoteDescription } = this.#connection;
    if (!localDescription || !remoteDescription) return;
    const call = await callId(localDescription.sdp, remoteDescription.sdp);
    // One that was replaced meanwhile has nothing more to say.
    if (call && this.#connection.signalingState !== "closed") options.call(call);
  }

  get state(): RTCPeerConnectionState {
    const { connectionState, iceConnectionState } = this.#connection;
    if (connectionState) return connectionState;
    if (iceConnectionState === "checking") return "connecting";
    return iceConnectionState === "completed" ? "connected" : iceConnectionState;
  }

  get iceState(): RTCIceConnectionState {
    return this.#connection.iceConnectionState;
  }

  /** The highest negotiation number so far. */
  get newest(): number {
    return this.#negotiation.newest;
  }

  /** Whether the other side has ever described itself. */
  get described(): boolean {
    return this.#connection.remoteDescription !== null;
  }

  /**
   * Whether this and the other side leave a dead pair for the first one that answers, as agents of RFC 8445 do (§10: `ice2`). A browser that controls
   * ICE waits for 3.5 seconds; so it had better not make the offer, which gives it the control.
   */
  get haveIce2(): [here: boolean, there: boolean] {
    const { localDescription, remoteDescription } = this.#connection;
    return [hasIce2(localDescription?.sdp), hasIce2(remoteDescription?.sdp)];
  }

  /** Whether the other side looks for a new path by this: it asks for a restart, or comes with other ICE credentials than those that are known. */
  seeksPath(message: NegotiationMessage): boolean {
    if (message.kind !== "description") return message.kind === "restart";
    const known = this.#connection.remoteDescription;
    return known !== null && iceUfrag(message.description.sdp) !== iceUfrag(known.sdp);
  }

  async receive(message: NegotiationMessage): Promise<Outcome> {
    this.#logRemote(message);
    if (message.kind === "candidate") await this.#negotiation.receiveCandidate(message);
    else if (message.kind === "restart") {
      if (message.negotiation >= this.newest) this.restart();
    } else return await this.#negotiation.receive(message);
    return "done";
  }

  /** Looks for a new path, by an offer with new ICE credentials; or makes the first offer, although the other side was to make it. */
  restart(): void {
    this.#log({ kind: "restart" });
    if (!this.#mayOffer) {
      this.#mayOffer = true;
      this.#offerFirst();
    } else if (this.#connection.signalingState === "stable") this.#connection.restartIce();
    else this.#negotiation.resend();
  }

  /** Sends the pending offer again, if there is one. */
  resend(): void {
    this.#negotiation.resend();
  }

  /** Takes new servers and credentials; they count from the next ICE restart on. */
  configure(configuration: RTCConfiguration): void {
    this.#connection.setConfiguration?.(configuration);
  }

  /** Sends what the outgoing media are now. */
  async replaceTracks(): Promise<void> {
    await this.#media.replace(this.#connection);
    this.fitPicture();
  }

  /** Sends the camera's picture as large as it is to be now. */
  fitPicture(): void {
    // A connection that is closed in this moment sends no picture, and a browser that knows no bounds sends it as it is.
    void this.#inTurn(() => this.#media.fit(this.#connection, this.#picture())).catch(() => undefined);
  }

  /** Sends the screen that is shared now. Before camera and microphone have their transceivers, which come first, it waits for them. */
  async replaceScreen(): Promise<void> {
    if (this.#prepared && this.#connection.signalingState !== "closed") await this.#screen.replace(this.#connection);
  }

  #offerFirst(): void {
    this.#negotiation.offerFirst(async () => {
      await this.#media.offer(this.#connection);
      this.#prepared = true;
      await this.replaceScreen();
    });
  }

  async #beforeAnswer(): Promise<void> {
    await this.#media.answer(this.#connection);
    // From the first offer on, either side may make further ones: a screen is offered as soon as this is answered.
    this.#mayOffer = this.#prepared = true;
    await this.replaceScreen();
  }

  get dataOpen(): boolean {
    return this.#data.readyState === "open";
  }

  /** Sends by the data channel, which has to be open. */
  sendData(message: Exclude<Message, NegotiationMessage>): void {
    this.#data.send(JSON.stringify(message));
  }

  /** The certificates of both sides, in the form of SHA-256 fingerprints; undefined where the descriptions leave open which ones these are. */
  async fingerprints(): Promise<{ own: string; other: string } | undefined> {
    // A browser may open the data channel before it shows the answer that it did so by.
    await this.#negotiation.settled();
    const own = onlyFingerprint(this.#connection.localDescription?.sdp);
    const other = onlyFingerprint(this.#connection.remoteDescription?.sdp);
    return own === undefined || other === undefined ? undefined : { own, other };
  }

  /** Makes a further data channel. */
  openChannel(label: string, options: RTCDataChannelInit): RTCDataChannel {
    return this.#follow(this.#connection.createDataChannel(label, options));
  }

  /** Bytes of the longest message that the other side takes. */
  get messageSize(): number {
    return this.#connection.sctp?.maxMessageSize ?? 65_536;
  }

  /** Whether media came since the last call. One receiver is asked, and the next one when that has nothing: Chromium makes the page wait for each answer. */
  mediaCame(): boolean {
    const receivers = this.#connection.getReceivers();
    const receiver = receivers[this.#asked % receivers.length];
    if (!receiver) return false;
    const newest = Math.max(0, ...receiver.getSynchronizationSources().map(({ timestamp }) => timestamp));
    // What two receivers got last before everything stopped came at nearly the same time: that is no news.
    const came = newest > this.#newest + (receiver === this.#newestBy ? 0 : TOGETHER);
    if (came) [this.#newest, this.#newestBy] = [newest, receiver];
    else this.#asked += 1;
    return came;
  }

  /**
   * Sends each picture whole once. Whoever missed a piece of it asks for that in vain while nothing passes, and Chromium asks again only after three
   * seconds. Where the browser can't be told (W3C webrtc-extensions, `encodingOptions`), nothing happens.
   */
  async refreshPictures(): Promise<void> {
    const videos = this.#connection.getSenders().filter(({ track }) => track?.kind === "video");
    await Promise.all(videos.map((sender) => this.#inTurn(() => sendWhole(sender)).catch(() => undefined)));
  }

  /** Changes parameters of senders after all earlier changes: while one is under way, browsers refuse another (W3C webrtc-pc §5.2, `setParameters`). */
  #inTurn(change: () => Promise<void>): Promise<void> {
    const changed = this.#changes.then(change);
    this.#changes = changed.catch(() => undefined);
    return changed;
  }

  getStats(): Promise<RTCStatsReport> {
    return this.#connection.getStats();
  }

  /** @param bye - whether to tell the other side that this is on purpose */
  close(bye: boolean): void {
    this.#negotiation.close();
    const connection = this.#connection;
    connection.onnegotiationneeded = connection.onicecandidate = connection.ontrack = connection.ondatachannel = null;
    connection.onconnectionstatechange = connection.oniceconnectionstatechange = null;
    connection.onsignalingstatechange = connection.onicegatheringstatechange = connection.onicecandidateerror = null;
    this.#data.onopen = this.#data.onmessage = null;
    const dtls = connection.sctp?.transport;
    if (dtls) dtls.onstatechange = null;
    // A connection that is closed here takes its channels with it, and their `close` events don't come everywhere.
    for (const channel of this.#channels) channel.dispatchEvent(new Event("close"));
    if (bye && this.dataOpen) {
      this.sendData({ kind: "bye" });
      setTimeout(() => connection.close(), LINGER);
    } else {
      connection.close();
    }
  }

  #logLocal(given: RTCIceCandidate | null): void {
    const { relayProtocol: protocol = null, url: server = null } = (given ?? {}) as { relayProtocol?: string | null; url?: string | null };
    const candidate = parseCandidate(given?.candidate ?? "", { protocol, server });
    if (candidate) this.#log({ kind: "local-candidate", candidate });
    this.#recorder.local(given?.candidate ?? "", { url: server, relayProtocol: protocol });
  }

  #logRemote(message: NegotiationMessage): void {
    const text: unknown = message.kind === "description" ? message.description.sdp : message.kind === "candidate" ? message.candidate?.candidate : undefined;
    // A candidate is whatever the other side wrote.
    if (typeof text !== "string") return;
    this.#recorder.remote(text);
    for (const line of text.split(/\r?\n/)) {
      const candidate = parseCandidate(line);
      if (candidate) this.#log({ kind: "remote-candidate", candidate });
    }
  }

  #follow(channel: RTCDataChannel): RTCDataChannel {
    this.#channels.add(channel);
    const opened = () => this.#recordChannel(channel.label, channel);
    if (channel.readyState === "open") opened();
    else channel.addEventListener("open", opened, { once: true });
    channel.addEventListener("close", () => this.#channels.delete(channel));
    return channel;
  }
}

async function sendWhole(sender: RTCRtpSender): Promise<void> {
  const parameters = sender.getParameters();
  const setParameters = sender.setParameters as (given: RTCRtpSendParameters, options: { encodingOptions: { keyFrame: boolean }[] }) => Promise<void>;
  await setParameters.call(sender, parameters, { encodingOptions: parameters.encodings.map(() => ({ keyFrame: true })) });
}
