import { SMALL } from "./limits.js";
import type { FileEntry } from "./message.js";
import { mendedPath } from "./path.js";
import type { Bytes } from "./digest.js";
import { type Source, UnreadableFile } from "./pipeline.js";
import { SequentialReader } from "./sequential-reader.js";
import { SmallFiles } from "./small-files.js";

/** A file with the path that the receiver is to see. */
export interface FileWithPath {
  readonly file: File;
  /** With `/` between folders. */
  readonly path: string;
  /** What `file` says of itself, where it has been asked: that makes the page wait for the disk, each time. */
  readonly size?: number;
  readonly modified?: number;
}

/** The files that somebody chose to send, under paths that every system takes. */
export class ChosenFiles implements Source {
  readonly entries: readonly FileEntry[];
  readonly #files: readonly File[];
  readonly #small = new SmallFiles();
  readonly #large = new SequentialReader();

  /** @throws RangeError for a name that can't be mended */
  constructor(chosen: Iterable<File | FileWithPath>) {
    const files: FileWithPath[] = [...chosen].map((item) => (item instanceof File ? { file: item, path: item.webkitRelativePath || item.name } : item));
    const taken = new Set<string>();
    this.#files = files.map(({ file }) => file);
    this.entries = files.map(({ file, path, size = file.size, modified = file.lastModified }) => ({
      path: free(mendedPath(path.split("/")), taken),
      size,
      modified,
    }));
  }

  async read(file: number, offset: number, length: number): Promise<Bytes> {
    const whole = this.#files[file] as File;
    const isSmall = length === this.entries[file]?.size && length <= SMALL;
    const reading = isSmall ? this.#small.read(whole, length) : this.#large.read(whole, offset, length);
    const bytes = await reading.catch(() => {
      throw new UnreadableFile("unreadable");
    });
    if (bytes.length !== length) throw new UnreadableFile("changed");
    return bytes;
  }

  /** A large file stays open while it is read, and browsers look whether it is the one that was chosen when they open it. */
  async confirm(file: number): Promise<void> {
    if ((this.entries[file] as FileEntry).size <= SMALL) return;
    await (this.#files[file] as File)
      .slice(0, 1)
      .arrayBuffer()
      .catch(() => {
        throw new UnreadableFile("changed");
      });
  }

  recycle(bytes: Bytes): void {
    this.#large.recycle(bytes);
  }
}

/** The path, or one like it where that is taken: two files from different places may have one name. */
function free(path: string, taken: Set<string>): string {
  const [, stem, extension] = /^(.*?)(\.[^./]*)?$/s.exec(path) as unknown as [string, string, string | undefined];
  let name = path;
  for (let number = 2; taken.has(name); number++) name = `${stem} (${number})${extension ?? ""}`;
  taken.add(name);
  return name;
}
