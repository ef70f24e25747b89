import type { JSX } from "preact";
import { accept, callerOf, cancel, decline, incoming, outgoing } from "../state/ringing";
import { t } from "../text/text";
import { Avatar } from "./avatar";
import { Dialog } from "./dialog";
import { CallIcon } from "./icons";

/** What rings: somebody calls the user, or the user calls somebody. */
export function RingDialogs(): JSX.Element | null {
  const ring = incoming.value;
  const call = outgoing.value;
  if (ring !== null) {
    const name = callerOf(ring);
    return (
      <Dialog key={ring.from} class="ring" labelledBy="ring-title" onDismiss={decline}>
        <Avatar id={ring.from} name={name} />
        <h2 id="ring-title">{t("ring.incoming", { name })}</h2>
        <p class="hint">{t("ring.incoming-hint")}</p>
        <div class="dialog-buttons">
          <button type="button" class="button quiet" onClick={decline}>
            {t("ring.decline")}
          </button>
          <button type="button" class="button primary" autofocus onClick={accept}>
            <CallIcon />
            {t("ring.accept")}
          </button>
        </div>
      </Dialog>
    );
  }
  if (call !== null) {
    return (
      <Dialog key="outgoing" class="ring" labelledBy="ring-title" onDismiss={cancel}>
        <Avatar id={call.person.participant} name={call.person.name} />
        <h2 id="ring-title">{t("ring.outgoing", { name: call.person.name })}</h2>
        <p class="hint">{t("ring.outgoing-hint")}</p>
        <div class="dialog-buttons">
          <button type="button" class="button quiet" onClick={cancel}>
            {t("ring.cancel")}
          </button>
        </div>
      </Dialog>
    );
  }
  return null;
}
