// What `peerline doctor` says of each type of site, and that it says nothing without having seen it.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { BINARY } from "../peerline.mjs";
import { Laboratory, punchTable } from "./laboratory.mjs";
import { serverFor } from "./programs.mjs";

/** The verdicts on the site and on how the server is reached; where UDP passes, how the NAT maps and what it lets in. */
const EXPECTED = {
  none: ["open", "reached", "none", "endpoint-independent"],
  firewall: ["firewall", "reached", "none", "address-and-port-dependent"],
  "full-cone": ["full-cone", "reached", "endpoint-independent", "endpoint-independent"],
  restricted: ["restricted", "reached", "endpoint-independent", "address-dependent"],
  "port-restricted": ["port-restricted", "reached", "endpoint-independent", "address-and-port-dependent"],
  symmetric: ["symmetric", "reached", "address-and-port-dependent", "address-and-port-dependent"],
  "sym-seq": ["sym-seq", "reached", "address-and-port-dependent", "address-and-port-dependent"],
  "addr-symmetric": ["addr-symmetric", "reached", "address-dependent", "address-and-port-dependent"],
  "udp-blocked": ["udp-blocked", "reached", "unknown", "unknown"],
  tcp443: ["tcp443", "reached", "unknown", "unknown"],
  tls443: ["tls443", "reached", "unknown", "unknown"],
  proxy: ["proxy", "by-proxy", "unknown", "unknown"],
  // That there are two NATs doesn't show.
  cgnat: ["port-restricted", "reached", "endpoint-independent", "address-and-port-dependent"],
  "shared-cgn": ["port-restricted", "reached", "endpoint-independent", "address-and-port-dependent"],
  // Asked at an address of IPv4.
  "dual-stack": ["symmetric", "reached", "address-and-port-dependent", "address-and-port-dependent"],
  "ipv6-only": ["firewall", "reached", "none", "address-and-port-dependent"],
  nat64: ["firewall", "reached", "none", "address-and-port-dependent"],
};
/** Statuses of the program: everything is well, calls come about though not as well as they could. */
const [WELL, LIMITED] = [0, 4];

let laboratory;
before(async () => {
  laboratory = await Laboratory.create();
  await laboratory.serve();
});
after(() => laboratory?.end());

const run = promisify(execFile);

/** The verdicts by what they are about, and the program's status. */
async function examine(site) {
  const proxy = site.proxy ? ["--proxy", `http://${site.proxy}`] : [];
  const [command, ...args] = [...site.namespace.enter(), BINARY, "doctor", serverFor(site), "--json", "--trust", "any", ...proxy];
  const { stdout, code = 0 } = await run(command, args).catch((error) => error);
  return { code, verdicts: JSON.parse(stdout).verdicts };
}

test("every type is examined", () => assert.deepEqual(Object.keys(EXPECTED).sort(), punchTable().types.sort()));

test("the doctor knows each type of site", { concurrency: 4 }, async (context) => {
  const look = ([type, expected]) =>
    context.test(type, async () => {
      const { code, verdicts } = await examine(await laboratory.site(type, type));
      const kind = (about) => verdicts.find((verdict) => verdict.about === about)?.kind;
      assert.deepEqual(["site", "server", "mapping", "filtering"].map(kind), expected, JSON.stringify(verdicts, undefined, 1));
      const site = verdicts.find(({ about }) => about === "site");
      assert.equal(code, site.standing === "good" ? WELL : LIMITED, JSON.stringify(verdicts, undefined, 1));
      for (const { sentence, standing, evidence } of verdicts) {
        assert.ok(standing === "unknown" || evidence.length > 0, `without evidence: ${sentence}`);
      }
    });
  await Promise.all(Object.entries(EXPECTED).map(look));
});
