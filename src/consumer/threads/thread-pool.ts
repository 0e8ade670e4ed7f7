/**
 * The threads of a node: one for each attempt that runs in one, taken again for the next attempt of the same
 * module. Those that idle end after a while, and keep no process alive.
 */
import { DeclinedError } from "../../base/errors.ts";
import { isInstance } from "../../base/thrown.ts";
import { TroublePauses } from "../../base/trouble-pauses.ts";
import { GRACE_MS, type HandlerFunction, type HandlerOptions } from "../handler.ts";
import { BEATS_PER_TIMEOUT } from "../stuck-handlers.ts";
import { ProcessPort } from "./process-port.ts";
import { type AttemptOptions, HandlerThread } from "./thread.ts";
import { type PortListener, type ThreadPort, UnstartedError, WorkerPort } from "./worker-port.ts";

/** A thread takes a fifth of a second to start, and some megabytes while it idles. */
const IDLE_MS = 10_000;
/** How long a node that stops waits for its threads to end. */
const END_MS = 2000;

interface Idle {
  readonly thread: HandlerThread;
  readonly timer: ReturnType<typeof setTimeout>;
}

export class ThreadPool {
  readonly #max: number;
  readonly #open: (listener: PortListener) => ThreadPort;
  readonly #pauses: TroublePauses = new TroublePauses();
  readonly #threads: Set<HandlerThread> = new Set();
  /** Oldest first. */
  #idle: Idle[] = [];
  #isOver = false;

  /** `max`: threads at once, unless more attempts than that have to end yet. */
  constructor(max: number, open: (listener: PortListener) => ThreadPort = openThread) {
    this.#max = max;
    this.#open = open;
  }

  /** Threads that run or idle. */
  get count(): number {
    return this.#threads.size;
  }

  /** A function that runs the module's default export in a thread of the pool. */
  handler(module: URL, options: HandlerOptions): HandlerFunction<unknown, unknown> {
    const { graceMs = GRACE_MS, beatTimeoutMs = 0 } = options;
    const own: AttemptOptions = { graceMs, beatEveryMs: beatTimeoutMs / BEATS_PER_TIMEOUT };
    return async (task, ctx) => {
      try {
        const result = await this.#run(module.href, (thread) => thread.run(task, ctx, own));
        this.#pauses.end();
        return result;
      } catch (error) {
        if (!isInstance(error, UnstartedError)) throw error;
        throw new DeclinedError(error.message, this.#pauses.nextMs());
      }
    };
  }

  async #run(module: string, run: (thread: HandlerThread) => Promise<unknown>): Promise<unknown> {
    const thread = this.#take(module) ?? this.#start(module);
    try {
      return await run(thread);
    } finally {
      this.#giveBack(thread);
    }
  }

  /** Ends all threads, and with them the attempts that run there; one in native code is not waited for. */
  async end(): Promise<void> {
    this.#isOver = true;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, END_MS);
    const ended = Promise.all(Array.from(this.#threads, (thread) => thread.end()));
    await Promise.race([ended, late.promise]);
    clearTimeout(timer);
  }

  /** The one that idles for the shortest time; makes room for a new one if there is none. */
  #take(module: string): HandlerThread | undefined {
    const at = this.#idle.findLastIndex(({ thread }) => thread.module === module && !thread.isOver);
    const [found] = at < 0 ? [] : this.#idle.splice(at, 1);
    if (found) {
      clearTimeout(found.timer);
      found.thread.hold(true);
      return found.thread;
    }
    if (this.#threads.size >= this.#max) void this.#idle[0]?.thread.end();
    return undefined;
  }

  #start(module: string): HandlerThread {
    const open = (listener: PortListener): ThreadPort => {
      try {
        return this.#open(listener);
      } catch (error) {
        throw new UnstartedError(error);
      }
    };
    const thread = new HandlerThread({ open, module, onEnded: (ended) => this.#forget(ended) });
    this.#threads.add(thread);
    return thread;
  }

  #giveBack(thread: HandlerThread): void {
    if (thread.isOver) return;
    if (this.#isOver) return void thread.end();
    thread.hold(false);
    const timer = setTimeout(() => void thread.end(), IDLE_MS);
    timer.unref();
    this.#idle.push({ thread, timer });
  }

  #forget(thread: HandlerThread): void {
    this.#threads.delete(thread);
    const idle = this.#idle.find((each) => each.thread === thread);
    if (!idle) return;
    clearTimeout(idle.timer);
    this.#idle = this.#idle.filter((each) => each !== idle);
  }
}

/** Starts what a handler runs in on this runtime: something that can be ended whatever it does. */
function openThread(listener: PortListener): ThreadPort {
  return "deno" in process.versions ? new ProcessPort(listener) : new WorkerPort(listener);
}
