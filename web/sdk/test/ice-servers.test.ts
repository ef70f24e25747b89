import { describe, expect, it } from "vitest";
import { putLast } from "../src/ice-servers.js";

describe("a server by which nothing comes any more", () => {
  const one = { urls: ["turn:one.example:3478?transport=udp", "turns:one.example:443?transport=tcp"], username: "u", credential: "c" };
  const others = { urls: ["turn:two.example:3478", "turn:three.example"] };
  const stun = { urls: "stun:one.example:3478" };

  it.each([
    ["turns:one.example:443?transport=tcp", ["stun:one.example:3478", ...others.urls, ...one.urls]],
    ["turn:one.example:3478?transport=udp", ["stun:one.example:3478", ...others.urls, ...[...one.urls].reverse()]],
    // Browsers write out what an address leaves open.
    ["turn:two.example:3478?transport=udp", ["stun:one.example:3478", ...one.urls, "turn:three.example", "turn:two.example:3478"]],
    ["turn:three.example:3478?transport=udp", ["stun:one.example:3478", ...one.urls, ...others.urls]],
    ["turn:unknown.example:3478?transport=udp", ["stun:one.example:3478", ...one.urls, ...others.urls]],
  ])("is asked last: %s", (url, order) => {
    expect(putLast([stun, one, others], url).flatMap(({ urls }) => urls)).toEqual(order);
  });

  it("keeps its credential", () => {
    expect(putLast([one, others], "turn:one.example:3478?transport=udp").at(-1)).toMatchObject({ username: "u", credential: "c" });
  });
});
