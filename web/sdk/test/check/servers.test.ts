import { describe, expect, it } from "vitest";
import { mappedOf, separate, stunDestinations } from "../../src/check/servers.js";
import { clockOf } from "../../src/check/web.js";

describe("what is asked", () => {
  it("is each server alone, with its own credential", () => {
    const servers = [{ urls: "stun:a:1" }, { urls: ["turn:a:1", "turns:a:2"], username: "u", credential: "c" }];
    expect(separate(servers)).toEqual([
      { urls: "stun:a:1" },
      { urls: "turn:a:1", username: "u", credential: "c" },
      { urls: "turns:a:2", username: "u", credential: "c" },
    ]);
  });

  it.each([
    [["stun:a:3478", "turn:a:3478?transport=udp", "turn:a:443?transport=tcp"], ["stun:a:3478", "stun:a:443"]],
    [["stun:[2001:db8::1]:3478", "turn:[2001:db8::1]:443?transport=tcp"], ["stun:[2001:db8::1]:3478", "stun:[2001:db8::1]:443"]],
    [["stun:a:443", "turn:a:443?transport=tcp"], []],
    [["stun:a:3478", "turn:b:443?transport=tcp"], []],
    [["turn:a:443?transport=tcp"], []],
    [[], []],
  ])("of %j about the NAT is %j", (urls, destinations) => {
    expect(stunDestinations(urls)).toEqual(destinations);
  });
});

describe("where one socket was seen", () => {
  const srflx = (address: string, port: number) => ({ type: "srflx", protocol: "udp", address, port }) as const;

  it("is what its candidates say, IPv4 before IPv6", () => {
    const candidates = [srflx("2001:db8::7", 1), srflx("192.0.2.7", 5000), srflx("192.0.2.7", 5001), { type: "host", protocol: "udp", port: 9 } as const];
    expect(mappedOf({ candidates, bases: ["", "", "", ""] })).toEqual(["192.0.2.7:5000", "192.0.2.7:5001"]);
    expect(mappedOf({ candidates: candidates.slice(0, 1), bases: [""] })).toEqual(["[2001:db8::7]:1"]);
    expect(mappedOf({ candidates: candidates.slice(3), bases: [""] })).toEqual([]);
  });

  it("is not confused with where those of other interfaces were", () => {
    const candidates = [srflx("192.0.2.7", 5000), srflx("192.0.2.7", 6000)];
    expect(mappedOf({ candidates, bases: ["10.0.0.2 rport 1", "172.17.0.1 rport 2"] })).toEqual(["192.0.2.7:5000"]);
  });
});

describe("the server's clock", () => {
  it("is compared in the middle of the request, and of its second", () => {
    const now = Date.parse("2026-11-27T07:00:10.600Z");
    expect(clockOf("Fri, 27 Nov 2026 07:00:10 GMT", now, 200)).toEqual({ ahead: 0, within: 0.6 });
    expect(clockOf("Fri, 27 Nov 2026 08:00:10 GMT", now, 200)?.ahead).toBe(3600);
    expect(clockOf("yesterday", now, 200)).toBeUndefined();
    expect(clockOf(null, now, 200)).toBeUndefined();
  });
});
