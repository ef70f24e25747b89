// coturn's load client through our relay: several hundred clients, over UDP, TCP and TLS, no packet lost.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, test } from "node:test";
import { Server } from "../peerline.mjs";
import { output } from "./program.mjs";

const CREDENTIALS = ["-u", "ada", "-w", "lovelace"];
let server;
let echo;
before(async () => {
  server = await Server.start(["--turn-user", "ada:lovelace", "--relay-allow", "127.0.0.0/8", "--tcp-relay"]);
  echo = spawn("turnutils_peer", ["-L", "127.0.0.1", "-p", String(server.port + 1)], { stdio: "ignore" });
});
after(async () => {
  echo?.kill();
  await server?.stop();
});

const transports = {
  UDP: () => ["-p", String(server.stunPort)],
  TCP: () => ["-t", "-p", String(server.port)],
  TLS: () => ["-t", "-S", "-p", String(server.port)],
};
// -c: no RTCP pairs; -n messages of -l bytes for each client, -z milliseconds between them.
const pace = ["-c", "-n", "20", "-l", "170", "-z", "50"];

for (const [transport, flags] of Object.entries(transports)) {
  test(`200 relayed clients meet in pairs over ${transport} and lose nothing`, async () => {
    const { code, text } = await output("turnutils_uclient", [...CREDENTIALS, ...pace, "-m", "100", "-y", ...flags(), "127.0.0.1"]);
    assert.equal(code, 0, text);
    assert.match(text, /Total lost packets 0 \(0\.0+%\)/, text.slice(-2_000));
  });
}

for (const transport of ["TCP", "TLS"]) {
  test(`20 clients meet in pairs by TCP connections between their relayed addresses, over ${transport} (RFC 6062)`, async () => {
    const { code, text } = await output("turnutils_uclient", [
      ...CREDENTIALS, ...pace, "-m", "10", "-y", "-T", ...transports[transport](), "127.0.0.1",
    ]);
    assert.equal(code, 0, text);
    assert.match(text, /Total lost packets 0 \(0\.0+%\)/, text.slice(-2_000));
  });
}

test("200 clients send to an echoing peer and lose nothing", async () => {
  const peer = ["-e", "127.0.0.1", "-r", String(server.port + 1)];
  const { code, text } = await output("turnutils_uclient", [
    ...CREDENTIALS, ...pace, "-m", "200", ...transports.UDP(), ...peer, "127.0.0.1",
  ]);
  assert.equal(code, 0, text);
  assert.match(text, /Total lost packets 0 \(0\.0+%\)/, text.slice(-2_000));
});

test("port pairs (EVEN-PORT, RESERVATION-TOKEN) as RTP and RTCP use them", async () => {
  const { code, text } = await output("turnutils_uclient", [
    ...CREDENTIALS, "-n", "20", "-m", "20", "-y", ...transports.UDP(), "127.0.0.1",
  ]);
  assert.equal(code, 0, text);
  assert.match(text, /Total lost packets 0 \(0\.0+%\)/, text.slice(-2_000));
});
