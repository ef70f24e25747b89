/** What a description says of its ICE agent (RFC 8839 §5.4 and §5.6). */
export function iceUfrag(sdp: string | undefined): string | undefined {
  return /^a=ice-ufrag:(\S+)/m.exec(sdp ?? "")?.[1];
}

/** Whether it is a full agent of RFC 8445 (§10). */
export function hasIce2(sdp: string | undefined): boolean {
  return /^a=ice-options:(.* )?ice2\b/m.test(sdp ?? "");
}
