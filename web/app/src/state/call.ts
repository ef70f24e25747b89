import { batch, effect } from "@preact/signals";
import { PeerlineError, type Channel, type Participant as Peer, type Verification } from "peerline";
import { cameraTrack, microphoneTrack, muted, stopMedia } from "../media/local";
import { language } from "../text/languages";
import { t } from "../text/text";
import { client } from "./client";
import { trustIn } from "./contacts";
import { failureOf } from "./failures";
import { followGestures } from "./gestures";
import { tellHand } from "./hand-told";
import * as model from "./model";
import { notify } from "./notices";
import { followScreen } from "./screen";
import { name } from "./settings";
import { followTransfers } from "./transfers";
import { keepAwake } from "./wake-lock";

/** The call that the user is in, and what ends with it. */
let call: { readonly channel: Channel; readonly end: () => void } | null = null;
/** Ends the join that is under way. */
let joining: AbortController | null = null;

/** The channel of the call that the user is in. */
export function ownChannel(): Channel | null {
  return call?.channel ?? null;
}

/** Enters the channel of a link, with the camera and microphone there are. */
export async function join(link: string): Promise<void> {
  const peerline = client.value;
  if (peerline === null || model.phase.value === "joining" || call !== null) return;
  const asked = new AbortController();
  joining = asked;
  batch(() => {
    model.phase.value = "joining";
    model.failure.value = null;
    model.messages.value = [];
    model.delivered.value = new Set();
    model.unread.value = 0;
    model.chatOpen.value = false;
  });
  try {
    const own = { name: name.value.trim() || t("call.unnamed"), stream: ownStream() };
    begin(await peerline.join(link, { ...own, signal: asked.signal }));
  } catch (error) {
    if (joining !== asked) return;
    model.phase.value = "lobby";
    model.failure.value = failureOf(error instanceof PeerlineError ? error.code : "");
  } finally {
    if (joining === asked) joining = null;
  }
}

/** Stops trying to join; camera and microphone stay. */
export function cancelJoin(): void {
  if (joining === null) return;
  joining.abort();
  joining = null;
  model.phase.value = "lobby";
}

/** Leaves the call; camera and microphone end. */
export function leave(): void {
  const left = call;
  call = null;
  left?.end();
  left?.channel.leave();
  stopMedia();
  batch(() => {
    model.phase.value = "left";
    model.participants.value = [];
    model.soundHeldBack.value = false;
  });
}

/** Back to the lobby: after leaving, or when the address has changed. */
export function toLobby(): void {
  cancelJoin();
  if (call !== null) leave();
  batch(() => {
    model.phase.value = "lobby";
    model.failure.value = null;
  });
}

function begin(channel: Channel): void {
  const peers = new Map<string, () => void>();

  const show = () => {
    model.participants.value = [...channel.participants.values()].map(describe);
  };
  const follow = (peer: Peer) => {
    peers.get(peer.id)?.();
    const update = () => {
      if (peer.state === "connected") connected.add(peer);
      show();
      announceDoubt(peer);
      tellHand(peer, nameOf(peer));
    };
    peer.addEventListener("change", update);
    peer.diagnostics.addEventListener("diagnosis", show);
    peers.set(peer.id, () => {
      peer.removeEventListener("change", update);
      peer.diagnostics.removeEventListener("diagnosis", show);
    });
    update();
  };
  const stopMicrophone = effect(() => channel.setMicrophone(!muted.value));
  const stopStream = effect(() => {
    const stream = ownStream();
    // Camera and microphone may have come, or changed, while the channel was being joined.
    if (!sameTracks(stream, channel.stream)) void channel.setStream(stream);
  });
  // "Guest" in the language of the page.
  const stopNaming = effect(() => {
    void language.value;
    show();
  });
  const sleep = keepAwake();
  const stopTransfers = followTransfers(channel);
  const stopScreen = followScreen(channel);
  const stopGestures = followGestures(channel);

  channel.addEventListener("participantjoin", ({ participant }) => {
    follow(participant);
    notify(t("call.arrived", { name: nameOf(participant) }));
  });
  channel.addEventListener("participantleave", ({ participant }) => {
    peers.get(participant.id)?.();
    peers.delete(participant.id);
    show();
    // Whose page was loaded again is here anew.
    const isHere = [...channel.participants.values()].some(({ identity }) => identity !== undefined && identity === participant.identity);
    if (call !== null && !isHere) notify(t("call.left", { name: nameOf(participant) }));
  });
  channel.addEventListener("statechange", () => {
    if (channel.state !== "left" || call?.channel !== channel) return;
    leave();
    model.failure.value = failureOf("closed");
  });

  const end = () => {
    stopMicrophone();
    stopStream();
    stopNaming();
    sleep();
    stopTransfers();
    stopScreen();
    stopGestures();
    for (const forget of peers.values()) forget();
  };
  call = { channel, end };
  for (const peer of channel.participants.values()) follow(peer);
  batch(() => {
    model.ownId.value = channel.id;
    model.phase.value = "call";
  });
}

/** Those that were connected before: for them, connecting is connecting again. */
const connected = new WeakSet<Peer>();

function describe(peer: Peer): model.Participant {
  return {
    id: peer.id,
    name: nameOf(peer),
    microphone: peer.microphone,
    camera: peer.camera,
    state: peer.state === "connecting" && connected.has(peer) ? "reconnecting" : peer.state,
    stream: peer.stream,
    audioTrack: peer.stream.getAudioTracks()[0] ?? null,
    verification: peer.verification,
    screen: peer.screen,
    hand: peer.hand,
    recording: peer.recording,
    diagnostics: peer.diagnostics,
    diagnosis: peer.diagnostics.diagnosis ?? null,
  };
}

/** Connections of which the user was told that something is wrong with them. */
const doubted = new WeakSet<Verification>();

/** Somebody comes under the name of somebody else, or may be in between: that is told once, and stays to be seen at their name. */
function announceDoubt(peer: Peer): void {
  const { verification } = peer;
  if (verification === undefined || doubted.has(verification)) return;
  const trust = trustIn(peer.name, verification);
  if (trust !== "changed" && trust !== "broken") return;
  doubted.add(verification);
  notify(t(`verify.${trust}-text`, { name: nameOf(peer) }));
}

/** Nobody can be made to have a name. */
function nameOf({ name }: { name: string }): string {
  return name || t("call.unnamed");
}

function sameTracks(one: MediaStream, other: MediaStream | null): boolean {
  const tracks = new Set(one.getTracks());
  const others = other?.getTracks() ?? [];
  return tracks.size === others.length && others.every((track) => tracks.has(track));
}

function ownStream(): MediaStream {
  return new MediaStream([microphoneTrack.value, cameraTrack.value].filter((track) => track !== null));
}
