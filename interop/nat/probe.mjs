// How the network is, as a host in it can find out with a reflector's help: `node probe.mjs ADDRESS OTHER`. Prints JSON.
// Where the reflector knows its addresses as others (NAT64) these follow.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { PORTS } from "./reflector.mjs";

/** How long nothing has to come before it is taken for lost, in milliseconds; and how often is asked again. */
const PATIENCE = 1500;
const TRIES = 3;

const [address, other, ...own] = process.argv.slice(2);
const [port, otherPort] = PORTS;
const places = ([address, other]) => [[address, port], [address, otherPort], [other, port]];
const PLACES = places([address, other]);
/** The same, as the reflector knows them. */
const KNOWN = own.length ? places(own) : PLACES;

/** The answers that come to one message, at a socket; by who sent them. */
async function ask(socket, place, by) {
  const answers = new Map();
  const take = (message) => {
    const { seen, by } = JSON.parse(message);
    answers.set(String(by), seen);
  };
  socket.on("message", take);
  for (let tries = 0; tries < TRIES && answers.size < by.length; tries += 1) {
    // A host without a route is told so at once.
    socket.send(JSON.stringify(by), place[1], place[0], () => undefined);
    const late = Date.now() + PATIENCE;
    while (answers.size < by.length && Date.now() < late) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  socket.off("message", take);
  return answers;
}

const open = async () => {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4").bind();
  await once(socket, "listening");
  socket.on("error", () => undefined);
  return socket;
};

/** RFC 5780 §4.3 and §4.4, in the words of RFC 4787. */
async function udp() {
  const socket = await open();
  const seen = [];
  for (const [index, place] of PLACES.entries()) {
    const [answer] = (await ask(socket, place, [KNOWN[index]])).values();
    if (!answer) return "blocked";
    seen.push(answer);
  }
  const isSame = (one, two) => String(seen[one]) === String(seen[two]);
  const mapping = depends(isSame(0, 1), isSame(0, 2));
  const fresh = await open();
  const heard = await ask(fresh, PLACES[0], KNOWN);
  const filtering = depends(heard.has(String(KNOWN[1])), heard.has(String(KNOWN[2])));
  const preserved = seen[0][1] === socket.address().port;
  const steps = [seen[1][1] - seen[0][1], seen[2][1] - seen[1][1]];
  const result = { mapping, filtering, external: seen[0][0], preserved, sequential: steps.every((step) => step === 1) };
  for (const each of [socket, fresh]) each.close();
  return result;
}

/** What is the same for another port of the same address, and for another address. */
function depends(forPort, forAddress) {
  if (forAddress) return "endpoint-independent";
  return forPort ? "address-dependent" : "address and port-dependent";
}

/** Whether a TCP connection lets these first bytes through. */
function tcp(toPort, bytes) {
  return new Promise((resolve) => {
    const socket = connect(toPort, address, () => socket.write(bytes));
    const timer = setTimeout(() => resolve("blocked"), PATIENCE * TRIES * 2);
    const done = (result) => {
      clearTimeout(timer);
      resolve(result);
      socket.destroy();
    };
    socket.on("data", () => done("open"));
    socket.on("error", ({ code }) => done(code === "ECONNRESET" ? "reset" : "blocked"));
  });
}

const CLIENT_HELLO = Buffer.of(22, 3, 1, 0, 5, 1, 0, 0, 1, 0);
const [overUdp, port3478, port443, tls443] = await Promise.all([
  udp(),
  tcp(otherPort, "hello"),
  tcp(port, "hello"),
  tcp(port, CLIENT_HELLO),
]);
console.log(JSON.stringify({ udp: overUdp, tcp: { 3478: port3478, 443: port443, "443 with TLS": tls443 } }));
process.exit(0);
