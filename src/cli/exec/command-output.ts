/**
 * The output of one command on its way from the pipes to the files. What cannot be written, because a disk is
 * full, is dropped, and the command goes on. The end of stderr is remembered for the error of a command that
 * fails.
 */
import type { OutputFile } from "./output-file.ts";
import type { OutputReader } from "./output-pipe.ts";

/** What is remembered of stderr. */
const TAIL_BYTES_MAX = 2048;
/** Somebody outside of the command's group holds its pipe: what was in it has been read after this time. */
const QUIET_MS = 100;
/** And writes to it all the time. */
const LATE_MS = 1000;

export interface Track {
  readonly reader: OutputReader;
  readonly file: OutputFile;
}

export class CommandOutput {
  readonly #tracks: readonly Track[];
  readonly #read: Promise<unknown>;
  readonly #onLost: (why: string) => void;
  #tail: Uint8Array = new Uint8Array();
  #isLost = false;
  #activeMs = 0;

  /** `onLost`: something could not be written, and why; called once. */
  constructor(out: Track, err: Track, onLost: (why: string) => void) {
    this.#tracks = [out, err];
    this.#onLost = onLost;
    const remember = (chunk: Uint8Array): void => {
      this.#tail = Buffer.concat([this.#tail, chunk]).subarray(-TAIL_BYTES_MAX);
    };
    this.#read = Promise.all([this.#keep(out, () => {}), this.#keep(err, remember)]);
  }

  async #keep({ reader, file }: Track, onChunk: (chunk: Uint8Array) => void): Promise<void> {
    try {
      for await (const chunk of reader.chunks) {
        this.#activeMs = performance.now();
        onChunk(chunk);
        // one that is full now may not be later
        await file.append(chunk).catch((error: unknown) => this.#lost(error));
      }
    } catch {
      // it was closed
    } finally {
      file.close();
    }
  }

  #lost(error: unknown): void {
    if (this.#isLost) return;
    this.#isLost = true;
    const { code } = error as { code?: unknown };
    this.#onLost(`cannot write its output: ${typeof code === "string" ? code : String(error)}`);
  }

  /** Nothing of the command lives. Resolves with the end of stderr when all that it wrote is in the files. */
  async finish(): Promise<string> {
    const sinceMs = this.#activeMs = performance.now();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      const look = (): void => {
        const nowMs = performance.now();
        if (nowMs - this.#activeMs >= QUIET_MS || nowMs - sinceMs >= LATE_MS) return resolve();
        timer = setTimeout(look, QUIET_MS / 4);
      };
      timer = setTimeout(look, QUIET_MS / 4);
    });
    await Promise.race([this.#read, late]);
    clearTimeout(timer);
    for (const { reader } of this.#tracks) reader.close();
    return textOf(this.#tail);
  }
}

/** Without the character that it begins in the middle of. */
function textOf(tail: Uint8Array): string {
  let at = 0;
  if (tail.length === TAIL_BYTES_MAX) { while (at < 4 && (tail[at]! & 0xc0) === 0x80) at++; }
  return new TextDecoder().decode(tail.subarray(at));
}
