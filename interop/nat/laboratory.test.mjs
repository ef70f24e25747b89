// The laboratory is what it says: each type of site, as a host there finds it with ordinary sockets.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { Laboratory, punchTable } from "./laboratory.mjs";

const here = (path) => new URL(path, import.meta.url).pathname;
const IPV4 = ["198.51.100.10", "198.51.100.11"];
const IPV6 = ["2001:db8::10", "2001:db8::11"];
const NAT64 = ["64:ff9b::c633:640a", "64:ff9b::c633:640b", ...IPV4];
const [EI, AD, APD] = ["endpoint-independent", "address-dependent", "address and port-dependent"];
const OPEN = { 3478: "open", 443: "open", "443 with TLS": "open" };
const BLOCKED = { 3478: "blocked", 443: "blocked", "443 with TLS": "blocked" };

const nat = (mapping, filtering, ports = {}) => ({ udp: { mapping, filtering, preserved: false, sequential: false, ...ports }, tcp: OPEN });
const KEPT = { preserved: true };
/** Mapping and filtering as RFC 4787 has them; what else goes out. */
const EXPECTED = {
  none: [[IPV4, nat(EI, EI, KEPT)]],
  firewall: [[IPV4, nat(EI, APD, KEPT)], [IPV6, nat(EI, APD, KEPT)]],
  "full-cone": [[IPV4, nat(EI, EI, KEPT)]],
  restricted: [[IPV4, nat(EI, AD, KEPT)]],
  "port-restricted": [[IPV4, nat(EI, APD, KEPT)]],
  symmetric: [[IPV4, nat(APD, APD)]],
  "sym-seq": [[IPV4, nat(APD, APD, { sequential: true })]],
  "addr-symmetric": [[IPV4, nat(AD, APD)]],
  "udp-blocked": [[IPV4, { udp: "blocked", tcp: OPEN }]],
  tcp443: [[IPV4, { udp: "blocked", tcp: { ...OPEN, 3478: "blocked" } }]],
  tls443: [[IPV4, { udp: "blocked", tcp: { ...BLOCKED, 443: "reset", "443 with TLS": "open" } }]],
  proxy: [[IPV4, { udp: "blocked", tcp: BLOCKED }]],
  cgnat: [[IPV4, nat(EI, APD, KEPT)]],
  "shared-cgn": [[IPV4, nat(EI, APD, KEPT)]],
  "dual-stack": [[IPV4, nat(APD, APD)], [IPV6, nat(EI, APD, KEPT)]],
  "ipv6-only": [[IPV6, nat(EI, APD, KEPT)], [IPV4, { udp: "blocked", tcp: BLOCKED }]],
  nat64: [[IPV6, nat(EI, APD, KEPT)], [NAT64, nat(EI, APD, KEPT)]],
};

let laboratory;
before(async () => {
  laboratory = await Laboratory.create();
  await laboratory.run(laboratory.public, "node", here("reflector.mjs"), ...IPV4, ...IPV6);
});
after(() => laboratory?.end());

const run = promisify(execFile);
async function inside({ namespace }, script, ...args) {
  const [command, ...rest] = [...namespace.enter(), "node", here(script), ...args];
  return JSON.parse((await run(command, rest)).stdout);
}

test("every type is looked at", () => assert.deepEqual(Object.keys(EXPECTED).sort(), punchTable().types.sort()));

test("each type behaves as its name says", { concurrency: 4 }, async (context) => {
  const look = ([type, ways]) =>
    context.test(type, async () => {
      const site = await laboratory.site(type, type);
      for (const [addresses, expected] of ways) {
        const { udp, tcp } = await inside(site, "probe.mjs", ...addresses);
        delete udp.external;
        assert.deepEqual({ udp, tcp }, expected, addresses[0]);
      }
    });
  await Promise.all(Object.entries(EXPECTED).map(look));
});

test("a network with a NAT64 tells its prefix by a name that has IPv4 addresses only (RFC 7050)", async () => {
  const { namespace } = await laboratory.site("resolving", "nat64");
  const [command, ...args] = [...namespace.enter(), "getent", "ahostsv6", "ipv4only.arpa"];
  assert.match((await run(command, args)).stdout, /^64:ff9b::c000:aa\s/m);
});

test("another address, and a router that forgets", async () => {
  const site = await laboratory.site("changing", "port-restricted");
  const external = async () => (await inside(site, "probe.mjs", ...IPV4)).udp.external;
  const first = await external();
  await laboratory.tell("flush", { site: "changing" });
  assert.equal(await external(), first);
  await laboratory.tell("newip", { site: "changing" });
  assert.notEqual(await external(), first);
});

test("a cable that is pulled, and put in again", async () => {
  const site = await laboratory.site("pulled", "none");
  const udp = async () => (await inside(site, "probe.mjs", ...IPV4)).udp;
  await laboratory.tell("link", { site: "pulled", up: false });
  assert.equal(await udp(), "blocked");
  await laboratory.tell("link", { site: "pulled", up: true });
  assert.notEqual(await udp(), "blocked");
});

test("a host with two interfaces takes the first, the second when that is gone, and the first again", async () => {
  const [near, far] = [0, 200];
  const site = await laboratory.site("wifi", "port-restricted", { delay: near });
  await laboratory.uplink(site, "cellular", "cgnat", { delay: far });
  const isFar = async () => (await inside(site, "load.mjs", IPV4[0], "50", "1")).median >= 2 * far;
  assert.equal(await isFar(), false);
  await laboratory.tell("interface", { site: "wifi", up: false });
  assert.equal(await isFar(), true);
  await laboratory.tell("interface", { site: "wifi", up: true });
  assert.equal(await isFar(), false);
});

/** What a host or the reflector lets fall when the machine has much else to do says nothing of the link. */
const TRIES = 10;

/** Resolves when what the load shows is, once, as it should be. */
async function loadShows(context, site, rate, seconds, isAsSaid) {
  for (let tries = 0; tries < TRIES; tries += 1) {
    const { received, median } = await inside(site, "load.mjs", IPV4[0], String(rate), String(seconds));
    context.diagnostic(`${received} of ${rate * seconds} answers, a round trip of ${median} ms in the median`);
    if (isAsSaid(received / (rate * seconds), median)) return;
  }
  assert.fail("not once");
}

for (const delay of [0, 30]) {
  test(`a thousand packets a second come after the ${delay} ms that the link says, and less than one more`, async (context) => {
    const site = await laboratory.site(`delay ${delay}`, "port-restricted", { delay });
    await loadShows(context, site, 1000, 1, (part, median) => part === 1 && median >= 2 * delay && median < 2 * delay + 2);
  });
}

test("packets are lost as the link says", async (context) => {
  const site = await laboratory.site("lossy", "port-restricted", { loss: 10 });
  // 81 % come there and back; four standard deviations more or less.
  await loadShows(context, site, 300, 5, (part) => part > 0.77 && part < 0.85);
});
