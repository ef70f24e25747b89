/** A name that nothing in the directory has: the given one, or one like it. */
export async function freeName(directory: FileSystemDirectoryHandle, name: string): Promise<string> {
  const [, stem = name, extension = ""] = /^(.+?)(\.[^.]*)?$/s.exec(name) ?? [];
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? name : `${stem} (${number})${extension}`;
    if (!(await exists(directory, candidate))) return candidate;
  }
}

async function exists(directory: FileSystemDirectoryHandle, name: string): Promise<boolean> {
  try {
    await directory.getFileHandle(name);
    return true;
  } catch (error) {
    // A directory has the name: that is a `TypeMismatchError`.
    return (error as DOMException).name !== "NotFoundError";
  }
}
