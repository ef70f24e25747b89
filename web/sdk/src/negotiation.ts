import { fingerprintLines } from "./fingerprint.js";
import { iceUfrag } from "./ice-attributes.js";
import { preferLater } from "./later-candidates.js";
import type { CandidateMessage, DescriptionMessage, NegotiationMessage } from "./messages.js";

/** Milliseconds that a description waits for the first candidates, which then needn't travel one by one. */
const GATHERING = 20;
/** Milliseconds after which an offer without an answer is sent again. */
const ANSWER_TIMEOUT = 4000;
/** Candidates that may wait for their description. */
const EARLY_CANDIDATES = 128;

/** What a negotiation needs of the peer connection; `RTCPeerConnection` fits. */
export type Negotiable = Pick<
  RTCPeerConnection,
  | "signalingState"
  | "localDescription"
  | "remoteDescription"
  | "currentRemoteDescription"
  | "setLocalDescription"
  | "setRemoteDescription"
  | "addIceCandidate"
>;

export interface NegotiationOptions {
  /** Whether this side yields when two offers collide. */
  polite: boolean;
  /** The highest negotiation number that this pair has used; numbers go on when a connection is replaced. */
  newest: number;
  send(message: NegotiationMessage): void;
  /** Called between a remote offer and its answer: the time to say what the answer sends. */
  beforeAnswer(): Promise<void>;
  /** The other side's description as the connection shall see it: what it sends follows from it. */
  adapt(sdp: string): string;
}

/**
 * - `done`: taken, or stale and dropped
 * - `start over`: only a new peer connection can take this description
 */
export type Outcome = "done" | "start over";

/**
 * Perfect negotiation with numbers (W3C webrtc-pc §10.7; `docs/signaling.md` §9): offers and answers of
 * one peer connection, one step at a time, and the candidates that belong to them.
 */
export class Negotiation {
  readonly #connection: Negotiable;
  readonly #options: NegotiationOptions;
  #newest: number;
  /** Whether the newest number is that of an offer of ours. */
  #ours = false;
  /** How often the other side has come with new ICE credentials. */
  #restarts = 0;
  #steps: Promise<unknown> = Promise.resolve();
  #early: CandidateMessage[] = [];
  /** Local candidates that wait for their description to be sent; undefined when they may go at once. */
  #held: (RTCIceCandidateInit | null)[] | undefined;
  #answerTimer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(connection: Negotiable, options: NegotiationOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#newest = options.newest;
  }

  /** The highest negotiation number so far. */
  get newest(): number {
    return this.#newest;
  }

  /** Makes the first offer, unless the other side was quicker. `prepare` says what is offered. */
  offerFirst(prepare: () => Promise<void>): void {
    void this.#step(async () => {
      if (this.#connection.remoteDescription) return;
      await prepare();
      await this.#offer();
    });
  }

  /** Makes an offer; for `negotiationneeded`. */
  offer(): void {
    void this.#step(async () => {
      // Otherwise `negotiationneeded` comes again when the state is stable.
      if (this.#connection.signalingState === "stable") await this.#offer();
    });
  }

  /** Sends the pending offer again, if there is one: the other side may not have it. */
  resend(): void {
    void this.#step(async () => {
      if (this.#connection.signalingState !== "have-local-offer") return;
      this.#sendDescription();
      this.#awaitAnswer();
    });
  }

  /** Takes a description from the other side. */
  receive({ negotiation, description }: DescriptionMessage): Promise<Outcome> {
    return this.#step(async (): Promise<Outcome> => {
      if (negotiation < this.#newest) return "done";
      return description.type === "offer"
        ? this.#receiveOffer(negotiation, description)
        : this.#receiveAnswer(negotiation, description);
    }, "done");
  }

  /** Takes a candidate from the other side. */
  receiveCandidate(message: CandidateMessage): Promise<void> {
    return this.#step(async () => {
      if (message.negotiation < this.#newest) return;
      const awaited = this.#ours && this.#connection.signalingState === "have-local-offer";
      if (message.negotiation > this.#newest || awaited || !this.#connection.remoteDescription) {
        if (this.#early.length < EARLY_CANDIDATES) this.#early.push(message);
      } else {
        await this.#addCandidate(message);
      }
    });
  }

  /** Sends a local candidate, after the description that it belongs to; null at the end. */
  sendCandidate(candidate: RTCIceCandidateInit | null): void {
    if (this.#held) this.#held.push(candidate);
    else this.#options.send({ kind: "candidate", negotiation: this.#newest, candidate });
  }

  /** Resolves when everything that has come so far is taken. */
  settled(): Promise<void> {
    return this.#step(async () => undefined);
  }

  /** Nothing is sent after this. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#answerTimer);
  }

  async #offer(): Promise<void> {
    this.#newest += 1;
    this.#ours = true;
    await this.#describe();
    this.#awaitAnswer();
  }

  async #receiveOffer(negotiation: number, description: RTCSessionDescriptionInit): Promise<Outcome> {
    const connection = this.#connection;
    const collides = connection.signalingState === "have-local-offer";
    if (collides && !this.#options.polite) {
      this.#insist(negotiation);
      return "done";
    }
    // The offer that lost a collision, arriving after the answer to the one that won.
    if (!collides && this.#ours && negotiation === this.#newest) return "done";
    // A rollback of the very first offer leaves transceivers behind that the other side doesn't know.
    if (collides && !connection.currentRemoteDescription) return "start over";
    if (this.#hasNewFingerprint(description)) return "start over";
    // Offered again because the answer didn't come in time: the first one may be on its way, and of the second one nothing is taken then.
    const isAgain = !collides && !this.#ours && negotiation === this.#newest;
    clearTimeout(this.#answerTimer);
    this.#newest = negotiation;
    this.#ours = false;
    await this.#setRemoteDescription(description);
    await this.#addEarlyCandidates();
    await this.#options.beforeAnswer();
    if (isAgain) await this.#describeAgain();
    else await this.#describe();
    return "done";
  }

  /** The other side must not take our pending offer for a stale one: it goes on under the higher number. */
  #insist(negotiation: number): void {
    if (negotiation <= this.#newest) return;
    this.#newest = negotiation;
    this.#sendDescription();
  }

  async #receiveAnswer(negotiation: number, description: RTCSessionDescriptionInit): Promise<Outcome> {
    const awaited = this.#ours && this.#connection.signalingState === "have-local-offer";
    if (!awaited || negotiation !== this.#newest) return "done";
    if (this.#hasNewFingerprint(description)) return "start over";
    clearTimeout(this.#answerTimer);
    await this.#setRemoteDescription(description);
    await this.#addEarlyCandidates();
    return "done";
  }

  /** The other side replaced its connection: DTLS cannot go on with another certificate. */
  #hasNewFingerprint(description: RTCSessionDescriptionInit): boolean {
    const known = fingerprintLines(this.#connection.currentRemoteDescription?.sdp).join();
    return known !== "" && known !== fingerprintLines(description.sdp).join();
  }

  async #describe(): Promise<void> {
    this.#held = [];
    await this.#connection.setLocalDescription();
    await new Promise((resolve) => setTimeout(resolve, GATHERING));
    this.#sendDescription();
  }

  /** Candidates go on travelling one by one. */
  async #describeAgain(): Promise<void> {
    await this.#connection.setLocalDescription();
    this.#sendDescription();
  }

  #sendDescription(): void {
    const description = this.#connection.localDescription;
    if (this.#closed || !description || (description.type !== "offer" && description.type !== "answer")) return;
    const { type, sdp } = description;
    this.#options.send({ kind: "description", negotiation: this.#newest, description: { type, sdp } });
    // What was gathered so far stands in the description itself.
    const ended = this.#held?.includes(null);
    this.#held = undefined;
    if (ended) this.sendCandidate(null);
  }

  async #setRemoteDescription({ type, sdp = "" }: RTCSessionDescriptionInit): Promise<void> {
    const known = this.#connection.remoteDescription;
    if (known && iceUfrag(known.sdp) !== iceUfrag(sdp)) this.#restarts += 1;
    await this.#connection.setRemoteDescription({ type, sdp: this.#options.adapt(preferLater(sdp, this.#restarts)) });
  }

  #awaitAnswer(): void {
    clearTimeout(this.#answerTimer);
    if (!this.#closed) this.#answerTimer = setTimeout(() => this.resend(), ANSWER_TIMEOUT);
  }

  async #addEarlyCandidates(): Promise<void> {
    const early = this.#early;
    this.#early = early.filter(({ negotiation }) => negotiation > this.#newest);
    for (const message of early) if (message.negotiation === this.#newest) await this.#addCandidate(message);
  }

  async #addCandidate({ candidate }: CandidateMessage): Promise<void> {
    // It may belong to an offer that lost a collision, or be of a kind that this browser doesn't know: others remain.
    const preferred = candidate && { ...candidate, candidate: preferLater(candidate.candidate ?? "", this.#restarts) };
    await this.#connection.addIceCandidate(preferred).catch(() => undefined);
  }

  /** Runs one step after all earlier ones. A step fails when the connection is closed, or the other side wrote nonsense. */
  #step<Result>(run: () => Promise<Result>, otherwise?: Result): Promise<Result> {
    const step = this.#steps.then(() => {
      if (this.#closed || this.#connection.signalingState === "closed") return otherwise as Result;
      return run();
    });
    const settled = step.catch(() => otherwise as Result);
    this.#steps = settled;
    return settled;
  }
}
