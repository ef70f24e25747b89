import type { Candidate, ConnectionEvent } from "peerline";
import { t } from "../text/text";

/** What happened, in words. The states' names are the W3C's. */
export function eventText(event: ConnectionEvent): string {
  switch (event.kind) {
    case "signaling":
    case "ice":
    case "gathering":
    case "connection":
      return t(`connection.event.${event.kind}`, { state: event.state });
    case "local-candidate":
    case "remote-candidate":
      return t(`connection.event.${event.kind}`, { candidate: candidateText(event.candidate) });
    case "candidate-error":
      return t("connection.event.candidate-error", { server: event.server, code: String(event.code) });
    case "restart":
    case "replacement":
      return t(`connection.event.${event.kind}`);
  }
}

/** A candidate in short: "host UDP 192.0.2.2:5000", "relay TLS 192.0.2.2:5001". */
export function candidateText({ type, protocol, relayProtocol, address, port }: Candidate): string {
  const shown = address?.includes(":") === true ? `[${address}]` : (address ?? "?");
  return `${type} ${(relayProtocol ?? protocol).toUpperCase()} ${shown}${port === undefined ? "" : `:${port}`}`;
}
