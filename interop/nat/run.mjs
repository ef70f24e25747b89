// One pair by hand: node interop/nat/run.mjs --a symmetric --b port-restricted --peers native,chromium --delay 25 --runs 3
import { inspect, parseArgs } from "node:util";
import { Laboratory, punchTable } from "./laboratory.mjs";
import { directWay, isSearched } from "./matrix.mjs";
import { SitePeer, connect } from "./pair.mjs";

const { values } = parseArgs({
  options: {
    a: { type: "string", default: "port-restricted" },
    b: { type: "string", default: "port-restricted" },
    peers: { type: "string", default: "native,native" },
    delay: { type: "string", default: "0" },
    loss: { type: "string", default: "0" },
    rate: { type: "string", default: "0" },
    runs: { type: "string", default: "1" },
    "try-harder": { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
  },
});
const line = ({ path, time, first, settled, candidates, checks, error }) =>
  error ?? `${path}, first message after ${time} ms over ${first}, there after ${settled} ms; candidates ${candidates}, pairs tried ${checks}`;
const quality = { delay: Number(values.delay), loss: Number(values.loss), rate: Number(values.rate) };
const stacks = values.peers.split(",");
const laboratory = await Laboratory.create();
let ends = [];
try {
  await laboratory.serve();
  const sites = [await laboratory.site("a", values.a, quality), await laboratory.site("b", values.b, quality)];
  const triesHarder = values["try-harder"];
  ends = sites.map((site, index) => new SitePeer(site, stacks[index], triesHarder));
  const pair = { a: values.a, b: values.b, peers: stacks };
  const way = directWay(pair, punchTable()) ?? (triesHarder && isSearched(pair) ? "searched" : undefined);
  const words = {
    udp: "a direct path over UDP",
    predicted: "a direct path over UDP with predicted ports",
    searched: "a direct path over UDP that is searched with many ports",
    tcp: "a direct path over TCP",
  };
  console.log(`${values.a} and ${values.b}: ${words[way] ?? "no direct path"}`);
  for (let run = 0; run < Number(values.runs); run += 1) {
    const result = await connect(...ends, { waitForDirect: way !== undefined });
    console.log(values.verbose ? inspect(result, { depth: 5 }) : line(result));
  }
} finally {
  await laboratory.end(...ends);
}
