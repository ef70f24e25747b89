/** A directory of a browser's own file system, in memory. A file that somebody has open nobody else can open. */
class FakeFile {
  bytes = new Uint8Array();
  open = false;

  async createSyncAccessHandle() {
    if (this.open) throw new DOMException("It is open.", "NoModificationAllowedError");
    this.open = true;
    // As in a browser, another process opens it.
    await new Promise((resolve) => setImmediate(resolve));
    return {
      read: (buffer: Uint8Array, { at }: { at: number }) => {
        const part = this.bytes.subarray(at, at + buffer.length);
        buffer.set(part);
        return part.length;
      },
      write: (buffer: Uint8Array, { at }: { at: number }) => {
        if (at + buffer.length > this.bytes.length) this.#resize(at + buffer.length);
        this.bytes.set(buffer, at);
        return buffer.length;
      },
      truncate: (size: number) => this.#resize(size),
      getSize: () => this.bytes.length,
      flush: () => undefined,
      close: () => void (this.open = false),
    };
  }

  #resize(size: number): void {
    const bytes = new Uint8Array(size);
    bytes.set(this.bytes.subarray(0, size));
    this.bytes = bytes;
  }
}

export class FakeDirectory {
  readonly files = new Map<string, FakeFile>();

  async *keys(): AsyncGenerator<string> {
    yield* this.files.keys();
  }

  async getFileHandle(name: string, { create = false } = {}): Promise<FakeFile> {
    const known = this.files.get(name);
    if (known) return known;
    if (!create) throw new DOMException("It is not there.", "NotFoundError");
    const file = new FakeFile();
    this.files.set(name, file);
    return file;
  }
}
