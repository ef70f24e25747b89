import type { JSX } from "preact";
import type { Diagnostics } from "peerline";
import { useState } from "preact/hooks";
import { t, type TextKey } from "../text/text";

/** Copies everything as JSON, for somebody who is to find out what is wrong. */
export function CopyReport({ diagnostics }: { diagnostics: Diagnostics }): JSX.Element {
  const [addresses, setAddresses] = useState(true);
  const [result, setResult] = useState<TextKey | null>(null);
  const copy = async () => {
    const report = JSON.stringify(diagnostics.report({ addresses }), null, 2);
    const copied = await navigator.clipboard.writeText(report).then(
      () => true,
      () => false,
    );
    setResult(copied ? "connection.report-copied" : "connection.report-not-copied");
  };
  return (
    <section class="connection-report" aria-labelledby="connection-report">
      <h3 id="connection-report">{t("connection.report")}</h3>
      <p class="hint">{t("connection.report-hint")}</p>
      <label class="check">
        <input type="checkbox" checked={addresses} onChange={(event) => setAddresses(event.currentTarget.checked)} />
        <span>{t("connection.report-addresses")}</span>
      </label>
      <div class="connection-report-copy">
        <button type="button" class="button quiet" onClick={() => void copy()}>
          {t("connection.copy-report")}
        </button>
        <span role="status">{result !== null && t(result)}</span>
      </div>
    </section>
  );
}
