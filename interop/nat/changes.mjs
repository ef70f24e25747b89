// What becomes of a conversation, and of a file on its way, when a network changes: `make nat-changes`. The router of the first of two
// is started again, its address changes, its cable is pulled, its wifi goes away. A table, and an error where the gap is too long or
// something is lost.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { Laboratory } from "./laboratory.mjs";
import { DELAY } from "./matrix.mjs";
import { CHANGES } from "./network-changes.mjs";
import { gaps, meet } from "./programs.mjs";
import { transfer } from "./transfers.mjs";

/** The longest that nothing may be heard while there is a path, in milliseconds. */
const LONGEST = 3000;
const NATIVE = ["join", "join"];
const CONVERSATIONS = [
  ["port-restricted", "port-restricted", NATIVE],
  ["port-restricted", "symmetric", NATIVE],
  ["dual-stack", "dual-stack", NATIVE],
  ["port-restricted", "none", ["app", "join"]],
];
/** Firefox is spoken to over loopback, so whoever does that has to be where it is. */
const IN_FIREFOX = ["port-restricted", "none", ["firefox", "join"]];
/** The first one sends. */
const FILES = [
  ["port-restricted", "port-restricted", ["send", "recv"]],
  ["port-restricted", "port-restricted", ["send", "app"]],
  ["port-restricted", "port-restricted", ["app", "recv"]],
  ["port-restricted", "port-restricted", ["app", "app"]],
];
const BYTES = 32 << 20;

async function talk([a, b, programs], change) {
  const laboratory = await Laboratory.create();
  let met;
  try {
    await laboratory.serve();
    const quality = { delay: DELAY };
    const sites = [await laboratory.site("a", a, quality), await laboratory.site("b", b, quality)];
    await CHANGES[change].prepare?.(laboratory, sites[0], quality);
    met = await meet(laboratory, sites, programs);
    return told({ path: met.path, ...(await gaps(met, () => CHANGES[change].happen(laboratory, sites[0]))) });
  } finally {
    await laboratory.end(met?.first, met?.second);
  }
}

async function talkInFirefox([a, b, programs], change) {
  const script = new URL("programs.mjs", import.meta.url).pathname;
  const options = ["--a", a, "--b", b, "--programs", programs.join(","), "--at", change, "--delay", String(DELAY)];
  const { stdout } = await promisify(execFile)("unshare", ["--net", "node", script, ...options]);
  return told(JSON.parse(stdout));
}

const told = ({ gap, lost, said, path, ways }) => ({ gap, isWhole: lost === 0, lost: `${lost} of ${said}`, path, ways: ways.filter(Boolean).join(", ") });

async function carry([a, b, programs], change) {
  const { gap, whole, seconds } = await transfer([a, b], programs, change, { delay: DELAY, bytes: BYTES });
  return { gap, isWhole: whole, lost: whole ? "nothing of the file" : "the file", seconds };
}

const rows = [];
async function tryOne(how, pair, change) {
  const [a, b, programs] = pair;
  const { gap, isWhole, ...more } = await how(pair, change).catch(({ message }) => ({ gap: Infinity, isWhole: false, lost: message }));
  const without = gap - CHANGES[change].without;
  console.log(`${change}, ${a} and ${b}, ${programs.join(" and ")}: ${without} ms, lost: ${more.lost}`);
  rows.push({ change, a, b, programs: programs.join(" and "), "gap, ms": without, well: isWhole && without <= LONGEST, ...more });
}

// All of them, or those that are named: node interop/nat/changes.mjs cellular
const named = process.argv.slice(2);
for (const change of named.length > 0 ? named : Object.keys(CHANGES)) {
  await Promise.all(CONVERSATIONS.map((pair) => tryOne(talk, pair, change)));
  await tryOne(talkInFirefox, IN_FIREFOX, change);
  for (const pair of FILES) await tryOne(carry, pair, change);
}
console.table(rows);
console.log("The gap of a cable that is pulled is counted from when it is in again.");
if (rows.some(({ well }) => !well)) process.exitCode = 1;
