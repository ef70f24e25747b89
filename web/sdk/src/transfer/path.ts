/** Names of offered files (`docs/transfer.md` §4). */

/** Bytes of UTF-8, and segments. */
const PATH_LENGTH = 1024;
const SEGMENT_LENGTH = 255;
const DEPTH = 64;

/** Characters that some system can't have in a name, or that make a name look like another one. */
const UNWANTED = /[\p{Cc}\p{Cs}\u2028\u2029\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069<>:"|?*\\]/u;
const ALL_UNWANTED = new RegExp(UNWANTED, "gu");
/** Names that are devices on Windows, whatever follows after a dot. */
const DEVICE = /^(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])$/i;
const SUFFIXED = /\.peerline-(part|state)$/i;
const BAD_END = /[. ]$/;

/** Why a path is refused. `empty`: a segment; `climbs`: it does not go straight down; `reserved`: a name that means something else. */
export type PathProblem = "empty" | "climbs" | "too long" | "character" | "reserved";

/** Bytes of UTF-8. They are counted, not made: a folder has thousands of paths, and each is measured several times. */
export function byteLength(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    if (unit < 0x80) continue;
    // Two units stand for a character of four bytes.
    const isPair = unit >= 0xd800 && unit <= 0xdbff && isLowSurrogate(text.charCodeAt(index + 1));
    if (isPair) index += 1;
    bytes += isPair || unit > 0x7ff ? 2 : 1;
  }
  return bytes;
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/** What is wrong with a path, as the other side wrote it; undefined: it may be joined to a directory on every system. */
export function pathProblem(path: string): PathProblem | undefined {
  const segments = path.split("/");
  if (byteLength(path) > PATH_LENGTH || segments.length > DEPTH) return "too long";
  for (const segment of segments) {
    const problem = segmentProblem(segment);
    if (problem) return problem;
  }
  return undefined;
}

/**
 * Makes a path of the names that lead to a file here: what others could not take is replaced by `_`.
 *
 * @throws RangeError for what can't be mended: too long, a name that is missing or goes up
 */
export function mendedPath(segments: readonly string[]): string {
  const path = segments.map(mended).join("/");
  const problem = pathProblem(path);
  if (problem) throw new RangeError(`A file can't be sent under this path (${problem}): ${path}`);
  return path;
}

function segmentProblem(segment: string): PathProblem | undefined {
  if (segment === "") return "empty";
  if (segment === "." || segment === "..") return "climbs";
  if (byteLength(segment) > SEGMENT_LENGTH) return "too long";
  if (UNWANTED.test(segment)) return "character";
  return BAD_END.test(segment) || isDevice(segment) || SUFFIXED.test(segment) ? "reserved" : undefined;
}

function mended(segment: string): string {
  if (segment === "." || segment === "..") return segment;
  const name = segment.replace(ALL_UNWANTED, "_").replaceAll("/", "_");
  const ended = BAD_END.test(name) || SUFFIXED.test(name) ? `${name}_` : name;
  return isDevice(ended) ? `_${ended}` : ended;
}

function isDevice(segment: string): boolean {
  return DEVICE.test((segment.split(".")[0] as string).trimEnd());
}
