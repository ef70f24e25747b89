import { describe, expect, it } from "vitest";
import { parseServerFrame } from "../src/frames.js";
import { parseMessage, parseProfile } from "../src/messages.js";
import { messages } from "./vectors.js";

describe("frames of the server", () => {
  it.each(messages.to_client.valid)("takes: $name", ({ frame }) => {
    expect(parseServerFrame(JSON.stringify(frame))).toEqual(frame);
  });

  it.each(messages.to_client.valid)("refuses it without its members: $name", ({ frame }) => {
    expect(parseServerFrame(JSON.stringify({ type: frame.type }))).toBeUndefined();
  });

  it.each(["", "x", "null", "[]", "5", '{"type":5}', '{"type":"constructor"}', '{"type":"toString","re":1}', '{"type":"hello"}'])(
    "ignores %s",
    (json) => expect(parseServerFrame(json)).toBeUndefined(),
  );

  it("refuses times that no timer can wait for", () => {
    const error = { type: "error", re: 1, code: "peer_busy", message: "" };
    expect(parseServerFrame(JSON.stringify({ ...error, retry: 86_400 }))).toBeDefined();
    expect(parseServerFrame(JSON.stringify({ ...error, retry: 2_147_484 }))).toBeUndefined();
    expect(parseServerFrame(JSON.stringify({ type: "drain", offset: 1, reconnect: [0, 1e9] }))).toBeUndefined();
  });

  it("refuses members of the wrong kind", () => {
    const arrived = messages.to_client.valid.find(({ frame }) => frame.type === "arrived")?.frame;
    for (const [name, value] of [["offset", "1"], ["offset", 1.5], ["member", null], ["member", []], ["channel", 5]])
      expect(parseServerFrame(JSON.stringify({ ...arrived, [name as string]: value })), `${name}`).toBeUndefined();
  });
});

describe("messages of participants", () => {
  const chat = { kind: "chat", chat: "AAAAAAAAAAAAAAAAAAAAAA", text: "hello", time: 1 };

  it("refuses a time that no date can show", () => {
    for (const time of [1e300, -1e300, 8.64e15 + 2, null, "1"]) expect(parseMessage(JSON.stringify({ ...chat, time }))).toBeUndefined();
    for (const time of [0, -8.64e15, 8.64e15, 1.5]) {
      const message = parseMessage(JSON.stringify({ ...chat, time }));
      expect(message?.kind === "chat" && new Date(message.time).toISOString()).toBeTruthy();
    }
  });

  it("takes from a name what could turn or break the text around it", () => {
    const profile = (name: string) => parseProfile(JSON.stringify({ kind: "profile", name }))?.name;
    expect(profile(" \u202Eecarg\u2066\n\u2028 Hopper\u0000 ")).toBe("ecarg Hopper");
    expect(profile("👩🏽‍🚀".repeat(40))).toHaveLength([..."👩🏽‍🚀".repeat(16)].join("").length);
    expect(profile("\u202E\n")).toBe("");
  });

  it("takes what the protocol knows", () => {
    const description = { type: "offer", sdp: "v=0" };
    for (const message of [
      chat,
      { ...chat, text: "👋".repeat(8000) },
      { kind: "received", chat: chat.chat },
      { kind: "description", negotiation: 1, description },
      { kind: "candidate", negotiation: 1, candidate: { candidate: "" } },
      { kind: "candidate", negotiation: 1, candidate: null },
      { kind: "restart", negotiation: 2 },
      { kind: "bye" },
    ])
      expect(parseMessage(JSON.stringify(message))).toEqual(message);
  });

  it("ignores the rest", () => {
    for (const message of [
      { kind: "tomorrow" },
      { kind: "constructor" },
      { ...chat, text: "" },
      { ...chat, text: "x".repeat(8001) },
      { ...chat, chat: "short" },
      { ...chat, time: "now" },
      { kind: "description", negotiation: 1, description: { type: "rollback", sdp: "" } },
      { kind: "description", negotiation: 0, description: { type: "offer", sdp: "" } },
      { kind: "description", negotiation: 1, description: null },
      { kind: "candidate", negotiation: 1 },
      [],
      null,
    ])
      expect(parseMessage(JSON.stringify(message))).toBeUndefined();
  });

  it("reads a profile, and shortens a name that is too long", () => {
    const profile = { kind: "profile", name: "Ada", identity: "x", microphone: true, camera: false, screen: true };
    expect(parseProfile(JSON.stringify(profile))).toEqual(profile);
    expect(parseProfile(JSON.stringify({ ...profile, screen: undefined }))?.screen).toBe(false);
    expect(parseProfile(JSON.stringify({ kind: "profile", name: "👋".repeat(99) }))?.name).toBe("👋".repeat(64));
    expect(parseProfile(JSON.stringify({ kind: "profile" }))).toBeUndefined();
  });
});
