import { type Candidate } from "../diagnostics/candidate.js";
import { askSignaling } from "./credentials.js";
import { lookAtDevices } from "./devices.js";
import type { CheckEvidence } from "./evidence.js";
import { gather } from "./gather.js";
import { relayedCall } from "./relayed-call.js";
import { askServers, findMapping } from "./servers.js";
import { askWeb } from "./web.js";

/** What is being found out. */
export type CheckStep = "server" | "reach" | "call";

/** Milliseconds that gathering with every server may take. */
const PATIENCE = 5000;

/**
 * Finds out everything, as `peerline doctor` does outside of a browser.
 *
 * @param server - the server's address
 * @param step - hears what begins
 * @param signal - aborted: nobody wants to know any more, and the line is left to others
 * @throws the reason of `signal`
 */
export async function examine(
  server: URL | string,
  step: (step: CheckStep) => void = () => undefined,
  signal?: AbortSignal,
): Promise<CheckEvidence> {
  const url = new URL("/", server);
  step("server");
  const [{ web, clock }, { signaling, servers }, devices] = await Promise.all([askWeb(url), askSignaling(url), lookAtDevices()]);
  signal?.throwIfAborted();
  step("reach");
  const [found, mapping, { candidates }] = await Promise.all([
    askServers(servers),
    findMapping(servers),
    gather({ iceServers: servers }, { patience: PATIENCE }),
  ]);
  signal?.throwIfAborted();
  const hasRelay = found.some(({ function: what, outcome }) => what === "turn" && outcome === "answered");
  if (hasRelay) step("call");
  // After the others: it fills the line, and what is full answers late.
  const call = hasRelay ? await relayedCall(servers) : undefined;
  return {
    format: "peerline-check",
    version: 1,
    created: new Date().toISOString(),
    server: url.origin,
    browser: navigator.userAgent,
    web,
    ...(clock && { clock }),
    signaling,
    servers: found,
    ...(mapping && { mapping }),
    candidates: distinct(candidates),
    ...(call && { call }),
    ...devices,
  };
}

function distinct(candidates: readonly Candidate[]): Candidate[] {
  return [...new Map(candidates.map((candidate) => [JSON.stringify(candidate), candidate])).values()];
}
