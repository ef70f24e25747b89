import { computed, signal } from "@preact/signals";
import { cameraTrack, microphoneTrack } from "../media/local";
import { type Keeping, keepAs } from "../recording/keeping";
import { layoutOf } from "../recording/picture";
import { type Recorded, recordableForm, Recording } from "../recording/recording";
import { t } from "../text/text";
import { ownChannel } from "./call";
import { participants } from "./model";
import { notify } from "./notices";
import { ownScreen } from "./screen";

/** Whether the user records the call: `starting` while a file is chosen and the others are told. */
export const recordingState = signal<"off" | "starting" | "on">("off");

/** How many lines the recording has for each picture; 0 while there is none. */
export const recordedLines = computed(() => (recordingState.value === "off" ? 0 : layoutOf(recorded.shown().length).height));

let recording: Recording | null = null;

/** Records what the user sees and hears. Nothing is recorded before the others are told. */
export async function startRecording(): Promise<void> {
  const asked = ownChannel();
  const form = recordableForm();
  if (asked === null || form === undefined || recordingState.value !== "off") return;
  recordingState.value = "starting";
  let keeping: Keeping | null = null;
  try {
    const time = new Date().toISOString().slice(0, 16).replace(":", ".");
    keeping = await keepAs(`${t("app.name")} ${time}.${form.ending}`);
    if (keeping === null) return;
    await asked.setRecording(true);
    if (ownChannel() !== asked) return void (await keeping.abandon());
    recording = new Recording(form, keeping, recorded, () => void stopRecording());
    recordingState.value = "on";
  } catch {
    void keeping?.abandon().catch(() => undefined);
    void asked.setRecording(false).catch(() => undefined);
    notify(t("record.failed"));
  } finally {
    if (recordingState.value === "starting") recordingState.value = "off";
  }
}

/** Ends the recording, if there is one; what there is of it is in its file. */
export async function stopRecording(): Promise<void> {
  const ending = recording;
  if (ending === null) return;
  recording = null;
  recordingState.value = "off";
  try {
    await ending.end();
    notify(t("record.done"));
  } catch {
    notify(t("record.broken"));
  } finally {
    await ownChannel()?.setRecording(false).catch(() => undefined);
  }
}

const recorded: Recorded = {
  /** Everybody with their picture, then the screens. */
  shown: () => [
    ...participants.value.map(({ name, camera, stream }) => ({ name, track: camera ? pictureOf(stream) : null })),
    { name: t("call.you"), track: cameraTrack.value },
    ...participants.value.flatMap(({ name, screen }) => (screen === null ? [] : [{ name: t("screen.of", { name }), track: pictureOf(screen) }])),
    ...(ownScreen.value === null ? [] : [{ name: t("screen.own"), track: pictureOf(ownScreen.value) }]),
  ],
  sounds: () =>
    [
      microphoneTrack.value,
      ...participants.value.flatMap(({ stream, screen }) => [...stream.getAudioTracks(), ...(screen?.getAudioTracks() ?? [])]),
    ].filter((track) => track !== null),
};

function pictureOf(stream: MediaStream): MediaStreamTrack | null {
  return stream.getVideoTracks()[0] ?? null;
}
