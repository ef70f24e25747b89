// Every pair of types with every pair of peers: `make nat-full`. Writes docs/nat-matrix.md.
// NAT_TYPES=symmetric,none and NAT_PEERS=native-native,… try some of them, and print without writing.
import { writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { DELAY, Matrix, allPairs, cell } from "./matrix.mjs";

const DOCUMENT = new URL("../../docs/nat-matrix.md", import.meta.url).pathname;
const only = (variable) => process.env[variable]?.split(",");
const KINDS = [
  ["native", "native"],
  ["native", "chromium"],
  ["chromium", "chromium"],
].filter((peers) => only("NAT_PEERS")?.includes(peers.join("-")) ?? true);
const isWhole = !process.env.NAT_TYPES && !process.env.NAT_PEERS;

const begin = new Date();
/** Kinds of peers go side by side, each in a laboratory of its own. */
const tables = await Promise.all(KINDS.map(tryAll));
for (const table of tables) await tryAgain(table);
const report = document(tables);
if (isWhole) await writeFile(DOCUMENT, report);
console.log(report);

async function tryAll(peers) {
  const matrix = await Matrix.create();
  try {
    const types = only("NAT_TYPES") ?? matrix.punch.types;
    const rows = [];
    for (const { a, b } of allPairs(types)) {
      const row = await matrix.connect({ a, b, peers });
      rows.push(row);
      console.error(`${peers.join("–")}: ${a} and ${b}: ${cell(row)} ${row.error ?? ""}`);
    }
    return { peers, types, rows };
  } finally {
    await matrix.end();
  }
}

/** A predicted port is wrong when something else is sent between: what came out worse than it can be is tried once more, with nothing beside it. */
async function tryAgain({ peers, rows }) {
  const worse = rows.filter((row) => !row.isWell);
  if (worse.length === 0) return;
  const matrix = await Matrix.create();
  try {
    for (const { a, b } of worse) {
      const row = { ...(await matrix.connect({ a, b, peers })), isAgain: true };
      console.error(`${peers.join("–")} again: ${a} and ${b}: ${cell(row)} ${row.error ?? ""}`);
      rows[rows.findIndex((before) => before.a === a && before.b === b)] = row;
    }
  } finally {
    await matrix.end();
  }
}

function document(tables) {
  const day = begin.toISOString().slice(0, 10);
  const minutes = Math.ceil((Date.now() - begin) / 60_000);
  const load = loadavg().map((value) => value.toFixed(1)).join(", ");
  return [
    "# Which pairs connect, and how",
    "",
    `What \`make nat-full\` printed on ${day}, in ${minutes} minutes on ${cpus().length} processors (${cpus()[0].model}; load ${load} at the end).`,
    `The types are those of [nat-laboratory.md](nat-laboratory.md). Rows offer, columns answer. Each site's link delays by ${DELAY} ms each way: a round trip between two`,
    `sites takes ${4 * DELAY} ms, and ${2 * DELAY} ms to the server.`,
    "",
    "A cell says where data goes in the end, and how many milliseconds it took from when both had the other one's description until both had a first message.",
    "`direct udp 300, direct at 500`: the first message went over the relay. `relay tcp -`: through one relay, which the offerer reaches over TCP and the answerer",
    "sends to from outside. `**no**`: no connection. `**not direct**`: data goes over a relay though there is a direct path. `†`: so when it was tried once more, alone;",
    "at first, with two other pairs beside it, it was worse.",
    ...tables.flatMap(section),
    "",
  ].join("\n");
}

function section({ peers: [offerer, answerer], types, rows }) {
  const connected = rows.filter((row) => row.connected);
  const direct = rows.filter((row) => row.isDirect);
  const median = (numbers) => numbers.sort((one, other) => one - other)[Math.floor(numbers.length / 2)];
  const times = (some) => `median ${median(some.map((row) => row.time))} ms, most ${Math.max(...some.map((row) => row.time))} ms`;
  const [overDirect, overRelay] = [true, false].map((is) => connected.filter((row) => row.path?.startsWith("direct") === is));
  const byPair = (a, b) => rows.find((row) => row.a === a && row.b === b);
  return [
    "",
    `## ${offerer} offers, ${answerer} answers`,
    "",
    `${connected.length} of ${rows.length} pairs connect. ${direct.filter((row) => row.isWell).length} of the ${direct.length} that can be are direct${rows.some((row) => row.isAgain) ? ` (${rows.filter((row) => row.isAgain).length} of all in a second attempt, marked †)` : ""}.`,
    ...(overDirect.length ? [`Direct: ${times(overDirect)}.`] : []),
    ...(overRelay.length ? [`Over a relay: ${times(overRelay)}.`] : []),
    ...(connected.length ? [`Candidates of each side: ${median(connected.flatMap((row) => row.candidates))} in the median; pairs tried: ${median(connected.flatMap((row) => row.checks ?? []))}.`] : []),
    "",
    `| | ${types.join(" | ")} |`,
    `|---|${types.map(() => "---|").join("")}`,
    ...types.map((a) => `| **${a}** | ${types.map((b) => cell(byPair(a, b))).join(" | ")} |`),
  ];
}
