import type { JSX } from "preact";
import { participants } from "../state/model";
import { recordingState, stopRecording } from "../state/recording";
import { t } from "../text/text";

/** Who records the call, for as long as they do: nobody is recorded without being told. */
export function RecordingTold(): JSX.Element {
  const recorders = participants.value.filter(({ recording }) => recording);
  const own = recordingState.value === "on";
  return (
    <div class={own ? "recording-place with-own" : "recording-place"}>
      <div class="recording-told" role="status">
        {own && <Told sentence={t("record.own")} />}
        {recorders.map(({ id, name }) => (
          <Told key={id} sentence={t("record.who", { name })} />
        ))}
      </div>
      {own && (
        <button type="button" class="button quiet recording-stop" onClick={() => void stopRecording()}>
          {t("record.stop")}
        </button>
      )}
    </div>
  );
}

function Told({ sentence }: { sentence: string }): JSX.Element {
  return (
    <p class="recording">
      <span class="recording-dot" aria-hidden="true" />
      {sentence}
    </p>
  );
}
