import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { distrust, trust, trustIn } from "../state/contacts";
import type { Participant } from "../state/model";
import { notify } from "../state/notices";
import { t } from "../text/text";
import { WarningIcon } from "./icons";

/** The words that two people compare. */
export function Verifying({ participant, onDone }: { participant: Participant; onDone: () => void }): JSX.Element {
  const { name, verification } = participant;
  const state = verification?.state;
  const [words, setWords] = useState<readonly string[]>([]);
  const [differ, setDiffer] = useState(false);

  useEffect(() => {
    setWords([]);
    setDiffer(false);
    if (verification === undefined || state !== "ready") return;
    let current = true;
    const show = (found: readonly string[]) => current && setWords(found);
    verification.words().then(show, () => notify(t("error.other")));
    return () => {
      current = false;
    };
  }, [verification, state]);

  if (differ) return <Warning text={t("verify.differed", { name })} onDone={onDone} />;
  if (state === "broken") return <Warning text={t("verify.broken-text", { name })} onDone={onDone} />;
  const identity = verification?.identity;
  if (identity === undefined) {
    return (
      <>
        <p role="status">{t("verify.waiting", { name })}</p>
        <Buttons onDone={onDone} />
      </>
    );
  }
  const known = trustIn(name, verification);
  return (
    <>
      {known === "changed" && (
        <p class="problem">
          <WarningIcon />
          <span class="problem-text">{t("verify.changed-text", { name })}</span>
        </p>
      )}
      <p>{t(known === "verified" ? "verify.again" : "verify.how", { name })}</p>
      <ol class="verify-words" lang="en" translate={false}>
        {words.map((word, index) => (
          <li key={index}>{word}</li>
        ))}
      </ol>
      <p class="verify-question">{t("verify.question")}</p>
      <div class="dialog-buttons">
        <button
          type="button"
          class="button quiet"
          onClick={() => {
            distrust(identity);
            setDiffer(true);
          }}
        >
          {t("verify.differ")}
        </button>
        <button
          type="button"
          class="button primary"
          disabled={words.length === 0}
          onClick={() => {
            trust(name, identity);
            notify(t("verify.matched", { name }));
            onDone();
          }}
        >
          {t("verify.match")}
        </button>
      </div>
    </>
  );
}

function Warning({ text, onDone }: { text: string; onDone: () => void }): JSX.Element {
  return (
    <>
      <p class="problem" role="alert">
        <WarningIcon />
        <span class="problem-text">{text}</span>
      </p>
      <Buttons onDone={onDone} />
    </>
  );
}

function Buttons({ onDone }: { onDone: () => void }): JSX.Element {
  return (
    <div class="dialog-buttons">
      <button type="button" class="button quiet" onClick={onDone}>
        {t("verify.back")}
      </button>
    </div>
  );
}
