/**
 * A thread as something that takes messages and can be ended, on runtimes whose threads can be: `terminate()`
 * of Node and Bun stops a loop that never ends within milliseconds.
 */
import { Worker } from "node:worker_threads";
import { threadsFile } from "../../base/own-file.ts";
import { messageOfThrown, partOf } from "../../base/thrown.ts";
import {
  CELLS,
  CELLS_BYTES,
  type Crash,
  errorOf,
  type FromThread,
  NO_BY_REASON,
  packLease,
  plainError,
  type ToThread,
} from "./messages.ts";

/** What a thread's owner is notified of. */
export interface PortListener {
  message(message: FromThread): void;
  /** It has ended; `error`: why, when there is something to say. */
  ended(error: Error): void;
}

/** It could not be started, through no fault of its handler: the machine has run out of something. */
export class UnstartedError extends Error {
  constructor(cause: unknown) {
    const code = partOf(cause, "code");
    super(`cannot start a thread: ${typeof code === "string" ? code : messageOfThrown(cause)}`, { cause });
  }
}

export interface ThreadPort {
  post(message: ToThread): void;
  /** Resolves when nothing of it runs any more. */
  end(): Promise<void>;
  /** Whether the process waits for it. */
  hold(isHeld: boolean): void;
}

export class WorkerPort implements ThreadPort {
  readonly #worker: Worker;
  readonly #cells: BigInt64Array;

  constructor(listener: PortListener) {
    const cells = new SharedArrayBuffer(CELLS_BYTES);
    this.#cells = new BigInt64Array(cells);
    this.#worker = new Worker(threadsFile(), { workerData: { role: "handler", cells } });
    let thrown: Error | null = null;
    this.#worker.on("message", (message: FromThread | Crash) => {
      if (message.type !== "crashed") return listener.message(message);
      thrown = errorOf(message.error);
      void this.#worker.terminate();
    });
    this.#worker.on("error", (error: unknown) => {
      const isUnstarted = partOf(error, "code") === "ERR_WORKER_INIT_FAILED";
      thrown = isUnstarted ? new UnstartedError(error) : errorOf(plainError(error));
    });
    this.#worker.on("exit", (code: number) => {
      listener.ended(thrown ?? new Error(`the handler's thread ended with exit code ${code}`));
    });
  }

  post(message: ToThread): void {
    if (message.type === "run") {
      Atomics.store(this.#cells, CELLS.abort, 0n);
      Atomics.store(this.#cells, CELLS.lease, packLease(message));
    } else if (message.type === "abort") {
      Atomics.store(this.#cells, CELLS.abort, BigInt(NO_BY_REASON[message.reason]));
    } else if (message.type === "renewed") Atomics.store(this.#cells, CELLS.lease, packLease(message));
    this.#worker.postMessage(message);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  hold(isHeld: boolean): void {
    if (isHeld) this.#worker.ref();
    else this.#worker.unref();
  }
}
