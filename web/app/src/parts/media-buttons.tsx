import type { ComponentChildren, JSX } from "preact";
import { mediaSentences, type MediaProblem } from "../media/errors";
import {
  cameraLive,
  cameraOff,
  cameraProblem,
  microphoneLive,
  microphoneProblem,
  muted,
  setCameraOff,
  setMuted,
  starting,
} from "../media/local";
import { phase } from "../state/model";
import { notify } from "../state/notices";
import { t } from "../text/text";
import { CameraIcon, CameraOffIcon, MicrophoneIcon, MicrophoneOffIcon } from "./icons";

/** The buttons for the user's own microphone and camera. Their names say what they do next. */
export function MediaButtons(): JSX.Element {
  // While the browser asks for permission, what is wanted counts.
  const microphone = microphoneLive.value || (starting.value && !muted.value);
  const camera = cameraLive.value || (starting.value && !cameraOff.value);
  return (
    <>
      <ToolButton
        label={t(microphone ? "call.mute" : "call.unmute")}
        off={!microphone}
        onClick={() => void setMuted(microphone).then(() => tellProblems(null, microphoneProblem.value))}
      >
        {microphone ? <MicrophoneIcon /> : <MicrophoneOffIcon />}
      </ToolButton>
      <ToolButton
        label={t(camera ? "call.camera-off" : "call.camera-on")}
        off={!camera}
        busy={starting.value}
        onClick={() => void setCameraOff(camera).then(() => tellProblems(cameraProblem.value, null))}
      >
        {camera ? <CameraIcon /> : <CameraOffIcon />}
      </ToolButton>
    </>
  );
}

/** The lobby has a place for problems; in a call they are told in passing. */
function tellProblems(camera: MediaProblem | null, microphone: MediaProblem | null): void {
  if (phase.value !== "call") return;
  for (const sentence of mediaSentences(camera, microphone)) notify(sentence);
}

interface ToolButtonProps {
  readonly children: ComponentChildren;
  readonly label: string;
  readonly onClick: () => void;
  /** Shown as switched off. */
  readonly off?: boolean;
  /** Shown as giving something away. */
  readonly live?: boolean;
  readonly busy?: boolean;
  readonly expanded?: boolean;
  readonly controls?: string;
}

/** A round button with a drawing; its name is shown as a tip. */
export function ToolButton(props: ToolButtonProps): JSX.Element {
  return (
    <button
      type="button"
      class={["tool", props.off === true && "off", props.live === true && "live"].filter(Boolean).join(" ")}
      aria-label={props.label}
      aria-busy={props.busy === true}
      data-tip={props.label}
      {...(props.expanded !== undefined && { "aria-expanded": props.expanded })}
      {...(props.controls !== undefined && { "aria-controls": props.controls })}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}
