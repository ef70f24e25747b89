/** The worker that writes received files: only workers write in place, on every browser. */
import { FOLDER } from "./opfs-names.js";
import { OpfsFolder } from "./opfs-folder.js";

export type FolderMethod = "open" | "digest" | "write" | "finish" | "clear" | "accept" | "close";
/** The first request has the folder's name in place of a method. */
export type FolderRequest = { id: number } & ({ folder: string } | { method: FolderMethod; given: unknown[] });
export type FolderAnswer = { id: number } & ({ result: unknown } | { error: { name: string; message: string } });

let folder: Promise<OpfsFolder>;

async function openFolder(name: string): Promise<OpfsFolder> {
  const root = await navigator.storage.getDirectory();
  const all = await root.getDirectoryHandle(FOLDER, { create: true });
  return OpfsFolder.at(await all.getDirectoryHandle(name, { create: true }));
}

async function answer(request: FolderRequest): Promise<unknown> {
  if ("folder" in request) {
    folder = openFolder(request.folder);
    await folder;
    return undefined;
  }
  const method = (await folder)[request.method] as (...given: unknown[]) => Promise<unknown>;
  return method.apply(await folder, request.given);
}

const scope = self as unknown as { postMessage(answer: FolderAnswer): void };

self.onmessage = async ({ data }: MessageEvent<FolderRequest>) => {
  const { id } = data;
  try {
    scope.postMessage({ id, result: await answer(data) });
  } catch (error) {
    const { name, message } = error as Error;
    scope.postMessage({ id, error: { name, message } });
  }
};
