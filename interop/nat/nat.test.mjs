// What NATs and firewalls must not prevent: pairs that stand for all of them. `make nat-full` tries every pair.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Matrix, cell } from "./matrix.mjs";

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
