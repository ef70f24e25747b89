// An HTTP proxy that knows CONNECT (RFC 9110 §9.3.6) to port 443, and nothing else: `node proxy.mjs PORT`.
import { createServer } from "node:http";
import { connect } from "node:net";

const server = createServer((_, response) => response.writeHead(405).end());
server.on("connect", (request, client, head) => {
  const { hostname, port } = new URL(`connect://${request.url}`);
  client.on("error", () => undefined);
  if (port !== "443") return client.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  const target = connect(443, hostname.replace(/^\[|\]$/g, ""), () => {
    client.write("HTTP/1.1 200 Connection established\r\n\r\n");
    target.write(head);
    target.pipe(client).pipe(target);
  });
  target.on("error", () => client.destroy());
  client.on("close", () => target.destroy());
});
server.listen(Number(process.argv[2]), "0.0.0.0", () => console.log("ready"));
