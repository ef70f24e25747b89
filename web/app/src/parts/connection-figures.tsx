import type { JSX } from "preact";
import type { ConnectionSample, ConnectionSnapshot, MediaFigures } from "peerline";
import { bitrateText, lossText, millisecondsText, pictureText } from "../connection/figures";
import { t, type TextKey } from "../text/text";

/** From here on, in bits per second, Chromium names the bandwidth although there is enough. */
const ROOMY = 1_000_000;

interface FiguresProps {
  readonly snapshot: ConnectionSnapshot | undefined;
  readonly sample: ConnectionSample | undefined;
}

/** How the connection does now, and what is received and sent over it. */
export function ConnectionFigures({ snapshot, sample }: FiguresProps): JSX.Element {
  const figures: readonly (readonly [TextKey, string])[] = [
    ["connection.round-trip", millisecondsText(sample?.roundTrip)],
    ["connection.receiving", bitrateText(sample?.bitrateIn)],
    ["connection.sending", bitrateText(sample?.bitrateOut)],
    ["connection.loss-in", lossText(sample?.lossIn)],
    ["connection.loss-out", lossText(sample?.lossOut)],
    ["connection.available", bitrateText(snapshot?.availableOutgoing)],
  ];
  return (
    <>
      <dl class="connection-figures">
        {figures.map(([key, value]) => (
          <div key={key}>
            <dt>{t(key)}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <dl class="connection-media">
        {snapshot?.media.map((media) => (
          <div key={`${media.direction} ${media.kind} ${media.mid}`}>
            <dt>{t(`connection.media.${media.direction}-${sourceOf(media)}`)}</dt>
            <dd>{mediaText(media, snapshot.availableOutgoing)}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}

/** The first two sections of a description are microphone and camera; a screen has later ones. */
function sourceOf({ kind, mid }: MediaFigures): "camera" | "microphone" | "screen" | "screen-sound" {
  const screen = Number(mid) > 1;
  if (kind === "video") return screen ? "screen" : "camera";
  return screen ? "screen-sound" : "microphone";
}

function mediaText({ codec, width, height, framesPerSecond, limitedBy }: MediaFigures, available = 0): string {
  const limited = limitedBy === "cpu" || (limitedBy === "bandwidth" && available < ROOMY);
  const limit = limited ? t(`connection.limited-${limitedBy}`) : "";
  return [codec ?? "", pictureText(width, height, framesPerSecond), limit].filter(Boolean).join(" · ");
}
