import type { JSX } from "preact";
import { participants } from "../state/model";
import { t } from "../text/text";

/** Who records the call, for as long as they do: nobody is recorded without being told. */
export function RecordingTold(): JSX.Element {
  const recorders = participants.value.filter(({ recording }) => recording);
  return (
    <div class="recording-told" role="status">
      {recorders.map(({ id, name }) => (
        <p key={id} class="recording">
          <span class="recording-dot" aria-hidden="true" />
          {t("record.who", { name })}
        </p>
      ))}
    </div>
  );
}
