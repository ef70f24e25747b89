// Other implementations' STUN clients, new and old, read our answers.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Server } from "../peerline.mjs";
import { output } from "./program.mjs";

let server;
before(async () => {
  server = await Server.start([], ["127.0.0.1", "127.0.0.2"]);
});
after(() => server?.stop());

test("turnutils_stunclient learns its reflexive address", async () => {
  const { text } = await output("turnutils_stunclient", ["-p", String(server.stunPort), "127.0.0.1"], { seconds: 10 });
  assert.match(text, /UDP reflexive addr: 127\.0\.0\.1:\d+/);
});

test("turnutils_natdiscovery sees neither mapping nor filtering on loopback (RFC 5780)", async () => {
  const { text } = await output("turnutils_natdiscovery", ["-m", "-f", "-L", "127.0.0.1", "-p", String(server.stunPort), "127.0.0.1"], { seconds: 30 });
  assert.match(text, /NAT with Endpoint Independent Mapping|No NAT/i, text);
  assert.match(text, /Endpoint Independent Filtering/i, text);
});

test("the classic client (RFC 3489) finds an open network", async () => {
  const { text } = await output("stun", [`127.0.0.1:${server.stunPort}`], { seconds: 30 });
  assert.match(text, /Primary: Open/, text);
});
