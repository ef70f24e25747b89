/** How large a picture is taken, in pixels, and how often a second. */
export interface PictureSize {
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
}

/**
 * The picture that is worth sending to so many others: about as large as their tiles. In a mesh each of them
 * gets it encoded and sent apart, so what a machine and its uplink have to do grows with their number.
 */
export function pictureSizeFor(others: number): PictureSize {
  if (others <= 1) return { width: 1280, height: 720, frameRate: 30 };
  if (others <= 3) return { width: 640, height: 360, frameRate: 30 };
  return { width: 480, height: 270, frameRate: 24 };
}

/** As constraints: wishes, since a camera may have its own sizes. */
export function constraintsOf(size: PictureSize): MediaTrackConstraints {
  return { width: { ideal: size.width }, height: { ideal: size.height }, frameRate: { ideal: size.frameRate } };
}
