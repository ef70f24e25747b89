// Messages to a reflector, so many a second for so many seconds: `node load.mjs ADDRESS RATE SECONDS`. Prints JSON: how many
// were answered, and after how many milliseconds in the median.
import { createSocket } from "node:dgram";
import { PORTS } from "./reflector.mjs";

const [address, rate, seconds] = process.argv.slice(2);
const count = Number(rate) * Number(seconds);
const socket = createSocket("udp4");
const sent = [];
const times = [];
socket.on("message", (message) => {
  const { by } = JSON.parse(message);
  times.push(performance.now() - sent[by[2]]);
});
const begin = performance.now();
while (sent.length < count) {
  while (sent.length < count && performance.now() - begin >= (sent.length * 1000) / rate) {
    sent.push(performance.now());
    socket.send(JSON.stringify([[address, PORTS[0], sent.length - 1]]), PORTS[0], address);
  }
  await new Promise((resolve) => setImmediate(resolve));
}
await new Promise((resolve) => setTimeout(resolve, 500));
times.sort((one, other) => one - other);
console.log(JSON.stringify({ received: times.length, median: Number(times[times.length >> 1]?.toFixed(2)) }));
process.exit(0);
