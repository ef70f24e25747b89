import type { JSX } from "preact";
import type { Diagnostics } from "peerline";
import { useState } from "preact/hooks";
import { t, type TextKey } from "../text/text";

/** Copies what there is to know, for somebody who is to find out what is wrong: the whole as JSON, or what happened as an event log. */
export function CopyReport({ diagnostics }: { diagnostics: Diagnostics }): JSX.Element {
  const [addresses, setAddresses] = useState(true);
  const [result, setResult] = useState<TextKey | null>(null);
  const copy = async (text: string, done: TextKey) => {
    const copied = await navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
    setResult(copied ? done : "connection.report-not-copied");
  };
  const report = () => copy(JSON.stringify(diagnostics.report({ addresses }), null, 2), "connection.report-copied");
  const log = () => copy(diagnostics.eventLog({ addresses }), "connection.log-copied");
  return (
    <section class="connection-report" aria-labelledby="connection-report">
      <h3 id="connection-report">{t("connection.report")}</h3>
      <p class="hint">{t("connection.report-hint")}</p>
      <label class="check">
        <input type="checkbox" checked={addresses} onChange={(event) => setAddresses(event.currentTarget.checked)} />
        <span>{t("connection.report-addresses")}</span>
      </label>
      <div class="connection-report-copy">
        <button type="button" class="button quiet" onClick={() => void report()}>
          {t("connection.copy-report")}
        </button>
        <button type="button" class="button quiet" aria-describedby="connection-log-hint" onClick={() => void log()}>
          {t("connection.copy-log")}
        </button>
        <span role="status">{result !== null && t(result)}</span>
      </div>
      <p class="hint" id="connection-log-hint">
        {t("connection.log-hint")}
      </p>
    </section>
  );
}
