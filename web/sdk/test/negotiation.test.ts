import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { DescriptionMessage, NegotiationMessage } from "../src/messages.js";
import { type Negotiable, Negotiation, type Outcome } from "../src/negotiation.js";
import { FakeNetwork, FakePeerConnection } from "./fakes/peer-connection.js";
import { pass, settle, stopTime } from "./fakes/time.js";

/** One side of a pair, whose messages wait until they are delivered. */
class Side {
  readonly connection = new FakePeerConnection();
  readonly negotiation: Negotiation;
  readonly sent: NegotiationMessage[] = [];
  readonly outcomes: Outcome[] = [];

  constructor(polite: boolean, newest = 0) {
    this.connection.createDataChannel();
    this.negotiation = new Negotiation(this.connection as unknown as Negotiable, {
      polite,
      newest,
      send: (message) => this.sent.push(message),
      beforeAnswer: async () => undefined,
      adapt: (sdp) => sdp,
    });
    this.connection.onicecandidate = ({ candidate }) => this.negotiation.sendCandidate((candidate?.toJSON() ?? null) as RTCIceCandidateInit | null);
  }

  offerFirst(): void {
    this.negotiation.offerFirst(async () => void this.connection.addTransceiver("audio", { direction: "sendrecv" }));
  }

  /** Delivers all that waits to the other side. */
  async deliverTo(other: Side): Promise<void> {
    for (const message of this.sent.splice(0)) await other.take(message);
    await settle();
  }

  async take(message: NegotiationMessage): Promise<void> {
    if (message.kind === "candidate") await this.negotiation.receiveCandidate(message);
    else if (message.kind === "description") {
      const outcome = this.negotiation.receive(message);
      await vi.advanceTimersByTimeAsync(30);
      this.outcomes.push(await outcome);
    }
  }

  get descriptions(): DescriptionMessage[] {
    return this.sent.filter((message) => message.kind === "description");
  }
}

describe("a negotiation", () => {
  let polite: Side;
  let impolite: Side;

  const exchange = async () => {
    for (let round = 0; round < 6; round++) {
      await pass(100);
      await polite.deliverTo(impolite);
      await impolite.deliverTo(polite);
    }
  };
  const states = () => [polite.connection.signalingState, impolite.connection.signalingState];
  const connected = () => [polite.connection.connectionState, impolite.connection.connectionState];

  beforeEach(() => {
    stopTime();
    FakeNetwork.reset();
    polite = new Side(true);
    impolite = new Side(false);
  });

  afterEach(() => {
    polite.negotiation.close();
    impolite.negotiation.close();
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  /** Connects the two by one offer of the impolite side. */
  const connect = async () => {
    impolite.offerFirst();
    await exchange();
    expect(connected()).toEqual(["connected", "connected"]);
    for (const side of [polite, impolite]) side.connection.onnegotiationneeded = () => side.negotiation.offer();
  };

  it("connects by one offer and one answer, numbered alike", async () => {
    impolite.offerFirst();
    await pass(30);
    expect(impolite.descriptions).toMatchObject([{ negotiation: 1, description: { type: "offer" } }]);
    await impolite.deliverTo(polite);
    expect(polite.descriptions).toMatchObject([{ negotiation: 1, description: { type: "answer" } }]);
    await exchange();
    expect(connected()).toEqual(["connected", "connected"]);
    expect([polite.connection.offers, impolite.connection.offers]).toEqual([0, 1]);
  });

  it("sends candidates after their description, with its number", async () => {
    impolite.offerFirst();
    await pass(200);
    expect(impolite.sent.map(({ kind, negotiation }) => [kind, negotiation])).toEqual([
      ["description", 1],
      ["candidate", 1],
      ["candidate", 1],
    ]);
  });

  it("survives two restarts at the same time: the polite side yields", async () => {
    await connect();
    polite.connection.restartIce();
    impolite.connection.restartIce();
    await exchange();
    expect(states()).toEqual(["stable", "stable"]);
    expect(connected()).toEqual(["connected", "connected"]);
    expect(polite.negotiation.newest).toBe(impolite.negotiation.newest);
  });

  it("asks for a new connection when the very first offers collide", async () => {
    polite.offerFirst();
    impolite.offerFirst();
    await pass(30);
    await impolite.deliverTo(polite);
    expect(polite.outcomes).toEqual(["start over"]);
    await polite.deliverTo(impolite);
    expect(impolite.outcomes).toEqual(["done"]);
    expect(impolite.connection.signalingState).toBe("have-local-offer");
  });

  it("asks for a new connection when the other side has one", async () => {
    await connect();
    const replaced = new Side(false, impolite.negotiation.newest);
    replaced.offerFirst();
    await pass(30);
    await replaced.deliverTo(polite);
    expect(polite.outcomes.at(-1)).toBe("start over");
    replaced.negotiation.close();
  });

  it("drops an offer older than the newest seen", async () => {
    await connect();
    impolite.connection.restartIce();
    await pass(30);
    const old = impolite.descriptions[0] as DescriptionMessage;
    await exchange();
    impolite.connection.restartIce();
    await exchange();
    const before = polite.connection.remoteDescription;
    await polite.take(old);
    expect(polite.connection.remoteDescription).toBe(before);
    expect(polite.sent).toEqual([]);
  });

  it("drops an answer to another offer than the pending one", async () => {
    impolite.offerFirst();
    await pass(30);
    await impolite.take({ kind: "description", negotiation: 2, description: { type: "answer", sdp: "v=0" } });
    expect(impolite.connection.signalingState).toBe("have-local-offer");
    await exchange();
    await impolite.take({ kind: "description", negotiation: 1, description: { type: "answer", sdp: "v=0" } });
    expect(connected()).toEqual(["connected", "connected"]);
  });

  it("drops candidates of earlier negotiations, and keeps those that come early", async () => {
    const added = vi.spyOn(polite.connection, "addIceCandidate");
    impolite.offerFirst();
    await pass(200);
    const [description, ...candidates] = impolite.sent.splice(0);
    for (const candidate of candidates) await polite.take(candidate);
    expect(added).not.toHaveBeenCalled();
    await polite.take(description as NegotiationMessage);
    expect(added).toHaveBeenCalledTimes(candidates.length);
    await exchange();
    impolite.connection.onnegotiationneeded = () => impolite.negotiation.offer();
    impolite.connection.restartIce();
    await exchange();
    const before = added.mock.calls.length;
    for (const candidate of candidates) await polite.take(candidate);
    expect(added).toHaveBeenCalledTimes(before);
  });

  it("sends an unanswered offer again; answering it twice does no harm", async () => {
    impolite.offerFirst();
    await pass(30);
    await impolite.deliverTo(polite);
    polite.sent.length = 0;
    await pass(4000);
    expect(impolite.descriptions).toMatchObject([{ negotiation: 1 }]);
    await exchange();
    expect(connected()).toEqual(["connected", "connected"]);
    await pass(10_000);
    expect(impolite.sent).toEqual([]);
  });

  it("loses no candidate where an offer that came twice is answered twice", async () => {
    const added = vi.spyOn(impolite.connection, "addIceCandidate");
    impolite.offerFirst();
    await pass(30);
    const offer = impolite.descriptions[0] as DescriptionMessage;
    await polite.take(offer);
    // What is found now travels with the second answer, which comes after the first one.
    const first = polite.sent.splice(0);
    const again = polite.take(offer);
    polite.negotiation.sendCandidate({ candidate: "candidate:9", usernameFragment: "" });
    await again;
    for (const message of [...first, ...polite.sent.splice(0)]) await impolite.take(message);
    expect(added).toHaveBeenCalledWith(expect.objectContaining({ candidate: "candidate:9" }));
  });

  it("doesn't get stuck when the polite side's numbers have run ahead", async () => {
    polite = new Side(true, 6);
    polite.offerFirst();
    impolite.offerFirst();
    await pass(30);
    await polite.deliverTo(impolite);
    expect(impolite.negotiation.newest).toBe(7);
    const insisted = impolite.descriptions.at(-1) as DescriptionMessage;
    expect(insisted).toMatchObject({ negotiation: 7, description: { type: "offer" } });
    await polite.take(insisted);
    expect(polite.outcomes).toEqual(["start over"]);
  });

  it("takes nonsense for nothing", async () => {
    await connect();
    vi.spyOn(polite.connection, "setRemoteDescription").mockRejectedValueOnce(new DOMException("bad"));
    const { fingerprint } = impolite.connection;
    const sdp = `v=0\r\na=fingerprint:sha-256 ${fingerprint}\r\n`;
    await polite.take({ kind: "description", negotiation: 2, description: { type: "offer", sdp } });
    expect(polite.connection.signalingState).toBe("stable");
    impolite.connection.restartIce();
    await exchange();
    expect(connected()).toEqual(["connected", "connected"]);
  });

  it("takes no time over a description that was made to take long", async () => {
    await connect();
    const sdp = `v=0\r\na=fingerprint:${" ".repeat(60_000)}x\r\n`;
    const begun = performance.now();
    await polite.take({ kind: "description", negotiation: 2, description: { type: "offer", sdp } });
    expect(performance.now() - begun).toBeLessThan(500);
  });

  it("sends nothing once it is closed", async () => {
    impolite.offerFirst();
    await pass(10);
    impolite.negotiation.close();
    await pass(10_000);
    expect(impolite.sent).toEqual([]);
  });
});
