import type { JSX } from "preact";
import type { Participant } from "../state/model";
import { openConnection } from "../state/open-connection";
import { t } from "../text/text";
import { ConnectionIcon } from "./icons";

/** Opens what there is to know about the connection with a participant. `describedBy` is the element with their name. */
export function ConnectionButton({ participant, describedBy }: { participant: Participant; describedBy: string }): JSX.Element {
  return (
    <button
      type="button"
      class={participant.diagnosis === null ? "tile-button" : "tile-button troubled"}
      aria-label={t("connection.button")}
      aria-describedby={describedBy}
      aria-haspopup="dialog"
      onClick={() => (openConnection.value = participant.id)}
    >
      <ConnectionIcon />
    </button>
  );
}
