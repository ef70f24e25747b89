import { audioContext } from "../media/audio-context";

/** Several sounds as one track. */
export class MixedSound {
  readonly #mix = audioContext().createMediaStreamDestination();
  readonly #sources = new Map<MediaStreamTrack, MediaStreamAudioSourceNode>();

  /** The track with all of them; it goes on when there is none. */
  get track(): MediaStreamTrack {
    const [track] = this.#mix.stream.getAudioTracks();
    if (track === undefined) throw new DOMException("The mix has no track.", "InvalidStateError");
    return track;
  }

  /** From now on these are in it, and no others. */
  follow(tracks: readonly MediaStreamTrack[]): void {
    for (const [track, source] of this.#sources) {
      if (tracks.includes(track)) continue;
      source.disconnect();
      this.#sources.delete(track);
    }
    for (const track of tracks) {
      if (this.#sources.has(track)) continue;
      const source = audioContext().createMediaStreamSource(new MediaStream([track]));
      source.connect(this.#mix);
      this.#sources.set(track, source);
    }
  }

  end(): void {
    this.follow([]);
    this.track.stop();
  }
}
