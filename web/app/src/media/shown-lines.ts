interface Size {
  readonly width: number;
  readonly height: number;
}

/** How many of a frame's pixels lie along the picture's height, cut off or not, when it fills the frame or is shown whole in it. */
export function linesIn(frame: Size, picture: Size, whole: boolean): number {
  if (picture.width === 0 || picture.height === 0) return frame.height;
  const [across, down] = [frame.width / picture.width, frame.height / picture.height];
  return picture.height * (whole ? Math.min(across, down) : Math.max(across, down));
}

/**
 * Tells with how many lines of the device a video's picture is shown, whenever that may have changed: 0 while it can't be seen.
 *
 * @returns what ends that
 */
export function watchShownLines(video: HTMLVideoElement, tell: (lines: number) => void): () => void {
  let isInView = true;
  let floating: PictureInPictureWindow | null = null;
  const look = () => {
    const frame = floating ?? { width: video.clientWidth, height: video.clientHeight };
    const isSeen = floating !== null || (isInView && !isHidden());
    const picture = { width: video.videoWidth, height: video.videoHeight };
    // A window of its own has the picture's shape.
    const whole = floating !== null || video.classList.contains("whole");
    tell(isSeen ? Math.round(linesIn(frame, picture, whole) * devicePixelRatio) : 0);
  };
  const float = (event: Event) => {
    floating = (event as PictureInPictureEvent).pictureInPictureWindow;
    floating.addEventListener("resize", look);
    look();
  };
  const land = () => {
    floating?.removeEventListener("resize", look);
    floating = null;
    look();
  };
  const sizes = new ResizeObserver(look);
  sizes.observe(video);
  const view = new IntersectionObserver((entries) => {
    isInView = entries.at(-1)?.isIntersecting ?? isInView;
    look();
  });
  view.observe(video);
  video.addEventListener("resize", look);
  video.addEventListener("enterpictureinpicture", float);
  video.addEventListener("leavepictureinpicture", land);
  document.addEventListener("visibilitychange", look);
  return () => {
    sizes.disconnect();
    view.disconnect();
    floating?.removeEventListener("resize", look);
    video.removeEventListener("resize", look);
    video.removeEventListener("enterpictureinpicture", float);
    video.removeEventListener("leavepictureinpicture", land);
    document.removeEventListener("visibilitychange", look);
  };
}

/** Firefox lets a picture float without a word to the page, which is hidden then, perhaps: there it counts as seen. */
function isHidden(): boolean {
  return document.visibilityState === "hidden" && "pictureInPictureEnabled" in document;
}
