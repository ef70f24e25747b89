import type { JSX } from "preact";
import { canFullScreen, fullScreen, toggleFullScreen } from "../state/full-screen";
import { shortcut } from "../state/keys";
import { t } from "../text/text";
import { FullScreenIcon, FullScreenLeaveIcon } from "./icons";
import { ToolButton } from "./media-buttons";

/** Gives the call the whole screen, or takes it back; not there where the browser doesn't have it. */
export function FullScreenButton(): JSX.Element | null {
  if (!canFullScreen()) return null;
  const on = fullScreen.value;
  return (
    <ToolButton label={t(on ? "full-screen.leave" : "full-screen.enter")} {...shortcut("full-screen")} onClick={toggleFullScreen}>
      {on ? <FullScreenLeaveIcon /> : <FullScreenIcon />}
    </ToolButton>
  );
}
