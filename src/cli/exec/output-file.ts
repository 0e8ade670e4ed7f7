/**
 * A file that a command's output is appended to. It is never larger than OUTPUT_BYTES_MAX: then it becomes
 * `FILE.1`, the one before that goes, and a new one is begun under the same header.
 */
import { close, closeSync, constants, fstatSync, openSync, renameSync, write, writeSync } from "node:fs";
import { promisify } from "node:util";

/** Of one file; the last two are kept. */
export const OUTPUT_BYTES_MAX: number = 16 * 1024 * 1024;

/** Appends, and follows no symbolic link: the directory may be one that everyone can write to. */
const FLAGS = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY | constants.O_NOFOLLOW;

/** Not in the loop: a disk that hangs must not hold up the ends of other commands. */
const writeLater = promisify(write);

/** Where the output before that of `path` is. */
function rotatedPath(path: string): string {
  return `${path}.1`;
}

export class OutputFile {
  readonly #path: string;
  readonly #header: string;
  #fd: number | null;
  #bytes: number;

  /** Opens it and begins with the header. @throws when it cannot be written */
  constructor(path: string, header: string) {
    this.#path = path;
    this.#header = header;
    this.#fd = openSync(path, FLAGS, 0o600);
    this.#bytes = fstatSync(this.#fd).size;
    try {
      this.#begin(header);
      if (this.#bytes > OUTPUT_BYTES_MAX) this.#rotate();
    } catch (error) {
      closeSync(this.#fd);
      throw error;
    }
  }

  #begin(header: string): void {
    this.#bytes += writeSync(this.#fd!, `${header}\n`);
  }

  /** Resolves when it is written. Call it again only then. @throws when it cannot be written */
  async append(chunk: Uint8Array): Promise<void> {
    if (this.#fd === null || this.#bytes + chunk.length > OUTPUT_BYTES_MAX) this.#rotate();
    for (let at = 0; at < chunk.length;) {
      const { bytesWritten } = await writeLater(this.#fd!, chunk, at, chunk.length - at, null);
      at += bytesWritten;
      this.#bytes += bytesWritten;
    }
  }

  #rotate(): void {
    this.close();
    renameSync(this.#path, rotatedPath(this.#path));
    this.#fd = openSync(this.#path, FLAGS, 0o600);
    this.#bytes = fstatSync(this.#fd).size;
    this.#begin(`${this.#header} (continued)`);
  }

  close(): void {
    if (this.#fd !== null) close(this.#fd, () => {});
    this.#fd = null;
  }
}
