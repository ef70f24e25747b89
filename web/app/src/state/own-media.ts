import { computed } from "@preact/signals";
import { mediaSentences, type MediaProblem } from "../media/errors";
import { cameraLive, cameraOff, cameraProblem, microphoneLive, microphoneProblem, muted, setCameraOff, setMuted, starting } from "../media/local";
import { phase } from "./model";
import { notify } from "./notices";

/** Whether the user's own microphone and camera are on. While the browser asks for permission, what is wanted counts. */
export const microphoneOn = computed(() => microphoneLive.value || (starting.value && !muted.value));
export const cameraOn = computed(() => cameraLive.value || (starting.value && !cameraOff.value));

export async function turnMicrophone(on: boolean): Promise<void> {
  await setMuted(!on);
  tellProblems(null, microphoneProblem.value);
}

export async function turnCamera(on: boolean): Promise<void> {
  await setCameraOff(!on);
  tellProblems(cameraProblem.value, null);
}

/** The lobby has a place for problems; in a call they are told in passing. */
function tellProblems(camera: MediaProblem | null, microphone: MediaProblem | null): void {
  if (phase.value !== "call") return;
  for (const sentence of mediaSentences(camera, microphone)) notify(sentence);
}
