import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { watchShownLines } from "../media/shown-lines";
import { soundHeldBack } from "../state/model";
import { speaker } from "../state/settings";

interface PictureProps {
  /** The participant's name, or "You". */
  readonly label: string;
  readonly stream: MediaStream | null;
  /** One's own picture: without sound, and a camera's as in a mirror. */
  readonly own?: boolean;
  /** A screen: shown whole, whatever its shape. */
  readonly screen?: boolean;
  /** Whether there is a picture to see; without one the element stays, for the sound. */
  readonly shown: boolean;
  /** Told how large the picture is shown, in lines of the device. */
  readonly onLines?: (lines: number) => void;
}

/** How far a picture's shape may differ from its frame's before it is shown whole instead of filling the frame. */
const WORST_CUT = 2.4;

/** A participant's picture and sound. */
export function Picture({ label, stream, own = false, screen = false, shown, onLines }: PictureProps): JSX.Element {
  const element = useRef<HTMLVideoElement>(null);
  const sink = speaker.value;

  useEffect(() => {
    const video = element.current;
    if (video === null) return;
    video.srcObject = stream;
    if (stream === null) return;
    void play(video);
  }, [stream]);

  // A browser that freezes a page, and a phone that has other things to do, stop what plays, and leave it to the page to go on.
  useEffect(() => {
    const goOn = () => {
      const video = element.current;
      if (video?.srcObject && video.paused) void play(video);
    };
    document.addEventListener("resume", goOn);
    document.addEventListener("visibilitychange", goOn);
    return () => {
      document.removeEventListener("resume", goOn);
      document.removeEventListener("visibilitychange", goOn);
    };
  }, []);

  useEffect(() => {
    const video = element.current;
    if (video === null || own || !("setSinkId" in video)) return;
    // A speaker that is gone leaves the sound where it was.
    void video.setSinkId(sink).catch(() => undefined);
  }, [sink, own]);

  useEffect(() => {
    const video = element.current;
    if (video === null || screen) return;
    const fit = () => {
      const shape = video.videoWidth / video.videoHeight / (video.clientWidth / video.clientHeight);
      video.classList.toggle("whole", shape > WORST_CUT || shape < 1 / WORST_CUT);
    };
    const observer = new ResizeObserver(fit);
    observer.observe(video);
    video.addEventListener("resize", fit);
    return () => {
      observer.disconnect();
      video.removeEventListener("resize", fit);
    };
  }, [screen]);

  // After the picture has been fitted into its frame.
  useEffect(() => {
    if (element.current !== null && onLines !== undefined) return watchShownLines(element.current, onLines);
    return undefined;
  }, [onLines]);

  return (
    <video
      ref={element}
      class={["picture", own && !screen && "own", screen && "whole", !shown && "unseen"].filter(Boolean).join(" ")}
      aria-label={label}
      autoplay
      playsInline
      muted={own}
    />
  );
}

async function play(video: HTMLVideoElement): Promise<void> {
  try {
    await video.play();
  } catch (error) {
    // AbortError: a newer stream has taken the place of this one.
    if (!(error instanceof DOMException) || error.name !== "NotAllowedError" || video.muted) return;
    // Without sound the picture may play; the sound comes when the user has touched something.
    video.muted = true;
    video.dataset["heldBack"] = "";
    soundHeldBack.value = true;
    addEventListener("click", releaseSound, { once: true });
    addEventListener("keydown", releaseSound, { once: true });
    await video.play().catch(() => undefined);
  }
}

/** After the user has touched something, the browser lets the sound out. */
export function releaseSound(): void {
  soundHeldBack.value = false;
  for (const video of document.querySelectorAll<HTMLVideoElement>("video[data-held-back]")) {
    delete video.dataset["heldBack"];
    video.muted = false;
    void play(video);
  }
}
