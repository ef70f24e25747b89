import { boundsOf } from "./picture-size.js";

/** What one sends to every participant: one audio and one video track, either of which may be missing. */
export class OutgoingMedia {
  /** Tells receivers that the tracks belong together, so that they play in step. */
  readonly #group = new MediaStream();
  #audio: MediaStreamTrack | null = null;
  #video: MediaStreamTrack | null = null;

  get audio(): MediaStreamTrack | null {
    return this.#audio;
  }

  get video(): MediaStreamTrack | null {
    return this.#video;
  }

  /** Lines of the camera's picture; undefined where there is none. */
  get lines(): number | undefined {
    return this.#video?.getSettings().height;
  }

  /** Takes the first track of each kind. Connections follow with {@link OutgoingMedia.replace}. */
  take(stream: MediaStream | null): void {
    this.#audio = stream?.getAudioTracks()[0] ?? null;
    this.#video = stream?.getVideoTracks()[0] ?? null;
  }

  /** Prepares a connection that makes the first offer: both kinds both ways, so that tracks can come later without a new negotiation. */
  async offer(connection: RTCPeerConnection): Promise<void> {
    for (const kind of ["audio", "video"])
      connection.addTransceiver(kind, { direction: "sendrecv", streams: [this.#group] });
    await this.replace(connection);
  }

  /** Answers the two transceivers that an offer brought in the same way. */
  async answer(connection: RTCPeerConnection): Promise<void> {
    for (const transceiver of transceivers(connection)) {
      if (transceiver?.direction !== "recvonly" && transceiver?.direction !== "inactive") continue;
      transceiver.direction = "sendrecv";
      transceiver.sender.setStreams?.(this.#group);
    }
    await this.replace(connection);
  }

  /** Sends the present tracks instead of those that `connection` sends. */
  async replace(connection: RTCPeerConnection): Promise<void> {
    const [audio, video] = transceivers(connection);
    // A peer that has no use for a kind has refused its transceiver.
    const isTaken = (transceiver?: RTCRtpTransceiver) => transceiver !== undefined && transceiver.direction !== "stopped";
    await Promise.all([isTaken(audio) && audio?.sender.replaceTrack(this.#audio), isTaken(video) && video?.sender.replaceTrack(this.#video)]);
  }

  /** Sends the camera's picture by `connection` in this step (`picture-size.ts`). */
  async fit(connection: RTCPeerConnection, step: number): Promise<void> {
    const [, video] = transceivers(connection);
    const { lines } = this;
    if (!video || video.direction === "stopped" || lines === undefined) return;
    // What is set has to be what was just got (W3C webrtc-pc §5.2, `setParameters`).
    const parameters = video.sender.getParameters();
    const [encoding] = parameters.encodings;
    if (!encoding) return;
    const { scaleResolutionDownBy = 1, maxBitrate, maxFramerate } = encoding;
    const bounds = boundsOf(step, lines);
    if (scaleResolutionDownBy === bounds.scaleResolutionDownBy && maxBitrate === bounds.maxBitrate && maxFramerate === bounds.maxFramerate) return;
    delete encoding.maxBitrate;
    delete encoding.maxFramerate;
    Object.assign(encoding, bounds);
    await video.sender.setParameters(parameters);
  }
}

/** Whether it is one of the two that carry microphone and camera; others carry a screen. */
export function carriesCamera(connection: RTCPeerConnection, transceiver: RTCRtpTransceiver): boolean {
  return transceivers(connection).includes(transceiver);
}

/** The first transceiver of each kind. */
function transceivers(connection: RTCPeerConnection): (RTCRtpTransceiver | undefined)[] {
  const all = connection.getTransceivers();
  return ["audio", "video"].map((kind) => all.find(({ receiver }) => receiver.track.kind === kind));
}
