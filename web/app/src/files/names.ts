import { listText } from "../text/amounts";
import { plural } from "../text/text";

/** How many names stand beside each other. */
const NAMED = 2;

/** What a list of files is called: the file, the folder, or the first names. */
export function nameOf(paths: readonly string[]): string {
  const tops = topsOf(paths);
  const [only] = tops;
  if (only !== undefined && tops.length === 1) return only;
  const rest = tops.length - NAMED;
  return listText(rest > 1 ? [...tops.slice(0, NAMED), plural("files.and-more", rest)] : tops);
}

/** Files and folders that are in no other folder of the list; of a single file, the file. */
function topsOf(paths: readonly string[]): string[] {
  const [first] = paths;
  if (first !== undefined && paths.length === 1) return [first.slice(first.lastIndexOf("/") + 1)];
  return [...new Set(paths.map((path) => path.split("/", 1)[0] ?? path))];
}
