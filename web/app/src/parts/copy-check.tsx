import { judge, type CheckEvidence } from "peerline/check";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { verdictText } from "../check/verdict-text";
import { t, type TextKey } from "../text/text";

/** Copies what was found out and what it means, for somebody else to read. */
export function CopyCheck({ evidence }: { evidence: CheckEvidence }): JSX.Element {
  const [result, setResult] = useState<TextKey | null>(null);
  const copy = async () => {
    const verdicts = judge(evidence).map((verdict) => ({ ...verdict, sentence: verdictText(verdict) }));
    const copied = await navigator.clipboard.writeText(JSON.stringify({ verdicts, evidence }, null, 2)).then(
      () => true,
      () => false,
    );
    setResult(copied ? "check.copied" : "check.not-copied");
  };
  return (
    <>
      <button type="button" class="button quiet" aria-describedby="check-copy-hint" onClick={() => void copy()}>
        {t("check.copy")}
      </button>
      <p class="hint check-copy-hint">
        <span id="check-copy-hint">{t("check.copy-hint")}</span> <strong role="status">{result !== null && t(result)}</strong>
      </p>
    </>
  );
}
