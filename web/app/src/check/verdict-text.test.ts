import { judge, type CheckEvidence, type Seen } from "peerline/check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { chooseLanguage } from "../text/languages";
import { seenTexts, verdictText } from "./verdict-text";

const evidence: CheckEvidence = {
  ...{ format: "peerline-check", version: 1, created: "2026-11-27T07:00:00Z", server: "https://call.example", browser: "a browser" },
  web: { outcome: "answered", took: 81.4 },
  clock: { ahead: -75, within: 0.6 },
  signaling: { outcome: "done", took: 120 },
  servers: [
    { ...{ url: "stun:call.example:3478", function: "stun", protocol: "udp", outcome: "answered", took: 31 }, candidate: { type: "srflx", protocol: "udp", address: "192.0.2.7", port: 5000 } },
    { url: "turn:call.example:3478?transport=udp", function: "turn", protocol: "udp", outcome: "silent", took: 5000 },
    { ...{ url: "turns:call.example:443", function: "turn", protocol: "tls", outcome: "answered", took: 90 }, candidate: { type: "relay", protocol: "udp", relayProtocol: "tls", address: "198.51.100.9", port: 6000 } },
  ],
  mapping: { destinations: ["stun:call.example:3478", "stun:call.example:443"], mapped: ["192.0.2.7:5000", "192.0.2.7:5001"] },
  candidates: [{ type: "srflx", protocol: "udp", address: "192.0.2.7", port: 5000 }],
  call: { outcome: "connected", took: 210, roundTrip: 42, protocol: "tls", throughput: 9_400_000, sent: 1000, arrived: 900 },
  camera: { permission: "denied", found: 1 },
  microphone: { permission: "prompt", found: 2 },
};
const texts = () => judge(evidence).map((verdict) => [verdictText(verdict), ...verdict.seen.flatMap(seenTexts)]);

describe("a verdict in words", () => {
  it("stands above what was seen", () => {
    const [site, server, udp, , , relay, call, devices, clock] = texts();
    expect(site).toEqual([
      "Calls from here are direct with some people and relayed with others: this network shows each destination another address.",
      "stun:call.example:3478 and stun:call.example:443 saw 192.0.2.7:5000 and 192.0.2.7:5001",
    ]);
    expect(server).toEqual(["The server is reached, and lets this browser into a channel.", "https://call.example answered in 81 ms", "a channel was entered in 120 ms"]);
    expect(udp?.[2]).toBe("turn:call.example:3478?transport=udp gave nothing in 5,000 ms");
    expect(relay?.[0]).toBe("The relay is reached over TLS only, where a lost packet holds up those behind it.");
    expect(relay?.[2]).toBe("turns:call.example:443 gave relay TLS 198.51.100.9:6000 in 90 ms");
    expect(call?.at(-1)).toBe("9.4 Mb/s arrived; of 1,000 packets 900");
    expect(devices?.slice(1)).toEqual(["cameras: 1, not allowed", "microphones: 2, the browser asks first"]);
    expect(clock?.[1]).toBe("the server's clock differs by 75 sec, give or take 0.6 sec");
  });

  it.each<[Seen, string]>([
    [{ kind: "web-foreign", server: "https://a", status: 302 }, "https://a was asked for /healthz, and something else came (302)"],
    [{ kind: "server-refused", url: "turn:a", code: 401 }, "turn:a refused (401)"],
    [{ kind: "mapped", destinations: ["stun:a:1", "stun:a:2"], mapped: [] }, "stun:a:1 and stun:a:2 saw this device's own address"],
  ])("%j", (seen, text) => {
    expect(seenTexts(seen)).toEqual([text]);
  });

  describe.each(["zh", "vi"] as const)("in the language %s", (language) => {
    beforeEach(async () => {
      vi.stubGlobal("document", { documentElement: {} });
      await chooseLanguage(language);
    });
    afterEach(async () => {
      await chooseLanguage("en");
      vi.unstubAllGlobals();
    });

    it("is another sentence, with everything filled in", async () => {
      const translated = texts().flat();
      await chooseLanguage("en");
      const english = texts().flat();
      expect(translated).toHaveLength(english.length);
      for (const [index, text] of translated.entries()) {
        expect(text).not.toMatch(/\{\w+\}/);
        // A candidate is written the same way everywhere.
        if (/ /.test(text) && !/^srflx/.test(text)) expect(text).not.toBe(english[index]);
      }
    });
  });
});
