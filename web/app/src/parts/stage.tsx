import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { layoutGrid } from "../layout/grid";
import { layoutPresentation, placeOfLarge } from "../layout/presentation";
import { ownId, participants, type Participant } from "../state/model";
import { featured, pinned, screenTile } from "../state/pin";
import { ownScreen } from "../state/screen";
import { t } from "../text/text";
import { OwnScreenTile, ScreenTile } from "./screen-tile";
import { OwnTile, PeerTile } from "./tile";

const GAP = 8;

/**
 * Everybody in the call. Of two on a wide screen, the other one fills the stage; else all share a grid.
 * What others show of their screens has the stage for itself, with the people in a strip beside it; one's own is a tile like any.
 * What is pinned comes before that. A person's tile stays in its list when it becomes large: moved, its sound would break off.
 */
export function Stage(): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  const [{ width, height }, setSize] = useState({ width: 0, height: 0 });
  const others = participants.value;
  const own = ownScreen.value;

  useLayoutEffect(() => {
    const area = element.current;
    if (area === null) return;
    const measure = () => setSize({ width: area.clientWidth, height: area.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(area);
    measure();
    return () => observer.disconnect();
  }, []);

  const screens = [
    ...others.flatMap((participant) => (participant.screen === null ? [] : [{ tile: screenTile(participant.id), participant, screen: participant.screen }])),
    ...(own === null ? [] : [{ tile: screenTile(ownId.value), participant: null, screen: own }]),
  ];
  const large = featured.value;
  const shown = screens.filter(({ tile, participant }) => (pinned.value === null ? participant !== null : tile === pinned.value));
  const rest = screens.filter((screen) => !shown.includes(screen));
  const tiles = others.length + 1 + rest.length - (large === null ? 0 : 1);
  const presentation = shown.length > 0 || (large !== null && tiles > 0) ? layoutPresentation(shown.length || 1, tiles, width, height, GAP) : null;
  const place = large !== null && presentation !== null ? placeOfLarge(presentation, { width, height }, GAP) : null;
  const duet = presentation === null && tiles === 2 && others.length === 1 && width > height;
  const layout = presentation?.people ?? layoutGrid(duet ? 1 : tiles, width, height, GAP);
  return (
    <div
      ref={element}
      class={["stage-area", presentation !== null && `strip-${presentation.strip}`, place !== null && "with-large"].filter(Boolean).join(" ")}
      style={{ "--gap": `${GAP}px`, "--strip": `${presentation?.stripSize ?? 0}px` }}
    >
      {presentation !== null && shown.length > 0 && (
        <ul class="stage" aria-label={t("screen.stage")} style={tileSize(presentation.screens)}>
          {shown.map(screenTileOf)}
        </ul>
      )}
      <ul key="people" class={duet ? "stage people-tiles duet" : "stage people-tiles"} aria-label={t("call.stage")} style={tileSize(layout)}>
        {others.map((participant) => (
          <PeerTile key={participant.id} participant={participant} place={participant.id === large ? place : null} />
        ))}
        {rest.map(screenTileOf)}
        <OwnTile key="own" id={ownId.value} place={ownId.value === large ? place : null} />
      </ul>
    </div>
  );
}

function screenTileOf({ tile, participant, screen }: { tile: string; participant: Participant | null; screen: MediaStream }): JSX.Element {
  return participant === null ? <OwnScreenTile key={tile} screen={screen} /> : <ScreenTile key={tile} participant={participant} screen={screen} />;
}

function tileSize({ width, height }: { width: number; height: number }): Record<string, string> {
  return { "--tile-width": `${width}px`, "--tile-height": `${height}px` };
}
