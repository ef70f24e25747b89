import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ConnectionDiagnostics, type Situation } from "../../src/diagnostics/diagnostics.js";
import { pass, stopTime } from "../fakes/time.js";
import { recorded } from "./recorded.js";

describe("the diagnostics of a connection", () => {
  let situation: Situation;
  let looks: number;
  let diagnostics: ConnectionDiagnostics;

  beforeEach(() => {
    stopTime();
    looks = 0;
    situation = { state: "connected", presence: "present", relayOnly: false, relays: ["udp"], servers: ["turn:relay.example"] };
    diagnostics = new ConnectionDiagnostics(
      async () => {
        looks += 1;
        return recorded("chromium-direct");
      },
      () => situation,
    );
  });

  afterEach(() => {
    diagnostics.close();
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it("look every five seconds, and every second while somebody watches", async () => {
    await pass(20_500);
    expect(looks).toBe(4);
    const unwatch = diagnostics.watch();
    await pass(10_000);
    expect(looks).toBe(15);
    unwatch();
    unwatch();
    await pass(11_000);
    expect(looks).toBe(18);
  });

  it("hold a bounded number of samples and events, the latest ones", async () => {
    diagnostics.watch();
    await pass(800_000, 1000);
    expect(diagnostics.samples).toHaveLength(720);
    expect(diagnostics.samples.at(-1)?.time).toBe(diagnostics.snapshot?.time);
    for (let state = 0; state < 1000; state++) diagnostics.log({ kind: "ice", state: String(state) });
    expect(diagnostics.events).toHaveLength(400);
    expect(diagnostics.events.at(-1)).toMatchObject({ state: "999" });
  });

  it("end with the connection", async () => {
    diagnostics.close();
    await pass(20_000);
    expect(looks).toBe(0);
  });

  it("know the route only while the connection holds", async () => {
    await pass(5_500);
    expect(diagnostics.route).toMatchObject({ kind: "direct", network: "same" });
    situation = { ...situation, state: "failed" };
    await pass(5_000);
    expect(diagnostics.route).toBeUndefined();
  });

  it("say what is wrong when an attempt has failed, and that it is over", () => {
    const changed = vi.fn();
    diagnostics.addEventListener("diagnosis", changed);
    diagnostics.update();
    situation = { ...situation, state: "connecting" };
    diagnostics.update();
    expect(diagnostics.diagnosis).toBeUndefined();
    situation = { ...situation, state: "failed" };
    diagnostics.update();
    expect(diagnostics.diagnosis).toEqual({ kind: "no-answer" });
    situation = { ...situation, state: "connected" };
    diagnostics.update();
    expect(diagnostics.diagnosis).toBeUndefined();
    expect(changed).toHaveBeenCalledTimes(2);
  });

  it("make a report for others, with addresses or without", async () => {
    diagnostics.log({ kind: "remote-candidate", candidate: { type: "host", protocol: "udp", address: "192.168.1.77", port: 5 } });
    await pass(5_500);
    const report = diagnostics.report();
    expect(report).toMatchObject({ format: "peerline-connection-report", version: 1, state: "connected", servers: ["turn:relay.example"] });
    const whole = JSON.stringify(report);
    expect(whole).toContain("192.168.1.77");
    expect(whole).toContain("fd00::2");
    const without = JSON.stringify(diagnostics.report({ addresses: false }));
    for (const address of ["192.168.1.77", "fd00::2", "192.0.2.2"]) expect(without).not.toContain(address);
    expect(JSON.parse(without)).toMatchObject({ events: [{ candidate: { type: "host", port: 5 } }] });
  });
});
