/** What both sides' logs are put together by: 32 hexadecimal digits derived from both DTLS fingerprints (`docs/event-log.md`). */
export async function callId(local: string, remote: string): Promise<string | undefined> {
  const fingerprints = [fingerprintOf(local), fingerprintOf(remote)];
  const [first, second] = fingerprints.sort();
  if (!first || !second) return undefined;
  const text = new TextEncoder().encode(`peerline v1 call\n${first}\n${second}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", text));
  return Array.from(digest.subarray(0, 16), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The first one of a description, in capitals. */
function fingerprintOf(sdp: string): string | undefined {
  const [, algorithm, value] = /^a=fingerprint:(\S+) +(\S+)/m.exec(sdp) ?? [];
  return algorithm && value && `${algorithm} ${value}`.toUpperCase();
}
