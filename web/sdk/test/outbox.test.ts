import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { RequestFrame } from "../src/frames.js";
import { Outbox } from "../src/outbox.js";

describe("the outbox", () => {
  let sent: number[];
  let outbox: Outbox;
  const find = (id: number): RequestFrame => ({ type: "find", id, prefix: "" });

  beforeEach(() => {
    vi.useFakeTimers();
    sent = [];
    outbox = new Outbox(({ id }) => sent.push(id));
  });
  afterEach(() => vi.useRealTimers());

  it("repeats what is unanswered, as it was, in its order", async () => {
    const first = outbox.send(find(1));
    void outbox.send(find(2)).catch(() => undefined);
    outbox.answered({ type: "ok", re: 1 });
    await expect(first).resolves.toEqual({ type: "ok", re: 1 });
    void outbox.send(find(3)).catch(() => undefined);
    outbox.repeat(3);
    expect(sent).toEqual([1, 2, 3, 2, 3]);
  });

  it("leaves out what was sent on the new connection already", () => {
    void outbox.send(find(1));
    void outbox.send(find(2));
    outbox.repeat(1);
    expect(sent).toEqual([1, 2, 1]);
  });

  it("ignores answers to nothing", () => {
    outbox.answered({ type: "ok", re: 7 });
    outbox.answered({ type: "error", re: 7, code: "peer_gone", message: "" });
  });

  it("rejects with the server's refusal", async () => {
    const request = outbox.send(find(1));
    outbox.answered({ type: "error", re: 1, code: "peer_gone", message: "Gone." });
    await expect(request).rejects.toMatchObject({ name: "PeerlineError", code: "peer_gone", message: "Gone." });
    expect(outbox.size).toBe(0);
  });

  it("waits as long as the server says before it tries again, and gives up in the end", async () => {
    const request = outbox.send(find(1));
    const refused = expect(request).rejects.toMatchObject({ code: "peer_busy", retry: 2 });
    for (let attempt = 1; attempt <= 8; attempt++) {
      outbox.answered({ type: "error", re: 1, code: "peer_busy", message: "", retry: 2 });
      vi.advanceTimersByTime(1999);
      expect(sent.length).toBe(attempt);
      vi.advanceTimersByTime(1);
      expect(sent.length).toBe(attempt + 1);
    }
    outbox.answered({ type: "error", re: 1, code: "peer_busy", message: "", retry: 2 });
    await refused;
  });

  it("abandons what is picked", async () => {
    const one = outbox.send(find(1));
    const two = outbox.send({ type: "ping", id: 2 });
    outbox.abandon(({ type }) => type === "find");
    await expect(one).rejects.toMatchObject({ code: "closed" });
    outbox.answered({ type: "pong", re: 2 });
    await expect(two).resolves.toMatchObject({ type: "pong" });
  });

  it("holds a limited number", async () => {
    for (let id = 1; id <= 1024; id++) void outbox.send(find(id));
    await expect(outbox.send(find(1025))).rejects.toMatchObject({ code: "overloaded" });
  });
});
