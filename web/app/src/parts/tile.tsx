import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { cameraLive, microphoneLive, microphoneTrack, preview } from "../media/local";
import { watchLevel } from "../media/level";
import type { Place } from "../layout/presentation";
import { ownChannel } from "../state/call";
import { trustIn } from "../state/contacts";
import type { Participant } from "../state/model";
import { personTile } from "../state/pin";
import { recordedLines } from "../state/recording";
import { name } from "../state/settings";
import { forget, hear } from "../state/speaking";
import { t } from "../text/text";
import { diagnosisText } from "../connection/diagnosis-text";
import { Avatar } from "./avatar";
import { ConnectionButton } from "./connection-button";
import { HandMark } from "./hand-mark";
import { CameraOffIcon, MicrophoneOffIcon, ShieldIcon, WarningIcon } from "./icons";
import { Mark } from "./mark";
import { Picture } from "./picture";
import { PinButton } from "./pin-button";
import { placeStyle } from "./place-style";
import { ReactionOf } from "./reaction-of";
import { trustText } from "./trust-text";

/** Somebody else: their picture, their name, and how they are. */
export function PeerTile({ participant, place }: { participant: Participant; place: Place | null }): JSX.Element {
  const { id, name, stream, camera, microphone, state, audioTrack, diagnosis } = participant;
  const shown = camera && (state === "connected" || state === "reconnecting");
  const [lines, setLines] = useState<number | null>(null);
  const needed = lines === null ? null : Math.max(lines, recordedLines.value);

  // One that isn't there now comes back in the size that it had.
  useEffect(() => {
    if (shown && needed !== null) ownChannel()?.participants.get(id)?.show(needed);
  }, [id, shown, needed]);

  return (
    <Tile
      id={id}
      name={name}
      place={place}
      shown={shown}
      microphone={microphone}
      track={microphone ? audioTrack : null}
      note={noteOf(participant)}
      mark={<TrustMark participant={participant} />}
      diagnosis={diagnosis === null ? null : diagnosisText(diagnosis, name)}
      nameId={`tile-name-${id}`}
    >
      <Picture label={name} stream={stream} shown={shown} onLines={setLines} />
      {!shown && <Avatar id={id} name={name} />}
      <ConnectionButton participant={participant} describedBy={`tile-name-${id}`} />
    </Tile>
  );
}

/** The user. */
export function OwnTile({ id, place }: { id: string; place: Place | null }): JSX.Element {
  const shown = cameraLive.value;
  return (
    <Tile
      id={id}
      name={t("call.you")}
      place={place}
      own
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
  readonly id: string;
  readonly name: string;
  readonly own?: boolean;
  /** Where the tile lies if it is the large one. */
  readonly place: Place | null;
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

function Tile({ id, name, own = false, place, shown, microphone, track, note, mark, diagnosis, nameId, children }: TileProps): JSX.Element {
  const element = useRef<HTMLLIElement>(null);

  useEffect(() => {
    const tile = element.current;
    if (tile === null || track === null || !microphone) return;
    const stop = watchLevel(track, (level) => tile.classList.toggle("speaking", hear(id, level)));
    return () => {
      stop();
      forget(id);
      tile.classList.remove("speaking");
    };
  }, [id, track, microphone]);

  return (
    <li ref={element} class={place === null ? "tile" : "tile large"} data-tile={personTile(id)} style={placeStyle(place)}>
      {children}
      <PinButton tile={personTile(id)} name={name} own={own} />
      <ReactionOf id={id} />
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
        <HandMark id={id} />
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
