/**
 * Names that nothing in the directory has, for files and folders that come into it together: the given ones, or ones like them.
 * None is that of another, not even on a disk for which `a` and `A` are one name.
 */
export async function freeNames(directory: FileSystemDirectoryHandle, names: readonly string[]): Promise<Map<string, string>> {
  const wanted = new Set(names.map(folded));
  const given = new Set<string>();
  const free = new Map<string, string>();
  for (const name of names) {
    const taken = (candidate: string) => given.has(candidate) || (candidate !== folded(name) && wanted.has(candidate));
    const chosen = await freeName(directory, name, taken);
    given.add(folded(chosen));
    free.set(name, chosen);
  }
  return free;
}

/**
 * A name that nothing in the directory has: the given one, or one like it.
 *
 * @param taken - whether the name is another's that isn't there yet; it gets all names {@link folded}
 */
export async function freeName(directory: FileSystemDirectoryHandle, name: string, taken: (folded: string) => boolean = () => false): Promise<string> {
  const [, stem = name, extension = ""] = /^(.+?)(\.[^.]*)?$/s.exec(name) ?? [];
  for (let number = 1; ; number += 1) {
    const candidate = number === 1 ? name : `${stem} (${number})${extension}`;
    if (!taken(folded(candidate)) && !(await exists(directory, candidate))) return candidate;
  }
}

/** The same for names that some disks take for one: they differ in case, or in how an accent is written. */
function folded(name: string): string {
  return name.normalize().toLowerCase();
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
