import type { JSX, RefObject } from "preact";
import { messages } from "../state/model";
import { plural } from "../text/text";
import { lineOf } from "./chat-line";
import { DownIcon } from "./icons";
import type { ReadingPlace } from "./reading-place";

/** Says to whoever reads earlier lines that others have come, and leads to them. Read out they are by the log itself. */
export function NewLines({ log, place }: { log: RefObject<HTMLDivElement | null>; place: ReadingPlace }): JSX.Element | null {
  const count = place.unseen.value;
  if (count <= 0) return null;
  const go = ({ currentTarget: button }: Event) => {
    if (!log.current) return;
    const latest = messages.value.at(-1);
    // The button will be gone: by keyboard, it goes on from the latest line.
    if (document.activeElement === button && latest !== undefined) lineOf(latest)?.focus({ preventScroll: true });
    place.toEnd(log.current);
  };
  return (
    <div class="chat-new">
      {/* A finger or a mouse leaves the focus where it is: perhaps somebody writes. */}
      <button type="button" class="button small" onMouseDown={(event) => event.preventDefault()} onClick={go}>
        <DownIcon />
        {plural("chat.new", count)}
      </button>
    </div>
  );
}
