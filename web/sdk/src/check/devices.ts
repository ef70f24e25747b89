import type { DeviceFinding } from "./evidence.js";

/** What the browser says of camera and microphone. Nothing is opened, and nobody is asked. */
export async function lookAtDevices(): Promise<{ camera: DeviceFinding; microphone: DeviceFinding }> {
  // A page that isn't secure has no devices.
  const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  const count = (wanted: MediaDeviceKind) => devices.filter(({ kind }) => kind === wanted).length;
  const [camera, microphone] = await Promise.all([permission("camera"), permission("microphone")]);
  return {
    camera: { permission: camera, found: count("videoinput") },
    microphone: { permission: microphone, found: count("audioinput") },
  };
}

async function permission(name: "camera" | "microphone"): Promise<PermissionState | "unknown"> {
  try {
    return (await navigator.permissions.query({ name: name as PermissionName })).state;
  } catch {
    // Not every browser knows these names.
    return "unknown";
  }
}
