/** Peer connections in memory: offer and answer, transceivers, ICE generations, data channels; and a network that can be cut. */
import { FakeTransferChannel } from "./transfer-channel.js";

type Handler<E = unknown> = ((event: E) => void) | null;

let counter = 0;

export class FakeTrack extends EventTarget {
  readonly kind: string;
  readonly id = `track-${++counter}`;
  enabled = true;
  readyState = "live";
  /** Lines of its picture. */
  height = 720;
  getSettings = () => (this.kind === "video" ? { height: this.height } : {});
  constructor(kind: string) {
    super();
    this.kind = kind;
  }
}

export class FakeMediaStream {
  #tracks: FakeTrack[];
  constructor(tracks: FakeTrack[] = []) {
    this.#tracks = [...tracks];
  }
  getTracks = () => [...this.#tracks];
  getAudioTracks = () => this.#tracks.filter(({ kind }) => kind === "audio");
  getVideoTracks = () => this.#tracks.filter(({ kind }) => kind === "video");
  addTrack = (track: FakeTrack) => void (this.#tracks = [...new Set([...this.#tracks, track])]);
  removeTrack = (track: FakeTrack) => void (this.#tracks = this.#tracks.filter((other) => other !== track));
}

interface FakeSender {
  track: FakeTrack | null;
  /** How many whole pictures were asked for. */
  keyFrames: number;
  replaceTrack(track: FakeTrack | null): Promise<void>;
  setStreams(): void;
  /** What was set last. */
  encoding: RTCRtpEncodingParameters;
  getParameters(): { encodings: RTCRtpEncodingParameters[] };
  setParameters(parameters: { encodings: RTCRtpEncodingParameters[] }, options?: { encodingOptions: { keyFrame: boolean }[] }): Promise<void>;
}

interface FakeReceiver {
  track: FakeTrack;
  /** When the newest media came, in milliseconds. */
  newest: number;
  getSynchronizationSources(): { timestamp: number }[];
}

interface FakeTransceiver {
  kind: string;
  mid: number | null;
  direction: string;
  sender: FakeSender;
  receiver: FakeReceiver;
}

interface Description {
  type: "offer" | "answer";
  sdp: string;
}

/** Everything that is connected to everything, until it is cut. */
export class FakeNetwork {
  static connections: FakePeerConnection[] = [];
  static up = true;

  static reset(): void {
    FakeNetwork.connections = [];
    FakeNetwork.up = true;
  }

  /** Every path breaks and stays broken: only an ICE restart finds another. */
  static breakPaths(): void {
    for (const connection of FakeNetwork.connections) connection.breakPath();
  }

  /** The same, and the browsers take five seconds to notice. */
  static silence(): void {
    for (const connection of FakeNetwork.connections) connection.fallSilent();
  }
}

export class FakeDataChannel extends EventTarget {
  readyState = "connecting";
  onopen: Handler = null;
  onmessage: Handler<{ data: string }> = null;
  /** Messages for which this returns true are lost. */
  loses: (text: string) => boolean = () => false;
  readonly #connection: FakePeerConnection;
  constructor(connection: FakePeerConnection) {
    super();
    this.#connection = connection;
  }
  open(): void {
    if (this.readyState === "open") return;
    this.readyState = "open";
    this.onopen?.(new Event("open"));
  }
  send(data: string): void {
    if (this.readyState !== "open") throw new DOMException("Not open", "InvalidStateError");
    const [here, other] = [this.#connection, this.#connection.other];
    if (!FakeNetwork.up || here.connectionState !== "connected" || here.isSilent) return;
    queueMicrotask(() => {
      // The packet, and what acknowledges it.
      here.packetsReceived += 1;
      if (other) other.packetsReceived += 1;
      if (!this.loses(data)) other?.data?.onmessage?.({ data });
    });
  }
}

export class FakePeerConnection {
  signalingState = "stable";
  connectionState = "new";
  pendingLocal: Description | null = null;
  currentLocal: Description | null = null;
  currentRemoteDescription: Description | null = null;
  configuration: RTCConfiguration;
  onnegotiationneeded: Handler = null;
  onicecandidate: Handler<{ candidate: { candidate: string; toJSON(): unknown } | null }> = null;
  onconnectionstatechange: Handler = null;
  oniceconnectionstatechange: Handler = null;
  ontrack: Handler<{ track: FakeTrack; transceiver: FakeTransceiver }> = null;
  ondatachannel: Handler<{ channel: FakeTransferChannel }> = null;
  /** Those besides `data`. */
  readonly channels: FakeTransferChannel[] = [];
  data: FakeDataChannel | undefined;
  other: FakePeerConnection | undefined;
  readonly fingerprint = [...(++counter).toString(16).toUpperCase().padStart(64, "0").matchAll(/../g)].join(":");
  transceivers: FakeTransceiver[] = [];
  offers = 0;
  packetsReceived = 0;
  iceOptions = "trickle";
  /** The relay that it sends by, as it is called in the list of servers. */
  relay: string | undefined;
  #ufrag = `u${++counter}`;
  #restart = false;
  #needed = false;
  #brokenUfrag = "";
  #pendingRemote: Description | null = null;

  constructor(configuration: RTCConfiguration = {}) {
    this.configuration = configuration;
    FakeNetwork.connections.push(this);
  }

  get localDescription(): Description | null {
    return this.pendingLocal ?? this.currentLocal;
  }

  get remoteDescription(): Description | null {
    return this.#pendingRemote ?? this.currentRemoteDescription;
  }

  get iceConnectionState(): string {
    return this.connectionState === "connecting" ? "checking" : this.connectionState;
  }

  addTransceiver(kind: string, { direction }: { direction: string }): FakeTransceiver {
    return this.#addTransceiver(kind, direction);
  }

  getTransceivers(): FakeTransceiver[] {
    return [...this.transceivers];
  }

  createDataChannel(label = "peerline"): FakeDataChannel | FakeTransferChannel {
    if (label !== "peerline") return this.#openChannel();
    this.data = new FakeDataChannel(this);
    this.#negotiationNeeded();
    return this.data;
  }

  restartIce(): void {
    this.#restart = true;
    this.#negotiationNeeded();
  }

  setConfiguration(configuration: RTCConfiguration): void {
    this.configuration = configuration;
  }

  getReceivers(): FakeReceiver[] {
    return this.transceivers.map(({ receiver }) => receiver);
  }

  getSenders(): FakeSender[] {
    return this.transceivers.map(({ sender }) => sender);
  }

  /** Nothing passes, and the browser doesn't know. */
  get isSilent(): boolean {
    return this.#brokenUfrag === this.#ufrag;
  }

  async getStats(): Promise<Map<string, unknown>> {
    const { packetsReceived } = this;
    return new Map<string, unknown>([
      ["T", { type: "transport", selectedCandidatePairId: "P" }],
      ["P", { type: "candidate-pair", id: `P${this.#ufrag}`, localCandidateId: "L", remoteCandidateId: "R", packetsReceived }],
      ["L", { type: "local-candidate", candidateType: this.relay ? "relay" : "host", protocol: "udp", url: this.relay }],
      ["R", { type: "remote-candidate", candidateType: "host", protocol: "udp" }],
    ]);
  }

  async setLocalDescription(): Promise<void> {
    await Promise.resolve();
    this.#assertOpen();
    this.#needed = false;
    if (this.signalingState === "have-remote-offer") {
      const offered = sections(this.#pendingRemote as Description);
      if (this.#changedUfrag()) this.#ufrag = `u${++counter}`;
      this.currentLocal = this.#describe("answer", offered.length);
      this.currentRemoteDescription = this.#pendingRemote;
      this.pendingLocal = this.#pendingRemote = null;
      this.#setSignalingState("stable");
    } else {
      if (this.#restart) this.#ufrag = `u${++counter}`;
      this.#restart = false;
      this.offers += 1;
      for (const transceiver of this.transceivers)
        transceiver.mid ??= this.transceivers.filter(({ mid }) => mid !== null).length;
      this.pendingLocal = this.#describe("offer", this.transceivers.length);
      this.#setSignalingState("have-local-offer");
    }
    const line = { candidate: `candidate:1 ${this.#ufrag}`, usernameFragment: this.#ufrag };
    // The second candidate is found late, and travels by itself.
    for (const delay of [0, 50]) setTimeout(() => this.onicecandidate?.({ candidate: { ...line, toJSON: () => line } }), delay);
    setTimeout(() => this.onicecandidate?.({ candidate: null }), 60);
  }

  async setRemoteDescription(description: Description): Promise<void> {
    await Promise.resolve();
    this.#assertOpen();
    if (description.type === "answer") {
      if (this.signalingState !== "have-local-offer") throw new DOMException("No offer", "InvalidStateError");
      if (sections(description).length !== sections(this.pendingLocal as Description).length)
        throw new DOMException("m-lines", "InvalidAccessError");
      this.currentLocal = this.pendingLocal;
      this.currentRemoteDescription = description;
      this.pendingLocal = null;
      this.#associate(description);
      this.#setSignalingState("stable");
    } else {
      if (this.signalingState === "have-local-offer") this.#rollBack();
      const known = this.transceivers.filter(({ mid }) => mid !== null).length;
      if (sections(description).length < known) throw new DOMException("m-lines", "InvalidAccessError");
      this.#pendingRemote = description;
      this.#associate(description);
      this.#setSignalingState("have-remote-offer");
    }
  }

  async addIceCandidate(candidate: { usernameFragment?: string } | null): Promise<void> {
    this.#assertOpen();
    if (!this.remoteDescription) throw new DOMException("No remote description", "InvalidStateError");
    if (candidate?.usernameFragment && candidate.usernameFragment !== ufrag(this.remoteDescription))
      throw new DOMException("Unknown ufrag", "OperationError");
  }

  close(): void {
    const { other } = this;
    this.signalingState = this.connectionState = "closed";
    this.other = undefined;
    if (this.data) this.data.readyState = "closed";
    for (const channel of this.channels) channel.break();
    if (other) setTimeout(() => other.other === this && other.breakPath(), 1000);
  }

  fallSilent(): void {
    if (this.connectionState !== "connected") return;
    this.#brokenUfrag = this.#ufrag;
    setTimeout(() => this.isSilent && this.breakPath(), 5000);
  }

  breakPath(): void {
    if (this.connectionState !== "connected") return;
    this.#brokenUfrag = this.#ufrag;
    this.#setConnectionState("disconnected");
    setTimeout(() => this.connectionState === "disconnected" && this.#setConnectionState("failed"), 8000);
  }

  /** A further channel, which the other side hears of. */
  #openChannel(): FakeTransferChannel {
    const [here, there] = FakeTransferChannel.pair();
    this.channels.push(here);
    this.other?.channels.push(there);
    this.other?.ondatachannel?.({ channel: there });
    return here;
  }

  #addTransceiver(kind: string, direction: string, mid: number | null = null): FakeTransceiver {
    const sender: FakeSender = {
      track: null,
      keyFrames: 0,
      replaceTrack: async (track) => {
        if (transceiver.direction === "stopped") throw new DOMException("It is stopped", "InvalidStateError");
        sender.track = track;
      },
      setStreams: () => undefined,
      encoding: { scaleResolutionDownBy: 1 },
      getParameters: () => ({ encodings: [{ ...sender.encoding }] }),
      setParameters: async ({ encodings: [encoding] }, options) => {
        sender.encoding = { ...encoding };
        sender.keyFrames += options?.encodingOptions.filter(({ keyFrame }) => keyFrame).length ?? 0;
      },
    };
    const receiver: FakeReceiver = {
      track: new FakeTrack(kind),
      newest: 0,
      getSynchronizationSources: () => (receiver.newest > 0 ? [{ timestamp: receiver.newest }] : []),
    };
    const transceiver: FakeTransceiver = { kind, mid, direction, sender, receiver };
    this.transceivers.push(transceiver);
    if (mid === null) this.#negotiationNeeded();
    return transceiver;
  }

  /** What the offer had brought along is offered again later. */
  #rollBack(): void {
    this.pendingLocal = null;
    const agreed = this.currentRemoteDescription ? sections(this.currentRemoteDescription).length : 0;
    for (const transceiver of this.transceivers) if (transceiver.mid !== null && transceiver.mid >= agreed) transceiver.mid = null;
  }

  #associate(description: Description): void {
    sections(description).forEach(({ kind, direction }, mid) => {
      const transceiver = this.transceivers.find((candidate) => candidate.mid === mid) ?? this.#addTransceiver(kind, "recvonly", mid);
      if (direction.startsWith("send")) this.ontrack?.({ track: transceiver.receiver.track, transceiver });
    });
  }

  #describe(type: "offer" | "answer", length: number): Description {
    const kinds = this.transceivers
      .filter(({ mid }) => mid !== null)
      .sort((a, b) => (a.mid as number) - (b.mid as number))
      .slice(0, length);
    const lines = ["v=0", `a=fingerprint:sha-256 ${this.fingerprint}`, `a=ice-options:${this.iceOptions}`, `a=ice-ufrag:${this.#ufrag}`];
    return { type, sdp: [...lines, ...kinds.map(({ kind, direction }) => `m=${kind}\r\na=${direction}`)].join("\r\n") };
  }

  #changedUfrag(): boolean {
    const before = this.currentRemoteDescription;
    return before !== null && ufrag(before) !== ufrag(this.#pendingRemote as Description);
  }

  #negotiationNeeded(): void {
    if (this.#needed) return;
    this.#needed = true;
    queueMicrotask(() => this.#fireNegotiationNeeded());
  }

  #fireNegotiationNeeded(): void {
    if (this.#needed && this.signalingState === "stable") this.onnegotiationneeded?.(new Event("negotiationneeded"));
  }

  #setSignalingState(state: string): void {
    this.signalingState = state;
    if (state !== "stable") return;
    this.#needed = this.#restart || this.transceivers.some(({ mid }) => mid === null);
    queueMicrotask(() => this.#fireNegotiationNeeded());
    this.#check();
  }

  /** Connects when both sides have described each other, over a path that isn't broken. */
  #check(): void {
    const other = FakeNetwork.connections.find((candidate) => candidate.#describes(this) && this.#describes(candidate));
    if (this.connectionState === "new") this.#setConnectionState("connecting");
    if (!other || !FakeNetwork.up || this.#brokenUfrag === this.#ufrag) return;
    setTimeout(() => {
      if (!this.#describes(other) || !other.#describes(this) || !FakeNetwork.up) return;
      for (const [one, two] of [[this, other], [other, this]] as const) {
        one.other = two;
        one.#setConnectionState("connected");
        one.data?.open();
      }
    }, 30);
  }

  #describes(other: FakePeerConnection): boolean {
    const { currentRemoteDescription: remote, signalingState } = this;
    return signalingState !== "closed" && remote !== null && remote.sdp.includes(`sha-256 ${other.fingerprint}\r`) && ufrag(remote) === other.#ufrag;
  }

  #setConnectionState(state: string): void {
    if (this.connectionState === state || this.connectionState === "closed") return;
    this.connectionState = state;
    this.onconnectionstatechange?.(new Event("connectionstatechange"));
  }

  #assertOpen(): void {
    if (this.signalingState === "closed") throw new DOMException("Closed", "InvalidStateError");
  }
}

function sections({ sdp }: Description): { kind: string; direction: string }[] {
  return [...sdp.matchAll(/^m=(\w+)\r\na=(\w+)/gm)].map(([, kind, direction]) => ({ kind: kind as string, direction: direction as string }));
}

function ufrag({ sdp }: Description): string {
  return /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1] ?? "";
}
