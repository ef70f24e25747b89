import type { ComponentChildren, JSX } from "preact";
import { starting } from "../media/local";
import { cameraOn, microphoneOn, turnCamera, turnMicrophone } from "../state/own-media";
import { t } from "../text/text";
import { CameraIcon, CameraOffIcon, MicrophoneIcon, MicrophoneOffIcon } from "./icons";

/** The buttons for the user's own microphone and camera. Their names say what they do next. */
export function MediaButtons({ microphoneKeys, cameraKeys }: { microphoneKeys?: Shortcut; cameraKeys?: Shortcut }): JSX.Element {
  const microphone = microphoneOn.value;
  const camera = cameraOn.value;
  return (
    <>
      <ToolButton label={t(microphone ? "call.mute" : "call.unmute")} off={!microphone} {...microphoneKeys} onClick={() => void turnMicrophone(!microphone)}>
        {microphone ? <MicrophoneIcon /> : <MicrophoneOffIcon />}
      </ToolButton>
      <ToolButton
        label={t(camera ? "call.camera-off" : "call.camera-on")}
        off={!camera}
        busy={starting.value}
        {...cameraKeys}
        onClick={() => void turnCamera(!camera)}
      >
        {camera ? <CameraIcon /> : <CameraOffIcon />}
      </ToolButton>
    </>
  );
}

/** The keys that do the same as a button. */
interface Shortcut {
  readonly "aria-keyshortcuts"?: string;
}

interface ToolButtonProps extends Shortcut {
  readonly children: ComponentChildren;
  readonly label: string;
  readonly onClick: () => void;
  /** Shown as switched off. */
  readonly off?: boolean;
  /** Shown as giving something away. */
  readonly live?: boolean;
  readonly busy?: boolean;
  /** Shown as switched on. */
  readonly on?: boolean;
  readonly expanded?: boolean;
  readonly controls?: string;
}

/** A round button with a drawing; its name is shown as a tip. */
export function ToolButton(props: ToolButtonProps): JSX.Element {
  return (
    <button
      type="button"
      class={["tool", props.off === true && "off", props.live === true && "live", props.on === true && "on"].filter(Boolean).join(" ")}
      aria-label={props.label}
      aria-busy={props.busy === true}
      data-tip={props.label}
      {...(props.expanded !== undefined && { "aria-expanded": props.expanded })}
      {...(props["aria-keyshortcuts"] !== undefined && { "aria-keyshortcuts": props["aria-keyshortcuts"] })}
      {...(props.controls !== undefined && { "aria-controls": props.controls })}
      onClick={props.onClick}
    >
      {props.children}
    </button>
  );
}
