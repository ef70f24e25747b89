// One pair by hand: node interop/nat/run.mjs --a symmetric --b port-restricted --peers native,chromium --delay 25 --runs 3
import { inspect, parseArgs } from "node:util";
import { Laboratory, isDirectOverTcp, punchTable } from "./laboratory.mjs";
import { isPredicted } from "./matrix.mjs";
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
  ends = sites.map((site, index) => new SitePeer(site, stacks[index]));
  const pair = { a: values.a, b: values.b, peers: stacks };
  const isPunched = punchTable().isDirect(values.a, values.b);
  const byTcp = !isPunched && isDirectOverTcp(pair);
  const isDirect = isPunched || byTcp || isPredicted(pair);
  const way = isPunched ? "a direct path over UDP" : byTcp ? "a direct path over TCP" : isDirect ? "a direct path over UDP with predicted ports" : "no direct path";
  console.log(`${values.a} and ${values.b}: ${way}`);
  for (let run = 0; run < Number(values.runs); run += 1) {
    const result = await connect(...ends, { waitForDirect: isDirect });
    console.log(values.verbose ? inspect(result, { depth: 5 }) : line(result));
  }
} finally {
  await Promise.all(ends.map((end) => end.end()));
  await laboratory.end();
}
