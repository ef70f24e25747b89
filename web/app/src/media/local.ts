import { batch, computed, effect, signal } from "@preact/signals";
import * as settings from "../state/settings";
import { openMedia, watchDevices, type Opened, type Wanted } from "./devices";
import type { MediaProblem } from "./errors";

/** The user's own camera and microphone: which tracks there are, and what is wrong where there is none. */
export const cameraTrack = signal<MediaStreamTrack | null>(null);
export const microphoneTrack = signal<MediaStreamTrack | null>(null);
export const cameraProblem = signal<MediaProblem | null>(null);
export const microphoneProblem = signal<MediaProblem | null>(null);

/** Whether the browser is being asked for camera or microphone. */
export const starting = signal(false);

/** What the user wants: kept from the lobby into the call. */
export const cameraOff = signal(false);
export const muted = signal(false);

/** Whether anybody could see, or hear, the user now. */
export const cameraLive = computed(() => cameraTrack.value !== null);
export const microphoneLive = computed(() => microphoneTrack.value !== null && !muted.value);

/** The user's own picture, without sound. */
export const preview = computed(() => (cameraTrack.value === null ? null : new MediaStream([cameraTrack.value])));

/** Rises with every start and stop: an answer of the browser to an older question is thrown away. */
let session = 0;
let stopWatching: (() => void) | null = null;

/** Asks for camera and microphone, as the user wants them. */
export async function startMedia(): Promise<void> {
  stopWatching ??= watchDevices();
  await acquire({
    ...(!cameraOff.value && cameraTrack.value === null && { camera: settings.camera.value }),
    ...(microphoneTrack.value === null && { microphone: settings.microphone.value }),
  });
}

/** Ends camera and microphone; the browser's own sign for them goes out. */
export function stopMedia(): void {
  session += 1;
  stopWatching?.();
  stopWatching = null;
  batch(() => {
    release(cameraTrack);
    release(microphoneTrack);
    cameraProblem.value = null;
    microphoneProblem.value = null;
    starting.value = false;
  });
}

/** Mutes or unmutes the microphone. Where there is none yet, unmuting asks for it. */
export async function setMuted(value: boolean): Promise<void> {
  muted.value = value;
  if (!value && microphoneTrack.value === null) await acquire({ microphone: settings.microphone.value });
}

/** Turns the camera off (and its light with it) or on. */
export async function setCameraOff(value: boolean): Promise<void> {
  cameraOff.value = value;
  if (value) {
    release(cameraTrack);
    cameraProblem.value = null;
  } else if (cameraTrack.value === null) await acquire({ camera: settings.camera.value });
}

/** Changes the camera, remembered on this device. */
export async function chooseCamera(deviceId: string): Promise<void> {
  settings.camera.value = deviceId;
  if (!cameraOff.value) await acquire({ camera: deviceId });
}

/** Changes the microphone, remembered on this device. */
export async function chooseMicrophone(deviceId: string): Promise<void> {
  settings.microphone.value = deviceId;
  await acquire({ microphone: deviceId });
}

async function acquire(wanted: Wanted): Promise<void> {
  if (wanted.camera === undefined && wanted.microphone === undefined) return;
  const asked = session;
  starting.value = true;
  // Firefox on some systems doesn't open a second camera while the first is open.
  if (wanted.camera !== undefined) release(cameraTrack);
  const found = await openMedia(wanted);
  if (asked !== session) {
    for (const opened of [found.camera, found.microphone]) if (opened && "track" in opened) opened.track.stop();
    return;
  }
  batch(() => {
    starting.value = false;
    if (found.camera) settle(found.camera, cameraTrack, cameraProblem);
    if (found.microphone) settle(found.microphone, microphoneTrack, microphoneProblem);
    // The user may have turned the camera off while it was starting.
    if (cameraOff.value) release(cameraTrack);
  });
}

function settle(opened: Opened, track: typeof cameraTrack, problem: typeof cameraProblem): void {
  release(track);
  if ("problem" in opened) {
    problem.value = opened.problem;
    return;
  }
  problem.value = null;
  track.value = opened.track;
  opened.track.addEventListener("ended", () => {
    // Unplugged, or permission withdrawn.
    if (track.value !== opened.track) return;
    track.value = null;
    problem.value = "missing";
  });
}

function release(track: typeof cameraTrack): void {
  track.value?.stop();
  track.value = null;
}

effect(() => {
  if (microphoneTrack.value !== null) microphoneTrack.value.enabled = !muted.value;
});
