import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { layoutGrid } from "../layout/grid";
import { ownId, participants } from "../state/model";
import { t } from "../text/text";
import { OwnTile, PeerTile } from "./tile";

const GAP = 8;

/** Everybody in the call. Of two on a wide screen, the other one fills the stage; else all share a grid. */
export function Stage(): JSX.Element {
  const element = useRef<HTMLUListElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const others = participants.value;

  useLayoutEffect(() => {
    const list = element.current;
    if (list === null) return;
    const measure = () => setSize({ width: list.clientWidth, height: list.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(list);
    measure();
    return () => observer.disconnect();
  }, []);

  const duet = others.length === 1 && size.width > size.height;
  const layout = layoutGrid(duet ? 1 : others.length + 1, size.width, size.height, GAP);
  return (
    <ul
      ref={element}
      class={duet ? "stage duet" : "stage"}
      aria-label={t("call.stage")}
      style={{ "--tile-width": `${layout.width}px`, "--tile-height": `${layout.height}px`, "--gap": `${GAP}px` }}
    >
      {others.map((participant) => (
        <PeerTile key={participant.id} participant={participant} />
      ))}
      <OwnTile key="own" id={ownId.value} />
    </ul>
  );
}
