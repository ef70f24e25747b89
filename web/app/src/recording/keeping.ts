import { download } from "../files/saving";

/** The File System Access API, which not every browser has. */
declare global {
  var showSaveFilePicker: ((options: { id: string; suggestedName: string; startIn: "videos" }) => Promise<FileSystemFileHandle>) | undefined;
}

/** Where a recording is written as it comes: never more of it than a few seconds is in memory. */
export interface Keeping {
  write(part: Blob): Promise<void>;
  /** All of it has been written. */
  end(): Promise<void>;
  /** Nothing was recorded after all. */
  abandon(): Promise<void>;
}

/**
 * A file that the user chooses; where the browser has no way to choose one, a file of the page's own, which goes to the
 * downloads at the end.
 *
 * @returns null when the user chose none
 * @throws DOMException when the browser can't write files
 */
export async function keepAs(name: string): Promise<Keeping | null> {
  if (globalThis.showSaveFilePicker !== undefined) {
    const file = await chosenFile(name);
    return file === null ? null : writing(await file.createWritable(), () => undefined);
  }
  const folder = await navigator.storage.getDirectory();
  // What an earlier page left is nobody's any more.
  const file = await folder.getFileHandle("recording", { create: true });
  return writing(await file.createWritable(), async () => download(await file.getFile(), name));
}

function writing(stream: FileSystemWritableFileStream, done: () => void | Promise<void>): Keeping {
  // One part after the other, however they come.
  let last = Promise.resolve();
  return {
    write: (part) => (last = last.then(() => stream.write(part))),
    end: async () => {
      try {
        await last;
      } finally {
        await stream.close();
        await done();
      }
    },
    abandon: () => stream.abort(),
  };
}

async function chosenFile(name: string): Promise<FileSystemFileHandle | null> {
  try {
    return (await globalThis.showSaveFilePicker?.({ id: "recording", suggestedName: name, startIn: "videos" })) ?? null;
  } catch (error) {
    if ((error as DOMException).name === "AbortError") return null;
    throw error;
  }
}
