import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { microphoneTrack, muted } from "../media/local";
import { watchLevel } from "../media/level";
import { t } from "../text/text";

const BARS = 12;

/** How loud the user's own microphone is. */
export function LevelMeter(): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  const track = microphoneTrack.value;
  const silent = muted.value;

  useEffect(() => {
    const show = (level: number) => {
      const meter = element.current;
      if (meter === null) return;
      meter.setAttribute("aria-valuenow", String(Math.round(level * 10) * 10));
      const lit = Math.round(level * BARS);
      for (const [index, bar] of [...meter.children].entries()) bar.classList.toggle("lit", index < lit);
    };
    show(0);
    if (track === null || silent) return;
    const stop = watchLevel(track, show);
    return () => stop();
  }, [track, silent]);

  return (
    <div
      ref={element}
      class="level-meter"
      role="meter"
      aria-label={t("lobby.level")}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={0}
    >
      {Array.from({ length: BARS }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}
