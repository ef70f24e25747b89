import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Brand } from "../parts/brand";
import { CallToolbar } from "../parts/call-toolbar";
import { Chat } from "../parts/chat";
import { ConnectionPlace } from "../parts/connection-place";
import { DropZone } from "../parts/drop-zone";
import { SpeakerIcon } from "../parts/icons";
import { LinkRow } from "../parts/link-row";
import { LivePill } from "../parts/live-pill";
import { ParticipantsDialog } from "../parts/participants-dialog";
import { releaseSound } from "../parts/picture";
import { RecordingTold } from "../parts/recording-told";
import { ReactionsTold } from "../parts/reactions-told";
import { SendFilesDialog } from "../parts/send-files";
import { ServerBanner } from "../parts/server-banner";
import { SettingsDialog } from "../parts/settings-dialog";
import { Stage } from "../parts/stage";
import { TransferPanel } from "../parts/transfer-panel";
import { useTitle } from "../parts/title";
import { followChat } from "../state/chat";
import { followFullScreen } from "../state/full-screen";
import { followKeys } from "../state/keys";
import type { Chosen } from "../state/transfers";
import { chatOpen, participants, soundHeldBack } from "../state/model";
import { followPictureInPicture } from "../state/picture-in-picture";
import { stopRecording } from "../state/recording";
import "../text/call-text";
import { plural, t } from "../text/text";

/** The call itself. */
export function CallView({ link }: { link: string }): JSX.Element {
  const alone = participants.value.length === 0;
  const count = plural("call.people", participants.value.length + 1);
  const heading = useTitle(t("call.title"));
  const [people, setPeople] = useState(false);
  const [settings, setSettings] = useState(false);
  const [files, setFiles] = useState<Chosen | null>(null);
  useEffect(() => {
    const ends = [followChat(), followKeys(), followFullScreen(), followPictureInPicture(), () => void stopRecording()];
    return () => {
      for (const end of ends) end();
    };
  }, []);
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
      <div class="call-told">
        <ServerBanner text="call.server-away" />
        <RecordingTold />
      </div>
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
      <CallToolbar link={link} onFiles={() => setFiles([])} onSettings={() => setSettings(true)} />
      <DropZone onDrop={setFiles} />
      {files !== null && <SendFilesDialog dropped={files} onDone={() => setFiles(null)} />}
      {people && <ParticipantsDialog onDone={() => setPeople(false)} />}
      <ConnectionPlace />
      <ReactionsTold />
      {settings && <SettingsDialog onDone={() => setSettings(false)} />}
    </div>
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
