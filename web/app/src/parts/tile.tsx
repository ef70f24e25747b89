import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { cameraLive, microphoneLive, microphoneTrack, preview } from "../media/local";
import { watchLevel } from "../media/level";
import { trustIn } from "../state/contacts";
import type { Participant } from "../state/model";
import { name } from "../state/settings";
import { t } from "../text/text";
import { Avatar } from "./avatar";
import { CameraOffIcon, MicrophoneOffIcon, ShieldIcon, WarningIcon } from "./icons";
import { Picture } from "./picture";
import { trustText } from "./trust-text";

/** From here on somebody is taken to be speaking, and for so many looks after. */
const SPEAKING = 0.42;
const LINGER = 6;

/** Somebody else: their picture, their name, and how they are. */
export function PeerTile({ participant }: { participant: Participant }): JSX.Element {
  const { id, name, stream, camera, microphone, state, audioTrack } = participant;
  const shown = camera && (state === "connected" || state === "reconnecting");
  return (
    <Tile
      name={name}
      shown={shown}
      microphone={microphone}
      track={microphone ? audioTrack : null}
      note={noteOf(participant)}
      mark={<TrustMark participant={participant} />}
    >
      <Picture label={name} stream={stream} shown={shown} />
      {!shown && <Avatar id={id} name={name} />}
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
  readonly children: ComponentChildren;
}

function Tile({ name, shown, microphone, track, note, mark, children }: TileProps): JSX.Element {
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
      {note !== null && <p class="tile-note">{note}</p>}
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
        <span class="tile-name-text">{name}</span>
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
