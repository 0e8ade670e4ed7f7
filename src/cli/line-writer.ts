/**
 * Writes lines to stdout or stderr without ever standing still: a reader that is slow is waited for outside
 * of the event loop, and one that has gone is noticed. What the lines say is the commands'.
 */

/** Characters that may wait for the reader before lines that can be dropped are. */
const WAITING_MAX = 4_194_304;
/** Above it whoever prints a lot should wait. */
const DRAINED_BELOW = 262_144;
/** Joins waiting lines to writes of about this size. */
const WRITE_CHARS = 65_536;

/** Writes all of the text; rejects when the reader has gone. */
export type WriteText = (text: string) => Promise<void>;

export class LineWriter {
  readonly #write: WriteText;
  readonly #onClosed: () => void;
  readonly #waiters = new Set<{ readonly below: number; readonly resolve: () => void }>();
  #waiting: string[] = [];
  /** Characters that wait or are being written. */
  #chars = 0;
  #dropped = 0;
  #isWriting = false;
  #isClosed = false;

  constructor(write: WriteText, onClosed: () => void) {
    this.#write = write;
    this.#onClosed = onClosed;
  }

  /** The reader has gone. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** A line that must arrive. */
  print(line: string): void {
    if (this.#isClosed) return;
    this.#waiting.push(`${line}\n`);
    this.#chars += line.length + 1;
    if (!this.#isWriting) void this.#writeAll();
  }

  /** A line that is dropped when too many wait; `notice` is printed in the place of those that were. */
  offer(line: string, notice: (dropped: number) => string): void {
    if (this.#chars > WAITING_MAX) {
      this.#dropped++;
      return;
    }
    if (this.#dropped > 0) this.print(notice(this.#dropped));
    this.#dropped = 0;
    this.print(line);
  }

  /** Resolves once there is room for more, or the reader has gone. */
  drained(): Promise<void> {
    return this.#below(DRAINED_BELOW);
  }

  /** Resolves once everything is written, or the reader has gone. */
  flushed(): Promise<void> {
    return this.#below(1);
  }

  #below(below: number): Promise<void> {
    if (this.#isClosed || this.#chars < below) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.add({ below, resolve }));
  }

  async #writeAll(): Promise<void> {
    this.#isWriting = true;
    try {
      while (this.#waiting.length > 0) {
        const text = this.#next();
        await this.#write(text);
        this.#chars -= text.length;
        this.#wake();
      }
    } catch {
      this.#isClosed = true;
      this.#waiting = [];
      this.#wake();
      this.#onClosed();
    }
    this.#isWriting = false;
  }

  #next(): string {
    let count = 0;
    for (let chars = 0; count < this.#waiting.length && chars < WRITE_CHARS; count++) {
      chars += this.#waiting[count]!.length;
    }
    return this.#waiting.splice(0, count).join("");
  }

  #wake(): void {
    for (const waiter of this.#waiters) {
      if (!this.#isClosed && this.#chars >= waiter.below) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }
}

/** The part of Deno's API that is used here: `process.stdout` of Deno blocks the whole process in a write. */
interface DenoStreams {
  readonly [name: string]: { write(bytes: Uint8Array): Promise<number> };
}

/** How this runtime writes to one of its own two streams. */
export function writerOf(name: "stdout" | "stderr"): WriteText {
  const deno = (globalThis as { Deno?: unknown }).Deno as DenoStreams | undefined;
  if (deno) return (text) => writeWhole(deno[name]!, text);
  const stream = process[name];
  // errors come to the callbacks, too; without a listener the event would end the process
  stream.on("error", () => {});
  return (text) =>
    new Promise((resolve, reject) => {
      stream.write(text, (error) => error ? reject(error) : resolve());
    });
}

async function writeWhole(stream: DenoStreams[string], text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}
