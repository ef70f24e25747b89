import type { Seen, Verdict } from "peerline/check";
import { candidateText } from "../connection/event-text";
import { bitrateText, millisecondsText } from "../connection/figures";
import { listText, unitText } from "../text/amounts";
import { t } from "../text/text";

/** What is said of one question. */
export function verdictText({ kind, protocols = [] }: Verdict): string {
  return t(`check.${kind}`, { protocols: listText(protocols.map((protocol) => protocol.toUpperCase())) });
}

/** What was seen, a line for each thing. */
export function seenTexts(seen: Seen): string[] {
  switch (seen.kind) {
    case "web-answered":
      return [t("check.seen.web-answered", { server: seen.server, time: time(seen.took) })];
    case "web-foreign":
      return [t("check.seen.web-foreign", { server: seen.server, code: String(seen.status) })];
    case "web-failed":
      return [t("check.seen.web-failed", { server: seen.server })];
    case "signaling-done":
      return [t("check.seen.signaling-done", { time: time(seen.took) })];
    case "signaling-failed":
    case "call-failed":
      return [t(`check.seen.${seen.kind}`)];
    case "clock":
      return [t("check.seen.clock", { time: secondsText(Math.abs(seen.ahead)), within: secondsText(seen.within) })];
    case "server-answered":
      return [t("check.seen.server-answered", { server: seen.url, candidate: candidateText(seen.candidate), time: time(seen.took) })];
    case "server-unmapped":
    case "server-silent":
      return [t(`check.seen.${seen.kind}`, { server: seen.url, time: time(seen.took) })];
    case "server-refused":
      return [t("check.seen.server-refused", { server: seen.url, code: String(seen.code) })];
    case "mapped": {
      const servers = listText(seen.destinations);
      return [seen.mapped.length === 0 ? t("check.seen.mapped-none", { servers }) : t("check.seen.mapped", { servers, addresses: listText(seen.mapped) })];
    }
    case "candidates":
      return seen.candidates.map(candidateText);
    case "call-connected":
      return [t("check.seen.call-connected", { protocol: (seen.protocol ?? "?").toUpperCase(), time: time(seen.took) })];
    case "call-round-trip":
      return [t("check.seen.call-round-trip", { time: time(seen.took) })];
    case "call-load":
      return [t("check.seen.call-load", { bitrate: bitrateText(seen.throughput), sent: seen.sent, arrived: seen.arrived })];
    case "camera":
    case "microphone":
      return [t(`check.seen.${seen.kind}`, { count: seen.found, permission: t(`check.permission.${seen.permission}`) })];
  }
}

const time = millisecondsText;

function secondsText(seconds: number): string {
  return unitText(seconds, "second", 1);
}
