import { type Candidate, parseCandidate } from "../diagnostics/candidate.js";

/** What gathering with some servers brought. */
export interface Gathered {
  readonly candidates: readonly Candidate[];
  /** For each of them the socket that it leads to, as far as the browser shows it (RFC 8839 §5.1, `raddr` and `rport`). */
  readonly bases: readonly string[];
  /** Of each server that didn't help: STUN's error code, or 701 where there was no answer (W3C webrtc-pc §4.8.2). */
  readonly codes: readonly number[];
  /** Whether the browser was done with every server in time. */
  readonly complete: boolean;
  /** Milliseconds until the last candidate of a server, or until the end. */
  readonly took: number;
}

export interface GatherOptions {
  /** Milliseconds. */
  patience: number;
  /** Looks at each candidate; true ends it. */
  enough?: (candidate: Candidate) => boolean;
}

/** Gathers the candidates of a connection that nobody is at the other end of. */
export async function gather(configuration: RTCConfiguration, { patience, enough }: GatherOptions): Promise<Gathered> {
  const connection = new RTCPeerConnection(configuration);
  const candidates: Candidate[] = [];
  const bases: string[] = [];
  const codes: number[] = [];
  const began = performance.now();
  let took: number | undefined;
  try {
    const complete = await new Promise<boolean>((resolve, reject) => {
      setTimeout(() => resolve(false), patience);
      connection.onicecandidateerror = ({ errorCode }) => codes.push(errorCode);
      connection.onicecandidate = ({ candidate: given }) => {
        if (given === null) return resolve(true);
        const { relayProtocol: protocol = null, url: server = null } = given as { relayProtocol?: string | null; url?: string | null };
        const candidate = parseCandidate(given.candidate, { protocol, server });
        if (candidate === undefined) return;
        candidates.push(candidate);
        bases.push(/ raddr (\S+ rport \d+)/.exec(given.candidate)?.[1] ?? "");
        if (candidate.type !== "host") took = performance.now() - began;
        if (enough?.(candidate)) resolve(false);
      };
      connection.createDataChannel("check");
      connection.setLocalDescription().catch(reject);
    });
    return { candidates, bases, codes, complete, took: took ?? performance.now() - began };
  } finally {
    connection.onicecandidate = connection.onicecandidateerror = null;
    connection.close();
  }
}
