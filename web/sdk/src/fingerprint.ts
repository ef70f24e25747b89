const SHA_256 = /^a=fingerprint:sha-256 ((?:[0-9a-f]{2}:){31}[0-9a-f]{2})$/i;

/** The lines of a session description that have to do with fingerprints (RFC 8122 §5): each once, in capitals. */
export function fingerprintLines(sdp: string | undefined): string[] {
  const lines = (sdp ?? "").split(/[\r\n]+/).filter((line) => /fingerprint/i.test(line));
  return [...new Set(lines.map((line) => line.trim().toUpperCase()))].sort();
}

/**
 * The SHA-256 fingerprint that a session description names, in capitals.
 *
 * @returns undefined unless it is the only one: of several, the browser alone knows which one it went by
 */
export function onlyFingerprint(sdp: string | undefined): string | undefined {
  const [line, ...others] = fingerprintLines(sdp);
  return others.length === 0 ? SHA_256.exec(line ?? "")?.[1] : undefined;
}
