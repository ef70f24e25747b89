// The DNS server of a network with a translator to IPv4: what it knows of `ipv4only.arpa` (RFC 7050) tells the translator's
// prefix. It knows no other name. `node resolver.mjs ADDRESS`.
import { createSocket } from "node:dgram";
import { once } from "node:events";

const NAME = "ipv4only.arpa";
const [A, AAAA] = [1, 28];
/** The well-known addresses (RFC 7050 §8.2), and the same with the prefix 64:ff9b::/96 (RFC 6147 §5.1.7). */
const IPV4 = [[192, 0, 0, 170], [192, 0, 0, 171]];
const PREFIX = [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];
const RECORDS = { [A]: IPV4, [AAAA]: IPV4.map((address) => [...PREFIX, ...address]) };
const NO_SUCH_NAME = 3;

/** RFC 1035 §4.1: the question, as it was asked, and the records that answer it. */
function answer(query) {
  const labels = [];
  let at = 12;
  while (query[at] > 0) {
    labels.push(query.subarray(at + 1, at + 1 + query[at]).toString("latin1"));
    at += 1 + query[at];
  }
  const end = at + 5;
  const kind = query.readUInt16BE(at + 1);
  const isKnown = labels.join(".").toLowerCase() === NAME;
  const records = (isKnown && RECORDS[kind]) || [];
  const header = Buffer.alloc(12);
  // A response to a recursive query, with its identifier.
  [query.readUInt16BE(0), 0x8180 | (isKnown ? 0 : NO_SUCH_NAME), 1, records.length].forEach((word, index) => header.writeUInt16BE(word, 2 * index));
  // The question's name again, of the internet, for a minute.
  const record = (data) => Buffer.from([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, data.length, ...data]);
  return Buffer.concat([header, query.subarray(12, end), ...records.map(record)]);
}

const [address] = process.argv.slice(2);
const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
socket.on("message", (query, from) => {
  try {
    socket.send(answer(query), from.port, from.address);
  } catch {
    // What isn't a query gets no answer.
  }
});
socket.bind(53, address);
await once(socket, "listening");
console.log("ready");
