// What NATs and firewalls must not prevent: pairs that stand for all of them. `make nat-full` tries every pair.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Laboratory } from "./laboratory.mjs";
import { DELAY, Matrix, cell } from "./matrix.mjs";
import { CHANGES } from "./network-changes.mjs";
import { gaps, meet } from "./programs.mjs";
import { transfer } from "./transfers.mjs";

const [NATIVE, MIXED, OTHER_WAY, BROWSERS] = [
  ["native", "native"],
  ["native", "chromium"],
  ["chromium", "native"],
  ["chromium", "chromium"],
];
/** Whoever offers first. */
const PAIRS = [
  ["none", "port-restricted", NATIVE],
  ["none", "port-restricted", BROWSERS],
  ["firewall", "firewall", NATIVE],
  ["full-cone", "symmetric", NATIVE],
  ["full-cone", "symmetric", OTHER_WAY],
  ["restricted", "symmetric", NATIVE],
  ["addr-symmetric", "restricted", NATIVE],
  ["port-restricted", "port-restricted", NATIVE],
  ["port-restricted", "port-restricted", MIXED],
  ["port-restricted", "port-restricted", BROWSERS],
  ["port-restricted", "symmetric", MIXED],
  ["symmetric", "symmetric", NATIVE],
  ["sym-seq", "port-restricted", NATIVE],
  ["sym-seq", "port-restricted", MIXED],
  ["firewall", "sym-seq", NATIVE],
  ["cgnat", "sym-seq", NATIVE],
  ["sym-seq", "sym-seq", NATIVE],
  ["cgnat", "port-restricted", NATIVE],
  ["shared-cgn", "shared-cgn", NATIVE],
  ["dual-stack", "dual-stack", NATIVE],
  ["dual-stack", "dual-stack", BROWSERS],
  ["ipv6-only", "port-restricted", NATIVE],
  ["nat64", "port-restricted", NATIVE],
  ["udp-blocked", "port-restricted", NATIVE],
  ["udp-blocked", "none", NATIVE],
  ["none", "udp-blocked", MIXED],
  ["tcp443", "udp-blocked", BROWSERS],
  ["tls443", "tls443", NATIVE],
  ["proxy", "port-restricted", NATIVE],
];

let matrix;
const rows = [];
before(async () => {
  matrix = await Matrix.create();
});
after(async () => {
  await matrix?.end();
  console.table(rows.map((row) => ({
    offers: row.a,
    answers: row.b,
    peers: row.peers.join("–"),
    "path, ms": cell(row).replaceAll("*", ""),
    candidates: row.candidates.join("+"),
    "pairs tried": row.checks?.join("+"),
  })));
});

for (const [a, b, peers] of PAIRS) {
  test(`${a} and ${b}, ${peers.join("–")}`, async () => {
    const row = await matrix.connect({ a, b, peers });
    rows.push(row);
    assert.ok(row.connected, row.error);
    if (row.isDirect) assert.match(row.path, /^direct/, "there is a direct path, or the ports of one can be predicted");
  });
}

/** The longest that nothing may be heard while there is a path, in milliseconds; and for how long they talk. */
const LONGEST = 3000;
const TALKING = 12_000;
const FILM = 12 << 20;

for (const [programs, change, words] of [
  [["app", "join"], "newip", "the app in Chromium goes on within 3 s when its address changes"],
  [["join", "join"], "cellular", "a program goes on within 3 s when it leaves its wifi for another network, and when it comes back"],
]) {
  test(`${words}, and nothing is lost`, async () => {
    const laboratory = await Laboratory.create();
    let met;
    try {
      await laboratory.serve();
      const quality = { delay: DELAY };
      const sites = [await laboratory.site("a", "port-restricted", quality), await laboratory.site("b", "none", quality)];
      await CHANGES[change].prepare?.(laboratory, sites[0], quality);
      met = await meet(laboratory, sites, programs);
      const { gap, lost, said } = await gaps(met, () => CHANGES[change].happen(laboratory, sites[0]), TALKING);
      assert.ok(said > 50, `${said} were said`);
      assert.equal(lost, 0);
      assert.ok(gap <= LONGEST, `${gap} ms`);
    } finally {
      await laboratory.end(met?.first, met?.second);
    }
  });
}

/** A machine that has other things to do makes pauses of its own in what a processor has to encrypt: `make nat-changes` measures. */
const PAUSE = 10_000;

for (const [programs, change] of [
  [["app", "recv"], "newip"],
  [["send", "recv"], "cellular"],
]) {
  test(`a file comes whole from ${programs.join(" to ")} although the network changes: ${change}`, async (context) => {
    const { gap, whole } = await transfer(["port-restricted", "port-restricted"], programs, change, { delay: DELAY, bytes: FILM });
    context.diagnostic(`the longest pause: ${gap} ms`);
    assert.ok(whole, "its hash is another one");
    assert.ok(gap <= PAUSE, `${gap} ms`);
  });
}
