import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { diagnosisText } from "../connection/diagnosis-text";
import { routeText } from "../connection/route-text";
import { participants, type Participant } from "../state/model";
import { openConnection } from "../state/open-connection";
import { t } from "../text/text";
import { ConnectionFigures } from "./connection-figures";
import { ConnectionPairs } from "./connection-pairs";
import { ConnectionTimeline } from "./connection-timeline";
import { CopyReport } from "./copy-report";
import { Dialog } from "./dialog";
import { CloseIcon, WarningIcon } from "./icons";

const close = () => void (openConnection.value = null);

/** What there is to know about the connection with one participant, while somebody wants to. */
export function ConnectionPanel(): JSX.Element | null {
  const participant = participants.value.find(({ id }) => id === openConnection.value);
  useEffect(() => close, []);
  return participant === undefined ? null : <Panel key={participant.id} participant={participant} />;
}

function Panel({ participant }: { participant: Participant }): JSX.Element {
  const { name, state, diagnostics, diagnosis } = participant;
  const [, refresh] = useState(0);
  useEffect(() => {
    const show = () => refresh((times) => times + 1);
    diagnostics.addEventListener("sample", show);
    const unwatch = diagnostics.watch();
    return () => {
      unwatch();
      diagnostics.removeEventListener("sample", show);
    };
  }, [diagnostics]);

  return (
    <Dialog class="connection-panel" labelledBy="connection-title" onDismiss={close}>
      <div class="dialog-header">
        <h2 id="connection-title">{t("connection.title", { name })}</h2>
        <button type="button" class="plain" aria-label={t("connection.close")} onClick={close}>
          <CloseIcon />
        </button>
      </div>
      <p class="connection-route" role="status">
        {routeText(diagnostics.route, name)}
      </p>
      {diagnosis !== null && (
        <p class="problem">
          <WarningIcon />
          <span class="problem-text">{diagnosisText(diagnosis, name)}</span>
          {/* Beside the call, which goes on. */}
          <a class="button quiet small" href="/check" target="_blank" rel="noopener">
            {t("connection.check")}
          </a>
        </p>
      )}
      <ConnectionFigures snapshot={diagnostics.snapshot} sample={state === "connected" ? diagnostics.samples.at(-1) : undefined} />
      <ConnectionTimeline samples={diagnostics.samples} events={diagnostics.events} />
      <ConnectionPairs pairs={diagnostics.snapshot?.pairs ?? []} />
      <CopyReport diagnostics={diagnostics} />
    </Dialog>
  );
}
