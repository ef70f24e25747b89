import { expect, it } from "vitest";
import { preferLater } from "../src/later-candidates.js";

const candidate = (priority: number) => `candidate:1 1 udp ${priority} 192.0.2.1 5000 typ host`;
const priorityOf = (text: string) => Number(/^(?:a=)?candidate:\S+ \d+ \S+ (\d+)/m.exec(text)?.[1]);
/** RFC 8445 §5.1.2.1. */
const priority = (type: number, preference: number) => type * 2 ** 24 + preference * 256 + 255;

it("leaves the first candidates as they are", () => {
  expect(preferLater(candidate(1000), 0)).toBe(candidate(1000));
});

it("prefers those of a restart to those of the same type before, by however bad an interface they are", () => {
  for (let restarts = 0; restarts < 20; restarts++) {
    const [wifi, cellular] = [priority(100, 0x7f1e), priority(100, 0x7e1e)].map(candidate) as [string, string];
    expect(priorityOf(preferLater(cellular, restarts + 1))).toBeGreaterThan(priorityOf(preferLater(wifi, restarts)));
  }
});

it("keeps the order of those that come together, and never exceeds what a priority may be", () => {
  const together = [priority(126, 65_535), priority(126, 0x7f1e), priority(110, 0x7f1e), priority(100, 0x7f1e), priority(2, 0x7f1e), priority(0, 0x7f1e)];
  for (const restarts of [1, 5, 60, 100]) {
    const raised = together.map((given) => priorityOf(preferLater(candidate(given), restarts)));
    expect(raised).toEqual([...raised].sort((one, other) => other - one));
    expect(Math.max(...raised)).toBeLessThan(2 ** 31);
    expect(raised[2]).toBeGreaterThan(raised[3] as number);
    expect(raised[4]).toBeLessThan(together[3] as number);
  }
});

it("finds them in a description, and changes nothing else of it", () => {
  const sdp = `v=0\r\na=ice-ufrag:abcd\r\na=${candidate(1000)}\r\na=${candidate(2000)} generation 1\r\na=end-of-candidates\r\n`;
  expect(preferLater(sdp, 1)).toBe(sdp.replace("udp 1000 ", `udp ${1000 + 131_072} `).replace("udp 2000 ", `udp ${2000 + 131_072} `));
});
