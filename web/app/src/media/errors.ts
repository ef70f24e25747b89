import { t, type TextKey } from "../text/text";

/** Why a camera or a microphone is not there. */
export type MediaProblem = "denied" | "missing" | "busy" | "unsuitable" | "insecure" | "failed";

/** What a rejection of `getUserMedia` means (mediacapture-main §10). */
export function problemOf(error: unknown): MediaProblem {
  switch (error instanceof Error || error instanceof DOMException ? error.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "denied";
    case "NotFoundError":
      return "missing";
    case "NotReadableError":
    case "AbortError":
      return "busy";
    case "OverconstrainedError":
      return "unsuitable";
    default:
      return "failed";
  }
}

/** What to tell the user about camera and microphone: one sentence where both have the same problem. */
export function mediaSentences(camera: MediaProblem | null, microphone: MediaProblem | null): string[] {
  if (camera !== null && camera === microphone) return [t(`media.both-${camera}`)];
  const keys: TextKey[] = [];
  if (camera !== null) keys.push(`media.camera-${camera}`);
  if (microphone !== null) keys.push(`media.microphone-${microphone}`);
  return keys.map((key) => t(key));
}
