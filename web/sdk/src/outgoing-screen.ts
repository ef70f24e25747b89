/** What one transceiver of each kind carries, for one connection. */
interface Transceivers {
  video: RTCRtpTransceiver;
  /** From the first time on that the screen came with sound. */
  audio?: RTCRtpTransceiver;
}

/**
 * The screen that one shares with every participant, and its sound where the browser gives it. It has transceivers of its own, beside those of
 * camera and microphone: they are made when it is first shared and used again from then on, so that later starts and stops need no negotiation.
 */
export class OutgoingScreen {
  /** Tells receivers that picture and sound belong together. */
  readonly #group = new MediaStream();
  readonly #transceivers = new WeakMap<RTCPeerConnection, Transceivers>();
  #audio: MediaStreamTrack | null = null;
  #video: MediaStreamTrack | null = null;

  get video(): MediaStreamTrack | null {
    return this.#video;
  }

  /** Takes the first track of each kind. Connections follow with {@link OutgoingScreen.replace}. */
  take(stream: MediaStream | null): void {
    this.#video = stream?.getVideoTracks()[0] ?? null;
    this.#audio = (this.#video && stream?.getAudioTracks()[0]) ?? null;
  }

  /** Sends the present tracks instead of those that `connection` sends. What is added is for the next offer. */
  async replace(connection: RTCPeerConnection): Promise<void> {
    const transceivers = this.#transceivers.get(connection) ?? this.#add(connection);
    if (!transceivers) return;
    if (this.#audio) transceivers.audio ??= this.#transceiver(connection, "audio");
    const { audio, video } = transceivers;
    // A peer that cannot take a screen has refused its transceiver.
    if (video.direction !== "stopped") await video.sender.replaceTrack(this.#video);
    if (audio && audio.direction !== "stopped") await audio.sender.replaceTrack(this.#audio);
  }

  #add(connection: RTCPeerConnection): Transceivers | undefined {
    if (!this.#video) return undefined;
    const transceivers = { video: this.#transceiver(connection, "video") };
    this.#transceivers.set(connection, transceivers);
    return transceivers;
  }

  #transceiver(connection: RTCPeerConnection, kind: string): RTCRtpTransceiver {
    return connection.addTransceiver(kind, { direction: "sendonly", streams: [this.#group] });
  }
}
