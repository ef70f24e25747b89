import { examine, judge, type CheckEvidence, type CheckStep, type Verdict } from "peerline/check";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { verdictText } from "../check/verdict-text";
import { CheckMark } from "../parts/check-mark";
import { CheckSeen } from "../parts/check-seen";
import { CopyCheck } from "../parts/copy-check";
import { PageHeader } from "../parts/page-header";
import { useTitle } from "../parts/title";
import { t, type TextKey } from "../text/text";
import "../text/check-text";
import "../style/check.css";

type Find = (step: (step: CheckStep) => void, signal: AbortSignal) => Promise<CheckEvidence>;

const ask: Find = (step, signal) => examine(location.origin, step, signal);

/** What this network allows: found out as soon as somebody looks, each verdict with its evidence. */
export function CheckView({ find = ask }: { find?: Find }): JSX.Element {
  const heading = useTitle(t("check.title"));
  const [step, setStep] = useState<CheckStep | "failed" | "done">("server");
  const [evidence, setEvidence] = useState<CheckEvidence | null>(null);
  const round = useRef<AbortController | null>(null);

  const run = () => {
    round.current?.abort();
    const { signal } = (round.current = new AbortController());
    setStep("server");
    find((begun) => !signal.aborted && setStep(begun), signal).then(
      (found) => {
        if (signal.aborted) return;
        setEvidence(found);
        setStep("done");
      },
      () => !signal.aborted && setStep("failed"),
    );
  };
  useEffect(() => {
    run();
    return () => round.current?.abort();
  }, []);

  const running = step !== "done" && step !== "failed";
  const [whole, ...others] = evidence === null ? [] : judge(evidence);
  return (
    <div class="check-page">
      <PageHeader />
      <main>
        <h1 ref={heading} tabIndex={-1}>
          {t("check.title")}
        </h1>
        <p class="lead">{t("check.lead")}</p>
        <section class="card check-whole" aria-busy={running}>
          {running ? <span class="check-mark running" aria-hidden="true" /> : <CheckMark standing={whole?.standing ?? "unknown"} />}
          <div class="check-answer">
            <p role="status">{running ? t(`check.running.${step}`) : step === "failed" || whole === undefined ? t("check.failed") : verdictText(whole)}</p>
            {!running && whole !== undefined && <CheckSeen seen={whole.seen} />}
          </div>
        </section>
        <div class="row">
          <button type="button" class="button primary" aria-disabled={running} onClick={() => !running && run()}>
            {t("check.again")}
          </button>
          {!running && evidence !== null && <CopyCheck evidence={evidence} />}
        </div>
        {!running && others.length > 0 && (
          <section aria-labelledby="check-details">
            <h2 id="check-details">{t("check.details")}</h2>
            <ul class="card check-verdicts">
              {others.map((verdict) => (
                <Row key={verdict.kind} verdict={verdict} />
              ))}
            </ul>
          </section>
        )}
      </main>
    </div>
  );
}

function Row({ verdict }: { verdict: Verdict }): JSX.Element {
  return (
    <li>
      <CheckMark standing={verdict.standing} />
      <div class="check-answer">
        <h3>{t(questionOf(verdict))}</h3>
        <p>{verdictText(verdict)}</p>
      </div>
      <CheckSeen seen={verdict.seen} />
    </li>
  );
}

/** What stands before the first hyphen is the question. */
function questionOf({ kind }: Verdict): TextKey {
  return `check.about.${kind.split("-", 1)[0] ?? ""}` as TextKey;
}
