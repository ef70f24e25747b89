/** How large the camera's picture is sent to whom: as large as it is shown there, in a few steps. */

/** A picture that can't be seen. */
export const UNSEEN = 0;
/** As large as the camera takes it, whatever that is. */
export const WHOLE = 2160;
/** By so much a picture may be enlarged where it is shown before the next step is worth it. */
const ENLARGED = 1.25;

/** What a camera's picture may cost at most. What stands in none of these is the browser's to choose. */
export type PictureBounds = Pick<RTCRtpEncodingParameters, "scaleResolutionDownBy" | "maxBitrate" | "maxFramerate">;

interface Step {
  /** What is asked for. */
  readonly asked: number;
  /** What is sent then. */
  readonly lines: number;
  readonly bitrate?: number;
  readonly rate?: number;
}

/** What can't be seen goes on, small and slow: it is there at once when it is looked at, and shows that the path holds. */
const STEPS: readonly Step[] = [
  { asked: UNSEEN, lines: 90, bitrate: 50_000, rate: 5 },
  { asked: 90, lines: 90, bitrate: 80_000, rate: 10 },
  { asked: 180, lines: 180, bitrate: 200_000, rate: 15 },
  { asked: 360, lines: 360, bitrate: 600_000 },
  { asked: 720, lines: 720, bitrate: 1_800_000 },
  { asked: WHOLE, lines: WHOLE },
];

/** What cameras take in a second, as a rule. */
const USUAL_RATE = 30;
/** What all pictures together have to stay under: as many lines, columns and pictures a second as two of this size. */
const MOST = 2 * costOf(720, USUAL_RATE);

/** The step for a picture that is shown with so many lines, in pixels of the device. */
export function stepOf(lines: number): number {
  return STEPS.find(({ asked }) => lines <= asked * ENLARGED)?.asked ?? WHOLE;
}

/**
 * What each receiver gets, in the order in which they ask. In a mesh each picture is encoded and sent apart: one may be large beside a few; else all that are
 * larger than there is room for get the same smaller one. Between two there is no bound but what is shown.
 *
 * @param asked - a step for each
 * @param source - lines of the camera's picture
 */
export function shares(asked: readonly number[], source: number): number[] {
  const [only] = asked;
  if (asked.length === 1 && only !== undefined) return [only >= source ? WHOLE : only];
  const limits = STEPS.map((step) => step.asked).reverse();
  const limit = limits.find((most) => asked.reduce((sum, one) => sum + cost(Math.min(one, most), source), 0) < MOST) ?? UNSEEN;
  return asked.map((one) => Math.min(one, limit));
}

/** @param source - lines of the camera's picture */
export function boundsOf(asked: number, source: number): PictureBounds {
  const { lines, bitrate, rate } = step(asked);
  return {
    scaleResolutionDownBy: Math.max(1, source / lines),
    ...(bitrate !== undefined && { maxBitrate: bitrate }),
    ...(rate !== undefined && { maxFramerate: rate }),
  };
}

function cost(asked: number, source: number): number {
  const { lines, rate = USUAL_RATE } = step(asked);
  return costOf(Math.min(lines, source), rate);
}

/** The columns are as many as the lines, but for a factor that is the same for all. */
function costOf(lines: number, rate: number): number {
  return lines * lines * rate;
}

function step(asked: number): Step {
  return STEPS.find((one) => one.asked === stepOf(asked)) as Step;
}
