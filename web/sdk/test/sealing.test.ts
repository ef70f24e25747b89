import { describe, expect, it } from "vitest";
import * as base64url from "../src/base64url.js";
import { Identity } from "../src/identity.js";
import { openInvitation, sealInvitation } from "../src/invitation-sealing.js";
import { Link } from "../src/link.js";
import { ReplayWindow } from "../src/replay-window.js";
import { open, participantIdentifier, seal } from "../src/sealing.js";
import { type InvitationVector, sealing, type SealedVector } from "./vectors.js";

const bytes = (text: string) => base64url.decode(text) as Uint8Array<ArrayBuffer>;
const importSealKey = (key: string) => crypto.subtle.importKey("raw", bytes(key), "AES-GCM", true, ["encrypt", "decrypt"]);

describe("links", () => {
  it.each(sealing.links)("derives channel and seal key from $link", async ({ link, channel, seal_key, secret }) => {
    const parsed = Link.parse(link);
    expect(parsed.href).toBe(link);
    expect(await parsed.channel()).toBe(channel);
    const context = { channel, sender: "a", receiver: "b", id: 1 };
    expect(await open(await importSealKey(seal_key), context, await seal(await parsed.sealKey(), context, secret))).toBe(secret);
  });

  it.each(sealing.invalid_links)("refuses a link with: $name", ({ link }) => {
    expect(Link.tryParse(link)).toBeUndefined();
    expect(() => Link.parse(link)).toThrow(TypeError);
  });

  it("creates links that parse, each with its own secret", () => {
    const link = Link.create("https://call.example/anything?x#y");
    expect(link.href).toMatch(/^https:\/\/call\.example\/c\/#v1\.[\w-]{43}$/);
    expect(Link.parse(link.href).href).toBe(link.href);
    expect(Link.create("https://call.example").href).not.toBe(link.href);
  });
});

describe("participants", () => {
  it.each(sealing.participants)("derives $participant", async ({ key, participant }) => {
    expect(await participantIdentifier(bytes(key))).toBe(participant);
  });
});

describe("sealed payloads", () => {
  const openVector = async (vector: SealedVector) => open(await importSealKey(vector.seal_key), vector, vector.sealed);

  it.each(sealing.sealed)("opens and seals: $name", async (vector) => {
    expect(await openVector(vector)).toBe(vector.plaintext);
    const key = await importSealKey(vector.seal_key);
    expect(await seal(key, vector, vector.plaintext, bytes(vector.nonce))).toBe(vector.sealed);
  });

  it.each(sealing.not_opened)("does not open: $name", async (vector) => {
    expect(await openVector(vector)).toBeUndefined();
  });

  it("never seals the same text the same way", async () => {
    const key = await Link.create("https://call.example").sealKey();
    const context = { channel: "c", sender: "a", receiver: "b", id: 1 };
    expect(await seal(key, context, "x")).not.toBe(await seal(key, context, "x"));
  });
});

describe("sealed invitations", () => {
  it.each(sealing.invitations)("opens: $name", async (vector) => {
    expect(await openInvitation(await identityOf(vector), vector, vector.sealed)).toBe(vector.plaintext);
  });

  it.each(sealing.invitations_not_opened)("does not open: $name", async (vector) => {
    expect(await openInvitation(await identityOf(vector), vector, vector.sealed)).toBeUndefined();
  });

  it("opens what it sealed itself, for this call only", async () => {
    const pair = await crypto.subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, false, ["deriveBits"]);
    const identity = await Identity.fromKeyPair(pair);
    const context = { caller: "a", invited: "b", id: 3 };
    const sealed = await sealInvitation(identity.publicKey, context, "hello");
    expect(await openInvitation(identity, context, sealed)).toBe("hello");
    expect(await openInvitation(identity, { ...context, id: 4 }, sealed)).toBeUndefined();
  });

  async function identityOf({ identity }: InvitationVector): Promise<Identity> {
    const point = bytes(identity.public);
    const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) => base64url.encode(half)) as [string, string];
    const key: JsonWebKey = { kty: "EC", crv: "P-256", x, y };
    const curve = { name: "ECDH", namedCurve: "P-256" };
    return Identity.fromKeyPair({
      publicKey: await crypto.subtle.importKey("jwk", key, curve, true, []),
      privateKey: await crypto.subtle.importKey("jwk", { ...key, d: identity.private }, curve, false, ["deriveBits"]),
    });
  }
});

describe("the replay window", () => {
  it.each(sealing.replay)("$name", ({ steps }) => {
    const window = new ReplayWindow();
    for (const [id, accepted] of steps) {
      expect(window.accepts(id), `id ${id}`).toBe(accepted);
      if (accepted) window.add(id);
    }
  });

  it("does not use up the id of a message that did not open", () => {
    const window = new ReplayWindow();
    expect(window.accepts(5)).toBe(true);
    expect(window.accepts(5)).toBe(true);
  });
});
