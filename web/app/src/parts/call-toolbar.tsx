import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { leave } from "../state/call";
import { shortcut } from "../state/keys";
import { t } from "../text/text";
import { ChatButton } from "./chat-button";
import { copyLink } from "./copy-link";
import { FullScreenButton } from "./full-screen-button";
import { HandButton } from "./hand-button";
import { FilesIcon, LeaveIcon, LinkIcon, MoreIcon, SettingsIcon } from "./icons";
import { MediaButtons, ToolButton } from "./media-buttons";
import { PictureInPictureButton } from "./picture-in-picture-button";
import { Popover } from "./popover";
import { ReactButton } from "./react-button";
import { RecordButton } from "./record-button";
import { ScreenButton } from "./screen-button";

interface CallToolbarProps {
  readonly link: string;
  readonly onFiles: () => void;
  readonly onSettings: () => void;
}

/** What one can do in a call. What the width has no room for is behind "More". */
export function CallToolbar({ link, onFiles, onSettings }: CallToolbarProps): JSX.Element {
  const wide = useMatch("(min-width: 64rem)");
  const narrow = useMatch("(max-width: 40rem)");
  const everyday = (
    <>
      <ScreenButton />
      <ToolButton label={t("files.send")} onClick={onFiles}>
        <FilesIcon />
      </ToolButton>
      <ToolButton label={t("call.copy-link")} onClick={() => void copyLink(link)}>
        <LinkIcon />
      </ToolButton>
    </>
  );
  const lesser = (
    <>
      <PictureInPictureButton />
      <FullScreenButton />
      <RecordButton />
    </>
  );
  const settings = (
    <ToolButton label={t("call.settings")} onClick={onSettings}>
      <SettingsIcon />
    </ToolButton>
  );
  return (
    <section class="toolbar" aria-label={t("call.controls")}>
      <MediaButtons microphoneKeys={shortcut("microphone")} cameraKeys={shortcut("camera")} />
      <HandButton />
      <ReactButton />
      <ChatButton />
      {!narrow && everyday}
      {wide && lesser}
      {!narrow && settings}
      {!wide && (
        <Popover label={t("call.more")} icon={<MoreIcon />} class="more-menu">
          {narrow && everyday}
          {lesser}
          {narrow && settings}
        </Popover>
      )}
      <button type="button" class="button leave" aria-label={t("call.leave")} onClick={leave}>
        <LeaveIcon />
        <span class="leave-text">{t("call.leave")}</span>
      </button>
    </section>
  );
}

/** Whether the page matches a media query now. */
function useMatch(query: string): boolean {
  const [matches, setMatches] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query);
    const follow = () => setMatches(list.matches);
    list.addEventListener("change", follow);
    return () => list.removeEventListener("change", follow);
  }, [query]);
  return matches;
}
