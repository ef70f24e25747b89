// Stands at two addresses, with two ports each, and tells whoever asks where it seems to be: `node reflector.mjs ADDRESS…`.
// UDP: a message is a JSON array of `[address, port]` that are to answer; more members come back as they are. TCP: it says
// the same after the first bytes.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer } from "node:net";

export const PORTS = [443, 3478];

if (import.meta.filename === process.argv[1]) {
  const sockets = new Map();
  for (const address of process.argv.slice(2)) {
    for (const port of PORTS) {
      const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
      socket.on("message", (message, from) => {
        for (const place of JSON.parse(message)) {
          const answer = JSON.stringify({ seen: [from.address, from.port], by: place });
          sockets.get(String(place.slice(0, 2))).send(answer, from.port, from.address);
        }
      });
      socket.bind(port, address);
      await once(socket, "listening");
      sockets.set(String([address, port]), socket);
      const server = createServer((client) => {
        client.on("error", () => undefined);
        client.once("data", () => client.end(JSON.stringify({ seen: [client.remoteAddress, client.remotePort] })));
      });
      server.listen(port, address);
      await once(server, "listening");
    }
  }
  console.log("ready");
}
