import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { cameraLive, microphoneLive, microphoneTrack, preview } from "../media/local";
import { watchLevel } from "../media/level";
import { trustIn } from "../state/contacts";
import type { Participant } from "../state/model";
import { name } from "../state/settings";
import { t } from "../text/text";
import { diagnosisText } from "../connection/diagnosis-text";
import { Avatar } from "./avatar";
import { ConnectionButton } from "./connection-button";
import { CameraOffIcon, MicrophoneOffIcon, ShieldIcon, WarningIcon } from "./icons";
import { Picture } from "./picture";
import { trustText } from "./trust-text";

/** From here on somebody is taken to be speaking, and for so many looks after. */
const SPEAKING = 0.42;
const LINGER = 6;

/** Somebody else: their picture, their name, and how they are. */
export function PeerTile({ participant }: { participant: Participant }): JSX.Element {
  const { id, name, stream, camera, microphone, state, audioTrack, diagnosis } = participant;
  const shown = camera && (state === "connected" || state === "reconnecting");
  return (
    <Tile
      name={name}
      shown={shown}
      microphone={microphone}
      track={microphone ? audioTrack : null}
      note={noteOf(participant)}
      mark={<TrustMark participant={participant} />}
      diagnosis={diagnosis === null ? null : diagnosisText(diagnosis, name)}
      nameId={`tile-name-${id}`}
    >
      <Picture label={name} stream={stream} shown={shown} />
      {!shown && <Avatar id={id} name={name} />}
      <ConnectionButton participant={participant} describedBy={`tile-name-${id}`} />
    </Tile>
  );
}

/** The user. */
export function OwnTile({ id }: { id: string }): JSX.Element {
  const shown = cameraLive.value;
  return (
    <Tile
      name={t("call.you")}
      shown={shown}
      microphone={microphoneLive.value}
      track={microphoneLive.value ? microphoneTrack.value : null}
      note={null}
      diagnosis={null}
    >
      <Picture label={t("call.you")} stream={preview.value} own shown={shown} />
      {!shown && <Avatar id={id} name={name.value} />}
    </Tile>
  );
}

function noteOf(participant: Participant): string | null {
  switch (participant.state) {
    case "connecting":
      return t("call.connecting");
    case "reconnecting":
      return t("call.reconnecting");
    case "away":
      return t("call.away");
    case "failed":
      return t("call.failed");
    case "connected":
      return null;
  }
}

interface TileProps {
  readonly name: string;
  readonly shown: boolean;
  readonly microphone: boolean;
  readonly track: MediaStreamTrack | null;
  readonly note: string | null;
  /** Whether it is who it seems to be; of oneself there is no doubt. */
  readonly mark?: JSX.Element;
  /** Why that is so. A tile that is too small for it has the panel behind its button. */
  readonly diagnosis: string | null;
  /** The identifier of the element with the name. */
  readonly nameId?: string;
  readonly children: ComponentChildren;
}

function Tile({ name, shown, microphone, track, note, mark, diagnosis, nameId, children }: TileProps): JSX.Element {
  const element = useRef<HTMLLIElement>(null);

  useEffect(() => {
    const tile = element.current;
    if (tile === null || track === null) return;
    let left = 0;
    const stop = watchLevel(track, (level) => {
      left = level > SPEAKING ? LINGER : left - 1;
      tile.classList.toggle("speaking", left > 0);
    });
    return () => {
      stop();
      tile.classList.remove("speaking");
    };
  }, [track]);

  return (
    <li ref={element} class="tile">
      {children}
      <div class="tile-notes">
        {note !== null && <p class="tile-note">{note}</p>}
        {diagnosis !== null && <p class="tile-note tile-diagnosis">{diagnosis}</p>}
      </div>
      <p class="tile-name">
        {!microphone && (
          <Mark text={t("call.muted")}>
            <MicrophoneOffIcon />
          </Mark>
        )}
        {!shown && (
          <Mark text={t("call.camera-is-off")}>
            <CameraOffIcon />
          </Mark>
        )}
        {mark}
        <span class="tile-name-text" {...(nameId !== undefined && { id: nameId })}>
          {name}
        </span>
      </p>
    </li>
  );
}

function TrustMark({ participant: { name, verification } }: { participant: Participant }): JSX.Element | null {
  const trust = trustIn(name, verification);
  if (trust === "unknown" || trust === "unverified") return null;
  const trusted = trust === "verified";
  return (
    <Mark text={trustText(name, verification)} kind={trusted ? "trusted" : "doubted"}>
      {trusted ? <ShieldIcon /> : <WarningIcon />}
    </Mark>
  );
}

function Mark({ text, kind = "", children }: { text: string; kind?: string; children: ComponentChildren }): JSX.Element {
  return (
    <span class={`mark ${kind}`} title={text}>
      {children}
      <span class="unseen-text">{text}: </span>
    </span>
  );
}
