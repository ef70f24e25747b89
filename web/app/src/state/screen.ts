import { signal } from "@preact/signals";
import type { Channel } from "peerline";
import { problemOf } from "../media/errors";
import { t, type TextKey } from "../text/text";
import { notify } from "./notices";

/** The screen that the user shares. */
export const ownScreen = signal<MediaStream | null>(null);
/** Whether the browser is asking which one. */
export const choosingScreen = signal(false);

/** Text should be sharp rather than smooth. */
const FRAME_RATE = { ideal: 15, max: 30 };

let channel: Channel | null = null;

/** Phones' browsers don't let a page see the screen. */
export function canShareScreen(): boolean {
  return typeof navigator.mediaDevices?.getDisplayMedia === "function";
}

/** Lets a channel have the screen that the user shares. Returns what ends that, and the sharing with it. */
export function followScreen(joined: Channel): () => void {
  channel = joined;
  const follow = () => show(joined.screen);
  joined.addEventListener("screenchange", follow);
  return () => {
    joined.removeEventListener("screenchange", follow);
    channel = null;
    show(null);
  };
}

/** Asks the user what to share, and shares it. */
export async function shareScreen(): Promise<void> {
  const asked = channel;
  if (asked === null || choosingScreen.value) return;
  choosingScreen.value = true;
  try {
    // Whoever shares the whole system's sound must not send the others their own voices.
    const sound: MediaTrackConstraints & { restrictOwnAudio: boolean } = { restrictOwnAudio: true };
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: FRAME_RATE }, audio: sound });
    for (const track of stream.getVideoTracks()) track.contentHint = "detail";
    if (channel === asked) await asked.setScreen(stream);
    else stop(stream);
  } catch (error) {
    notify(t(sentenceOf(error)));
  } finally {
    choosingScreen.value = false;
  }
}

/** Shares no screen any more; the browser's own sign for it goes out. */
export function stopSharing(): void {
  void channel?.setScreen(null);
}

function show(screen: MediaStream | null): void {
  if (ownScreen.value !== null && ownScreen.value !== screen) stop(ownScreen.value);
  ownScreen.value = screen;
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}

/** Closing the browser's question is no mistake: the sentence says what came of it. */
function sentenceOf(error: unknown): TextKey {
  const problem = problemOf(error);
  if (problem === "denied") return "screen.denied";
  return problem === "busy" || problem === "missing" ? "screen.busy" : "screen.failed";
}
