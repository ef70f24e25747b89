import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as base64url from "../src/base64url.js";
import { onlyFingerprint } from "../src/fingerprint.js";
import { Identity } from "../src/identity.js";
import { parseMessage, type VerificationMessage } from "../src/messages.js";
import { commitmentTo, proofOf, VerificationExchange, type VerificationOptions, wordsOf } from "../src/verification.js";
import { settle, stopTime } from "./fakes/time.js";
import { verification } from "./vectors.js";

const CURVE = { name: "ECDH", namedCurve: "P-256" };
const newIdentity = async () => Identity.fromKeyPair((await crypto.subtle.generateKey(CURVE, false, ["deriveBits"])) as CryptoKeyPair);

let certificates = 0;
const newFingerprint = () => [...(++certificates).toString(16).toUpperCase().padStart(64, "0").matchAll(/../g)].join(":");

/** One end of a connection: what it sends goes to `out`. */
interface End {
  exchange: VerificationExchange;
  sent: VerificationMessage[];
  out: (message: VerificationMessage) => void;
}

function end(first: boolean, identity: Identity, own: string, other: string, fingerprints: VerificationOptions["fingerprints"] = Promise.resolve({ own, other })): End {
  const sent: VerificationMessage[] = [];
  const made: End = {
    sent,
    out: () => undefined,
    exchange: new VerificationExchange({
      first,
      identity,
      fingerprints,
      send: (message) => {
        sent.push(message);
        made.out(parseMessage(JSON.stringify(message)) as VerificationMessage);
      },
      change: () => undefined,
    }),
  };
  return made;
}

function join(one: End, two: End): void {
  one.out = (message) => two.exchange.receive(message);
  two.out = (message) => one.exchange.receive(message);
}

/** Resolves when all that was said is dealt with. */
const decided = async (...ends: End[]) => {
  await settle();
  for (const { exchange } of ends) expect(exchange.state).not.toBe("pending");
};

beforeEach(stopTime);

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function people() {
  const [ada, grace, stranger] = await Promise.all([newIdentity(), newIdentity(), newIdentity()]);
  return { ada, grace, stranger, certificates: { ada: newFingerprint(), grace: newFingerprint(), stranger: newFingerprint() } };
}

describe("two people who are connected directly", () => {
  it("see the same four words of the list, and each the identity of the other", async () => {
    const { ada, grace, certificates } = await people();
    const one = end(true, ada, certificates.ada, certificates.grace);
    const two = end(false, grace, certificates.grace, certificates.ada);
    join(one, two);
    await decided(one, two);
    expect([one.exchange.state, two.exchange.state]).toEqual(["ready", "ready"]);
    const words = await one.exchange.words();
    expect(words).toHaveLength(4);
    for (const word of words) expect(word).toMatch(/^[a-z]{4,8}$/);
    expect(await two.exchange.words()).toEqual(words);
    expect([one.exchange.identity, two.exchange.identity]).toEqual([grace.publicKey, ada.publicKey]);
  });

  it("see other words with each connection", async () => {
    const { ada, grace, certificates } = await people();
    const once = async () => {
      const one = end(true, ada, certificates.ada, certificates.grace);
      const two = end(false, grace, certificates.grace, certificates.ada);
      join(one, two);
      await decided(one, two);
      return (await one.exchange.words()).join("-");
    };
    expect(new Set([await once(), await once(), await once()]).size).toBe(3);
  });

  it("see nothing while the other side doesn't take part", async () => {
    const { ada, certificates } = await people();
    const one = end(true, ada, certificates.ada, certificates.grace);
    await settle();
    expect(one.sent).toHaveLength(1);
    expect([one.exchange.state, one.exchange.identity]).toEqual(["pending", undefined]);
    await expect(one.exchange.words()).rejects.toMatchObject({ name: "InvalidStateError" });
  });

  it.each([true, false])("lose nothing that comes before they know the certificates (of the first side: %s)", async (first) => {
    const { ada, grace, certificates } = await people();
    let know: (fingerprints: { own: string; other: string }) => void = () => undefined;
    const late = end(first, ada, "", "", new Promise((resolve) => (know = resolve)));
    const early = end(!first, grace, certificates.grace, certificates.ada);
    join(early, late);
    await settle();
    expect(early.sent).toHaveLength(first ? 0 : 1);
    know({ own: certificates.ada, other: certificates.grace });
    await decided(early, late);
    expect(await early.exchange.words()).toEqual(await late.exchange.words());
  });

  it("say nothing where the certificates aren't known", async () => {
    const { ada, grace, certificates } = await people();
    const unsure = end(false, ada, "", "", Promise.resolve(undefined));
    const other = end(true, grace, certificates.grace, certificates.ada);
    join(unsure, other);
    await settle();
    expect(other.sent).toHaveLength(1);
    expect([unsure.exchange.state, unsure.sent]).toEqual(["pending", []]);
  });

  it("keep the first of two messages of a kind", async () => {
    const { ada, grace, certificates } = await people();
    const one = end(true, ada, certificates.ada, certificates.grace);
    const two = end(false, grace, certificates.grace, certificates.ada);
    one.out = (message) => {
      two.exchange.receive(message);
      if (message.kind === "commitment") two.exchange.receive({ ...message, commitment: base64url.encode(new Uint8Array(32)) });
    };
    two.out = (message) => one.exchange.receive(message);
    await decided(one, two);
    expect(two.exchange.state).toBe("ready");
    expect(two.sent.map(({ kind }) => kind)).toEqual(["nonce", "proof"]);
  });
});

describe("somebody in between who has the link's secret", () => {
  it("is seen by the words when it comes with an identity of its own", async () => {
    const { ada, grace, stranger, certificates } = await people();
    const adas = end(true, ada, certificates.ada, certificates.stranger);
    const toAda = end(false, stranger, certificates.stranger, certificates.ada);
    const toGrace = end(true, stranger, certificates.stranger, certificates.grace);
    const graces = end(false, grace, certificates.grace, certificates.stranger);
    join(adas, toAda);
    join(toGrace, graces);
    await decided(adas, graces);
    expect([adas.exchange.state, graces.exchange.state]).toEqual(["ready", "ready"]);
    expect(await adas.exchange.words()).not.toEqual(await graces.exchange.words());
    expect([adas.exchange.identity, graces.exchange.identity]).toEqual([stranger.publicKey, stranger.publicKey]);
  });

  it("can't pass on what both say: the proofs are for other certificates", async () => {
    const { ada, grace, certificates } = await people();
    const adas = end(true, ada, certificates.ada, certificates.stranger);
    const graces = end(false, grace, certificates.grace, certificates.stranger);
    join(adas, graces);
    await decided(graces);
    expect(graces.exchange.state).toBe("broken");
    expect(adas.exchange.state).toBe("pending");
  });

  it("gets no random value of the first side before it has said its own", async () => {
    const { ada, certificates } = await people();
    const adas = end(true, ada, certificates.ada, certificates.stranger);
    await settle();
    expect(adas.sent).toHaveLength(1);
    expect(Object.keys(adas.sent[0] as object).sort()).toEqual(["commitment", "identity", "kind"]);
    // Saying something else is no way to it.
    adas.exchange.receive({ kind: "proof", proof: base64url.encode(new Uint8Array(32)) });
    adas.exchange.receive({ kind: "opening", nonce: base64url.encode(new Uint8Array(32)), proof: base64url.encode(new Uint8Array(32)) });
    await settle();
    expect(adas.sent).toHaveLength(1);
  });

  it("is refused when it opens another value than the one that it had committed to", async () => {
    const { grace, stranger, certificates } = await people();
    const toGrace = end(true, stranger, certificates.stranger, certificates.grace);
    const graces = end(false, grace, certificates.grace, certificates.stranger);
    // Having learned the other side's value, it would choose its own to suit.
    const better = base64url.encode(crypto.getRandomValues(new Uint8Array(32)));
    toGrace.out = (message) => graces.exchange.receive(message.kind === "opening" ? { ...message, nonce: better } : message);
    graces.out = (message) => toGrace.exchange.receive(message);
    await decided(graces);
    expect([graces.exchange.state, graces.exchange.identity]).toEqual(["broken", undefined]);
    await expect(graces.exchange.words()).rejects.toMatchObject({ name: "InvalidStateError" });
  });

  it.each([true, false])("can't name an identity that it doesn't own (as the first side: %s)", async (first) => {
    const { ada, grace, stranger, certificates } = await people();
    const theirs = end(first, stranger, certificates.stranger, certificates.grace);
    const graces = end(!first, grace, certificates.grace, certificates.stranger);
    theirs.out = (message) => graces.exchange.receive("identity" in message ? { ...message, identity: ada.publicKey } : message);
    graces.out = (message) => theirs.exchange.receive(message);
    if (first) await decided(graces);
    else {
      // Without a proof of Ada's own it can only guess.
      await settle();
      expect(graces.sent).toHaveLength(2);
      graces.exchange.receive({ kind: "proof", proof: base64url.encode(new Uint8Array(32)) });
      await decided(graces);
    }
    expect(graces.exchange.state).toBe("broken");
  });

  it("is refused with an identity that is no key", async () => {
    const { grace, certificates } = await people();
    const graces = end(true, grace, certificates.grace, certificates.stranger);
    const identity = base64url.encode(new Uint8Array(65));
    graces.exchange.receive({ kind: "nonce", nonce: base64url.encode(new Uint8Array(32)), identity });
    await decided(graces);
    expect(graces.exchange.state).toBe("broken");
  });
});

describe("the golden vectors", () => {
  it.each(verification)("hold for $words", async ({ fingerprints, identities: [one, two], nonces, commitment, words, proofs }) => {
    const transcript = { fingerprints, identities: [one.public, two.public] as const, nonces };
    expect(await commitmentTo(nonces[0])).toBe(commitment);
    expect(await wordsOf(transcript)).toEqual(words);
    const shared = await (await identityOf(one)).agree(await crypto.subtle.importKey("raw", bytes(two.public), CURVE, true, []));
    expect([await proofOf(shared, true, transcript), await proofOf(shared, false, transcript)]).toEqual(proofs);
  });

  const bytes = (text: string) => base64url.decode(text) as Uint8Array<ArrayBuffer>;

  async function identityOf({ private: d, public: point }: { private: string; public: string }): Promise<Identity> {
    const key = { kty: "EC", crv: "P-256", x: base64url.encode(bytes(point).slice(1, 33)), y: base64url.encode(bytes(point).slice(33)) };
    return Identity.fromKeyPair({
      publicKey: await crypto.subtle.importKey("jwk", key, CURVE, true, []),
      privateKey: await crypto.subtle.importKey("jwk", { ...key, d }, CURVE, false, ["deriveBits"]),
    });
  }
});

describe("the fingerprint of a description", () => {
  const [real, other] = [newFingerprint(), newFingerprint()];
  const sdp = (...lines: string[]) => ["v=0", ...lines, "m=audio 9", ""].join("\r\n");

  it("is the only one that it names, however often", () => {
    expect(onlyFingerprint(sdp(`a=fingerprint:sha-256 ${real}`))).toBe(real);
    expect(onlyFingerprint(sdp(`a=fingerprint:sha-256 ${real}`, "m=video 9", `a=fingerprint:SHA-256 ${real.toLowerCase()}`))).toBe(real);
  });

  it.each([
    ["two", sdp(`a=fingerprint:sha-256 ${real}`, `a=fingerprint:sha-256 ${other}`)],
    ["one of another kind beside it", sdp(`a=fingerprint:sha-256 ${real}`, `a=fingerprint:sha-512 ${real}:${other}`)],
    ["one written in an odd way beside it", sdp(`a=fingerprint:sha-256 ${real}`, `a=fingerprint: sha-256  ${other}`)],
    ["another one after a bare line feed", sdp(`a=fingerprint:sha-256 ${real}\na=fingerprint:sha-256 ${other}`)],
    ["one of SHA-1 only", sdp(`a=fingerprint:sha-1 ${real.slice(0, 59)}`)],
    ["none", sdp()],
  ])("is not known where it names %s", (_, description) => {
    expect(onlyFingerprint(description)).toBeUndefined();
  });
});
