/**
 * The pipe that a command writes its output to and its supervisor reads. Where a runtime would give a socket
 * instead (Node, Bun), named pipes are made, opened and unlinked at once: a socket cannot be opened again as
 * /dev/stdout or /dev/stderr, which scripts do. What becomes of the output is up to command-output.ts.
 */
import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";

/** Named pipes that are made at once: a process is started for them. */
const BATCH = 16;
const MKFIFO_TIMEOUT_MS = 2000;

interface Ends {
  readonly readFd: number;
  readonly writeFd: number;
}

/** Pipes that nobody has used. */
const spare: Ends[] = [];

export interface OutputReader {
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Nobody reads any more: whoever still writes is told so. */
  close(): void;
}

export class OutputPipe {
  readonly #ends: Ends | null;

  /** @throws when this process has run out of something */
  constructor() {
    this.#ends = "deno" in process.versions ? null : takeEnds();
  }

  /** For the stdio of the command. */
  get stdio(): number | "pipe" {
    return this.#ends?.writeFd ?? "pipe";
  }

  /** The command has its end. `stream`: what the runtime reads from, if that made the pipe. */
  read(stream: Readable | null): OutputReader {
    if (this.#ends) {
      closeSync(this.#ends.writeFd);
      const { readFd } = this.#ends;
      return "bun" in process.versions ? readerOfBun(readFd) : readerOf(new Socket({ fd: readFd }));
    }
    return stream ? readerOf(stream) : { chunks: (async function* () {})(), close: () => {} };
  }

  /** There is no command that would write to it. */
  abandon(): void {
    if (!this.#ends) return;
    closeSync(this.#ends.writeFd);
    closeSync(this.#ends.readFd);
  }
}

function takeEnds(): Ends | null {
  if (spare.length === 0) makeSpares();
  return spare.pop() ?? null;
}

/** Makes none where there is no mkfifo: commands get the runtime's own then. */
function makeSpares(): void {
  const directory = mkdtempSync(join(tmpdir(), "stolos-pipes-"));
  try {
    const paths = Array.from({ length: BATCH }, (_, at) => join(directory, String(at)));
    const options = { stdio: "ignore", timeout: MKFIFO_TIMEOUT_MS } as const;
    const { error, status } = spawnSync("mkfifo", ["-m", "600", ...paths], options);
    if (error && (error as { code?: unknown }).code !== "ENOENT") throw error;
    if (status !== 0) return;
    for (const path of paths) spare.push(openEnds(path));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function openEnds(path: string): Ends {
  // without a writer it can be opened for reading in this way alone
  const readFd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    return { readFd, writeFd: openSync(path, constants.O_WRONLY) };
  } catch (error) {
    closeSync(readFd);
    throw error;
  }
}

function readerOf(stream: Readable): OutputReader {
  // whoever reads hears of it; nobody may read any more
  stream.on("error", () => {});
  return { chunks: stream, close: () => void stream.destroy() };
}

/** As far as it is used here. */
interface BunFiles {
  file(fd: number): { stream(): ReadableStream<Uint8Array> };
}

/** Its sockets read no pipes, and its streams of files leave the file open. */
function readerOfBun(fd: number): OutputReader {
  const { Bun } = globalThis as unknown as { readonly Bun: BunFiles };
  const reader = Bun.file(fd).stream().getReader();
  const close = (): void => void reader.cancel().catch(() => {});
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        yield value;
      }
    } finally {
      closeSync(fd);
    }
  }
  return { chunks: chunks(), close };
}
