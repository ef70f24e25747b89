import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { layoutGrid } from "../layout/grid";
import { layoutPresentation } from "../layout/presentation";
import { ownId, participants } from "../state/model";
import { ownScreen } from "../state/screen";
import { t } from "../text/text";
import { OwnScreenTile, ScreenTile } from "./screen-tile";
import { OwnTile, PeerTile } from "./tile";

const GAP = 8;

/**
 * Everybody in the call. Of two on a wide screen, the other one fills the stage; else all share a grid.
 * What others show of their screens has the stage for itself, with the people in a strip beside it; one's own is a tile like any.
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

  const screens = others.flatMap((participant) => (participant.screen === null ? [] : [{ participant, screen: participant.screen }]));
  const tiles = others.length + 1 + (own === null ? 0 : 1);
  const presentation = screens.length > 0 ? layoutPresentation(screens.length, tiles, width, height, GAP) : null;
  const duet = presentation === null && tiles === 2 && others.length === 1 && width > height;
  const layout = presentation?.people ?? layoutGrid(duet ? 1 : tiles, width, height, GAP);
  return (
    <div
      ref={element}
      class={presentation === null ? "stage-area" : `stage-area strip-${presentation.strip}`}
      style={{ "--gap": `${GAP}px`, "--strip": `${presentation?.stripSize ?? 0}px` }}
    >
      {presentation !== null && (
        <ul class="stage" aria-label={t("screen.stage")} style={tileSize(presentation.screens)}>
          {screens.map(({ participant, screen }) => (
            <ScreenTile key={participant.id} participant={participant} screen={screen} />
          ))}
        </ul>
      )}
      <ul key="people" class={duet ? "stage people-tiles duet" : "stage people-tiles"} aria-label={t("call.stage")} style={tileSize(layout)}>
        {others.map((participant) => (
          <PeerTile key={participant.id} participant={participant} />
        ))}
        {own !== null && <OwnScreenTile key="own-screen" screen={own} />}
        <OwnTile key="own" id={ownId.value} />
      </ul>
    </div>
  );
}

function tileSize({ width, height }: { width: number; height: number }): Record<string, string> {
  return { "--tile-width": `${width}px`, "--tile-height": `${height}px` };
}
