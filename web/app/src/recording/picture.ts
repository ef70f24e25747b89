import { type GridLayout, layoutGrid } from "../layout/grid";

/** Somebody, or a screen, as the recording shows it. */
export interface Shown {
  readonly name: string;
  /** Null: there is no picture; the name stands in its place. */
  readonly track: MediaStreamTrack | null;
}

const WIDTH = 1280;
const HEIGHT = 720;
const RATE = 15;
const GAP = 8;
const NAME = "600 22px system-ui, sans-serif";

/** How so many pictures lie beside each other. */
export function layoutOf(count: number): GridLayout {
  return layoutGrid(count, WIDTH - 2 * GAP, HEIGHT - 2 * GAP, GAP);
}

/** All pictures of a call as one. It is drawn from the page's own videos, which are decoded anyway. */
export class MixedPicture {
  readonly #canvas = Object.assign(document.createElement("canvas"), { width: WIDTH, height: HEIGHT });
  readonly #stream: MediaStream;
  readonly #timer: ReturnType<typeof setInterval>;

  /** @param shown - asked for each picture */
  constructor(shown: () => readonly Shown[]) {
    this.#stream = this.#canvas.captureStream(RATE);
    // Not by animation frames: a page in the background has none, and the call goes on.
    this.#timer = setInterval(() => this.#draw(shown()), 1000 / RATE);
  }

  get track(): MediaStreamTrack {
    const [track] = this.#stream.getVideoTracks();
    if (track === undefined) throw new DOMException("The picture has no track.", "InvalidStateError");
    return track;
  }

  end(): void {
    clearInterval(this.#timer);
    this.track.stop();
  }

  #draw(shown: readonly Shown[]): void {
    const context = this.#canvas.getContext("2d", { alpha: false });
    if (context === null) return;
    context.fillStyle = "#0c1412";
    context.fillRect(0, 0, WIDTH, HEIGHT);
    const { columns, width, height } = layoutOf(shown.length);
    const videos = playing();
    for (const [index, { name, track }] of shown.entries()) {
      const left = GAP + (index % columns) * (width + GAP);
      const top = GAP + Math.floor(index / columns) * (height + GAP);
      context.fillStyle = "#1e2a27";
      context.fillRect(left, top, width, height);
      const video = track === null ? undefined : videos.get(track);
      if (video !== undefined) drawWhole(context, video, left, top, width, height);
      context.font = NAME;
      context.fillStyle = "#ffffff";
      context.shadowColor = "#000000";
      context.shadowBlur = 6;
      context.fillText(name, left + 14, top + height - 16, width - 28);
      context.shadowBlur = 0;
    }
  }
}

/** The page's videos that show something, by what they show. */
function playing(): ReadonlyMap<MediaStreamTrack, HTMLVideoElement> {
  const videos = [...document.querySelectorAll("video")].filter(({ videoWidth }) => videoWidth > 0);
  return new Map(videos.flatMap((video) => (video.srcObject instanceof MediaStream ? video.srcObject.getVideoTracks() : []).map((track) => [track, video])));
}

/** As large as it fits, nothing cut off: it may be a screen. */
function drawWhole(context: CanvasRenderingContext2D, video: HTMLVideoElement, left: number, top: number, width: number, height: number): void {
  const scale = Math.min(width / video.videoWidth, height / video.videoHeight);
  const [shownWidth, shownHeight] = [video.videoWidth * scale, video.videoHeight * scale];
  context.drawImage(video, left + (width - shownWidth) / 2, top + (height - shownHeight) / 2, shownWidth, shownHeight);
}
