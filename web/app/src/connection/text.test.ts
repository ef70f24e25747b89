import type { Diagnosis, Route } from "peerline";
import { describe, expect, it } from "vitest";
import { diagnosisText } from "./diagnosis-text";
import { candidateText, eventText } from "./event-text";
import { bitrateText, lossText, millisecondsText, pictureText } from "./figures";
import { routeText } from "./route-text";

describe("the sentence for a route", () => {
  const relayed = { kind: "relayed", protocol: "tls", port: 443, directPairs: 3 } as const;
  it.each<[Route | undefined, string]>([
    [undefined, "Not connected at the moment"],
    [{ kind: "direct", protocol: "udp", network: "same" }, "Direct, UDP, same network"],
    [{ kind: "direct", protocol: "tcp", network: "other" }, "Direct, TCP, across the internet"],
    [{ ...relayed, reason: "relay-only" }, "Relayed over TLS 443, because “Relay only” is on in your settings"],
    [{ ...relayed, reason: "their-relay-only" }, "Relayed over TLS 443, because Ada offered relayed addresses only"],
    [{ ...relayed, reason: "direct-failed" }, "Relayed over TLS 443, because none of 3 direct pairs of addresses answered"],
    [{ kind: "relayed", protocol: "udp", directPairs: 1, reason: "direct-failed" }, "Relayed over UDP, because the one direct pair of addresses didn't answer"],
  ])("%j", (route, sentence) => {
    expect(routeText(route, "Ada")).toBe(sentence);
  });
});

describe("the sentence for a diagnosis", () => {
  it.each<[Diagnosis, RegExp]>([
    [{ kind: "peer-gone" }, /^Ada has no connection to the server/],
    [{ kind: "no-answer" }, /doesn't answer/],
    [{ kind: "credential-expired", code: 401 }, /\(401\)/],
    [{ kind: "relay-unreachable", protocols: ["udp", "tls"] }, /UDP and TLS/],
    [{ kind: "udp-blocked" }, /UDP/],
    [{ kind: "symmetric-nats" }, /has no relay/],
    [{ kind: "no-path", local: 3, remote: 2 }, /3 addresses here and 2/],
    [{ kind: "loss", direction: "in", loss: 0.123 }, /^12% of what Ada sends/],
    [{ kind: "loss", direction: "out", loss: 0.123 }, /^12% of what you send to Ada/],
    [{ kind: "slow", roundTrip: 812 }, /^812 ms/],
    [{ kind: "narrow", bitrate: 64_000 }, /64 kb\/s/],
  ])("%j says what shows it", (diagnosis, sentence) => {
    expect(diagnosisText(diagnosis, "Ada")).toMatch(sentence);
  });
});

describe("figures", () => {
  it("are as exact as one wants to know them", () => {
    expect([millisecondsText(3.25), millisecondsText(41.7), millisecondsText(undefined)]).toEqual(["3.3 ms", "42 ms", "–"]);
    expect([bitrateText(1_234_567), bitrateText(64_400), bitrateText(0)]).toEqual(["1.2 Mb/s", "64 kb/s", "0 kb/s"]);
    expect([lossText(0), lossText(0.0042), lossText(0.31)]).toEqual(["0%", "0.4%", "31%"]);
    expect(pictureText(1280, 720, 29.6)).toBe("1280 × 720, 30 per second");
    expect(pictureText(undefined, 720, 30)).toBe("");
  });
});

describe("an event", () => {
  it("is told in words", () => {
    expect(eventText({ time: 0, kind: "ice", state: "checking" })).toBe("ICE: checking");
    expect(eventText({ time: 0, kind: "candidate-error", code: 701, server: "turn:a" })).toBe("turn:a didn't help (701)");
    expect(candidateText({ type: "relay", protocol: "udp", relayProtocol: "tls", address: "fd00::2", port: 7 })).toBe("relay TLS [fd00::2]:7");
    expect(candidateText({ type: "prflx", protocol: "udp" })).toBe("prflx UDP ?");
  });
});
