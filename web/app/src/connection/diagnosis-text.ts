import type { Diagnosis } from "peerline";
import { listText } from "../text/amounts";
import { t } from "../text/text";
import { bitrateText, lossText, millisecondsText } from "./figures";

/** What is wrong with the connection, what shows it, and what would help. `name` is the other side's. */
export function diagnosisText(diagnosis: Diagnosis, name: string): string {
  switch (diagnosis.kind) {
    case "peer-gone":
    case "no-answer":
    case "symmetric-nats":
    case "udp-blocked":
      return t(`diagnosis.${diagnosis.kind}`, { name });
    case "credential-expired":
      return t("diagnosis.credential-expired", { code: String(diagnosis.code) });
    case "relay-unreachable":
      return t("diagnosis.relay-unreachable", { protocols: listText(diagnosis.protocols.map((protocol) => protocol.toUpperCase())) });
    case "no-path":
      return t("diagnosis.no-path", { name, local: diagnosis.local, remote: diagnosis.remote });
    case "loss":
      return t(`diagnosis.loss-${diagnosis.direction}`, { name, percent: lossText(diagnosis.loss) });
    case "slow":
      return t("diagnosis.slow", { name, time: millisecondsText(diagnosis.roundTrip) });
    case "narrow":
      return t("diagnosis.narrow", { name, bitrate: bitrateText(diagnosis.bitrate) });
  }
}
