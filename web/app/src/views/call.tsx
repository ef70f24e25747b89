import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Brand } from "../parts/brand";
import { Chat, closeChat, openChat } from "../parts/chat";
import { ConnectionPlace } from "../parts/connection-place";
import { copyLink } from "../parts/copy-link";
import { DropZone } from "../parts/drop-zone";
import { ChatIcon, FilesIcon, LeaveIcon, LinkIcon, SettingsIcon, SpeakerIcon } from "../parts/icons";
import { LinkRow } from "../parts/link-row";
import { LivePill } from "../parts/live-pill";
import { MediaButtons, ToolButton } from "../parts/media-buttons";
import { ParticipantsDialog } from "../parts/participants-dialog";
import { releaseSound } from "../parts/picture";
import { SendFilesDialog } from "../parts/send-files";
import { ScreenButton } from "../parts/screen-button";
import { ServerBanner } from "../parts/server-banner";
import { SettingsDialog } from "../parts/settings-dialog";
import { Stage } from "../parts/stage";
import { TransferPanel } from "../parts/transfer-panel";
import { useTitle } from "../parts/title";
import { leave } from "../state/call";
import type { Chosen } from "../state/transfers";
import { chatOpen, participants, soundHeldBack, unread } from "../state/model";
import { plural, t } from "../text/text";

/** The call itself. */
export function CallView({ link }: { link: string }): JSX.Element {
  const alone = participants.value.length === 0;
  const count = plural("call.people", participants.value.length + 1);
  const heading = useTitle(t("call.title"));
  const [people, setPeople] = useState(false);
  const [settings, setSettings] = useState(false);
  const [files, setFiles] = useState<Chosen | null>(null);
  return (
    <div class={chatOpen.value ? "call with-chat" : "call"}>
      <header class="call-header">
        <Brand still />
        <h1 class="unseen-text" ref={heading} tabIndex={-1}>
          {t("call.title")}
        </h1>
        <LivePill />
        <button type="button" class="call-people" aria-haspopup="dialog" onClick={() => setPeople(true)}>
          {count}
        </button>
      </header>
      <ServerBanner text="call.server-away" />
      <main class={alone ? "call-main with-alone" : "call-main"}>
        {alone && <Alone link={link} />}
        <Stage />
        {soundHeldBack.value && (
          <button type="button" class="button primary tap-to-hear" onClick={releaseSound}>
            <SpeakerIcon />
            {t("call.tap-to-hear")}
          </button>
        )}
        <TransferPanel />
      </main>
      {chatOpen.value && <Chat />}
      <Toolbar link={link} onFiles={() => setFiles([])} onSettings={() => setSettings(true)} />
      <DropZone onDrop={setFiles} />
      {files !== null && <SendFilesDialog dropped={files} onDone={() => setFiles(null)} />}
      {people && <ParticipantsDialog onDone={() => setPeople(false)} />}
      <ConnectionPlace />
      {settings && <SettingsDialog onDone={() => setSettings(false)} />}
    </div>
  );
}

function Toolbar({ link, onFiles, onSettings }: { link: string; onFiles: () => void; onSettings: () => void }): JSX.Element {
  const count = unread.value;
  const toggleChat = () => {
    if (chatOpen.value) closeChat();
    else openChat();
  };
  return (
    <section class="toolbar" aria-label={t("call.controls")}>
      <MediaButtons />
      <ScreenButton />
      <span class="tool-place">
        <ToolButton label={t("call.chat")} expanded={chatOpen.value} controls="chat" onClick={toggleChat}>
          <ChatIcon />
        </ToolButton>
        {count > 0 && (
          <span class="badge" aria-hidden="true">
            {count > 99 ? "99+" : count}
          </span>
        )}
        <span class="unseen-text" role="status">
          {count > 0 ? plural("chat.unread", count) : ""}
        </span>
      </span>
      <ToolButton label={t("files.send")} onClick={onFiles}>
        <FilesIcon />
      </ToolButton>
      <ToolButton label={t("call.copy-link")} onClick={() => void copyLink(link)}>
        <LinkIcon />
      </ToolButton>
      <ToolButton label={t("call.settings")} onClick={onSettings}>
        <SettingsIcon />
      </ToolButton>
      <button type="button" class="button leave" aria-label={t("call.leave")} onClick={leave}>
        <LeaveIcon />
        <span class="leave-text">{t("call.leave")}</span>
      </button>
    </section>
  );
}

/** The first one in a call is shown how the others get there. */
function Alone({ link }: { link: string }): JSX.Element {
  return (
    <section class="card alone">
      <div>
        <h2>{t("call.alone")}</h2>
        <p class="hint">{t("call.alone-hint")}</p>
      </div>
      <LinkRow link={link} />
    </section>
  );
}
