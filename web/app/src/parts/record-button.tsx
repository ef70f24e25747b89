import type { JSX } from "preact";
import { recordableForm } from "../recording/recording";
import { recordingState, startRecording } from "../state/recording";
import { t } from "../text/text";
import { RecordIcon } from "./icons";
import { ToolButton } from "./media-buttons";

/** Records the call. What ends that stands where everybody's eye is while it runs. */
export function RecordButton(): JSX.Element | null {
  if (recordingState.value === "on" || recordableForm() === undefined) return null;
  return (
    <ToolButton label={t("record.start")} busy={recordingState.value === "starting"} onClick={() => void startRecording()}>
      <RecordIcon />
    </ToolButton>
  );
}
