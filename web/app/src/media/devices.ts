import { signal } from "@preact/signals";
import { problemOf, type MediaProblem } from "./errors";

/** What a device is for. */
export type DeviceKind = "camera" | "microphone" | "speaker";

/** The devices of this machine, as far as the browser tells. */
export const devices = signal<readonly MediaDeviceInfo[]>([]);

/** Wishes, since a camera may have its own sizes. Each of the others is sent it no larger than it is shown there. */
const PICTURE: MediaTrackConstraints = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30 } };

const KINDS: Readonly<Record<DeviceKind, MediaDeviceKind>> = {
  camera: "videoinput",
  microphone: "audioinput",
  speaker: "audiooutput",
};

/** The devices of one kind. Before permission a browser lists them without identifiers: those are left out. */
export function devicesOf(kind: DeviceKind): readonly MediaDeviceInfo[] {
  return devices.value.filter((device) => device.kind === KINDS[kind] && device.deviceId !== "");
}

/** Whether this browser lets a page choose the speaker. */
export function canChooseSpeaker(): boolean {
  return "setSinkId" in HTMLMediaElement.prototype;
}

async function listDevices(): Promise<readonly MediaDeviceInfo[]> {
  try {
    devices.value = await navigator.mediaDevices.enumerateDevices();
  } catch {
    devices.value = [];
  }
  return devices.value;
}

/** Keeps `devices` true while devices come and go. Returns what stops it. */
export function watchDevices(): () => void {
  if (navigator.mediaDevices === undefined) return () => undefined;
  const update = () => void listDevices();
  navigator.mediaDevices.addEventListener("devicechange", update);
  update();
  return () => navigator.mediaDevices.removeEventListener("devicechange", update);
}

/** A device opened, or why not. */
export type Opened = { readonly track: MediaStreamTrack } | { readonly problem: MediaProblem };

/** What is wanted of `openMedia`: the identifier of a device, or "" for the system's choice. Left out: not wanted. */
export interface Wanted {
  readonly camera?: string;
  readonly microphone?: string;
}

/** What `openMedia` found, for each kind that was wanted. */
export interface Found {
  readonly camera?: Opened;
  readonly microphone?: Opened;
}

/**
 * Opens what is wanted, as far as it goes: whoever has no camera, or refuses it, still gets the microphone.
 * Both are asked for in one question; only where that fails for a reason that may be one device's own are they tried apart.
 */
export async function openMedia(wanted: Wanted): Promise<Found> {
  if (navigator.mediaDevices === undefined) return each(wanted, "insecure");
  const found = await openPresent(await withoutMissing(wanted));
  await listDevices();
  return { ...missing(wanted), ...found };
}

async function openPresent(wanted: Wanted): Promise<Found> {
  const both = wanted.camera !== undefined && wanted.microphone !== undefined;
  try {
    return await open(wanted);
  } catch (error) {
    const problem = problemOf(error);
    if (!both) return each(wanted, problem);
    if (problem === "denied") {
      // Asking again would be a second prompt right after a refusal, unless only one of them is blocked for good.
      const [camera, microphone] = await Promise.all([isBlocked("camera"), isBlocked("microphone")]);
      if (camera === microphone) return each(wanted, problem);
      const denied = { problem } as const;
      return camera
        ? { ...(await openPresent({ microphone: wanted.microphone })), camera: denied }
        : { ...(await openPresent({ camera: wanted.camera })), microphone: denied };
    }
    return {
      ...(await openPresent({ camera: wanted.camera })),
      ...(await openPresent({ microphone: wanted.microphone })),
    };
  }
}

async function open(wanted: Wanted): Promise<Found> {
  if (wanted.camera === undefined && wanted.microphone === undefined) return {};
  const stream = await navigator.mediaDevices.getUserMedia({
    video: wanted.camera !== undefined && {
      ...choice(wanted.camera),
      ...PICTURE,
    },
    audio: wanted.microphone !== undefined && {
      ...choice(wanted.microphone),
      echoCancellation: true,
      noiseSuppression: true,
      autoGainControl: true,
    },
  });
  const [camera] = stream.getVideoTracks();
  const [microphone] = stream.getAudioTracks();
  return { ...(camera && { camera: { track: camera } }), ...(microphone && { microphone: { track: microphone } }) };
}

/** A remembered device may be unplugged today: it is a wish, not a condition. */
function choice(deviceId: string): MediaTrackConstraints {
  return deviceId === "" ? {} : { deviceId: { ideal: deviceId } };
}

function each(wanted: Wanted, problem: MediaProblem): Found {
  return {
    ...(wanted.camera !== undefined && { camera: { problem } }),
    ...(wanted.microphone !== undefined && { microphone: { problem } }),
  };
}

function has(kind: MediaDeviceKind): boolean {
  // Some browsers list nothing at all before permission: then only trying tells.
  return devices.value.length === 0 || devices.value.some((device) => device.kind === kind);
}

async function withoutMissing(wanted: Wanted): Promise<Wanted> {
  await listDevices();
  return {
    ...(wanted.camera !== undefined && has("videoinput") && { camera: wanted.camera }),
    ...(wanted.microphone !== undefined && has("audioinput") && { microphone: wanted.microphone }),
  };
}

function missing(wanted: Wanted): Found {
  return each(wanted, "missing");
}

async function isBlocked(name: "camera" | "microphone"): Promise<boolean> {
  try {
    const status = await navigator.permissions.query({ name: name as PermissionName });
    return status.state === "denied";
  } catch {
    return false;
  }
}
