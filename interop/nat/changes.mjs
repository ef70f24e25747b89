// What becomes of a conversation when a network changes: `make nat-changes`. Two programs talk; the router of one is started
// again, or its address changes, or its cable is pulled. A table, and an error where the gap is too long or something is lost.
// The last pair is the app in Chromium, whose network changes, and `peerline join`.
import { Laboratory } from "./laboratory.mjs";
import { DELAY } from "./matrix.mjs";
import { CHANGES, PULLED, gaps, meet } from "./programs.mjs";

/** The longest that nothing may be heard while there is a path, in milliseconds. */
const LONGEST = 3000;
const NATIVE = ["join", "join"];
const PAIRS = [
  ["port-restricted", "port-restricted", NATIVE],
  ["port-restricted", "symmetric", NATIVE],
  ["dual-stack", "dual-stack", NATIVE],
  ["port-restricted", "none", ["app", "join"]],
];

async function tryOne([a, b, programs], change) {
  const laboratory = await Laboratory.create();
  let met;
  try {
    await laboratory.serve();
    const sites = [await laboratory.site("a", a, { delay: DELAY }), await laboratory.site("b", b, { delay: DELAY })];
    met = await meet(laboratory, sites, programs);
    const { gap, lost, said, ways } = await gaps(met, () => CHANGES[change](laboratory, "a"));
    const without = change === "link" ? gap - PULLED : gap;
    const isWell = lost === 0 && without <= LONGEST;
    return { a, b, programs: programs.join(" and "), change, path: met.path, "gap, ms": without, lost: `${lost} of ${said}`, ways: ways.filter(Boolean).join(", "), well: isWell };
  } finally {
    await Promise.all([met?.first.end(), met?.second.end()]);
    await laboratory.end();
  }
}

const rows = [];
for (const change of Object.keys(CHANGES)) rows.push(...(await Promise.all(PAIRS.map((pair) => tryOne(pair, change)))));
console.table(rows);
console.log(`The gap of a cable that is pulled is counted from when it is in again, ${PULLED / 1000} s later.`);
if (rows.some(({ well }) => !well)) process.exitCode = 1;
