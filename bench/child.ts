/** Processes of a measurement: asked over IPC, ended with it whatever happens. */
import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";

export type Reply = Readonly<Record<string, unknown>> & { readonly type: string };

interface Waiting {
  readonly type: string;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

const STOP_LIMIT_MS = 3000;
const alive = new Set<ChildProcess>();

/** Ends what is still there when this process ends, on a signal too. */
export function endWithParent(child: ChildProcess): void {
  alive.add(child);
  child.once("exit", () => alive.delete(child));
  child.once("error", () => alive.delete(child));
}

process.on("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});
for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
  process.on(signal, () => process.exit(code));
}

/** Ends it: asks in its own way first, and kills it after three seconds. */
export function ended(child: ChildProcess, ask: () => void): Promise<void> {
  if (!alive.has(child)) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    ask();
  });
}

export type Runtime = "node" | "bun" | "deno";

/** What one process uses, or some together. */
export interface Usage {
  readonly cpuUs: number;
  readonly rssBytes: number;
  readonly processCount: number;
}

export interface ChildOptions {
  /** Gets every reply of type "starts" or "completed": those nobody asks for. */
  readonly onNews?: (reply: Reply) => void;
  /** @default "node" */
  readonly runtime?: Runtime;
  /** Whose `bench` folder it is of. @default this one */
  readonly checkout?: string;
  /** It says what it sends, asked for "counts". On Node only. @default false */
  readonly isCounted?: boolean;
}

const NEWS: ReadonlySet<string> = new Set(["starts", "completed"]);

/** For a look inside: `BENCH_NODE_FLAGS=--trace-gc`. What they make node print goes to stderr. */
const NODE_FLAGS = (process.env["BENCH_NODE_FLAGS"] ?? "").split(" ").filter((flag) => flag !== "");

/** Bun and Deno come with the devDependencies. */
function executableOf(runtime: Runtime): { readonly execPath: string; readonly execArgv: string[] } {
  if (runtime === "node") return { execPath: process.execPath, execArgv: NODE_FLAGS };
  const execPath = join(import.meta.dirname, "../node_modules/.bin", runtime);
  return { execPath, execArgv: runtime === "deno" ? ["run", "-A", "--quiet"] : [] };
}

/** A process of this folder; its file takes `{ type }` questions and sends `{ type }` replies. */
export class Child {
  readonly #what: string;
  readonly #process: ChildProcess;
  #seen: Reply[] = [];
  #waiting: Waiting[] = [];
  #end: Error | null = null;

  /** `options` reach the process as JSON. */
  constructor(file: string, options: object, childOptions: ChildOptions = {}) {
    const { onNews, runtime = "node", checkout, isCounted = false } = childOptions;
    this.#what = file;
    const folder = checkout === undefined ? import.meta.dirname : join(checkout, "bench");
    const { execPath, execArgv } = executableOf(runtime);
    this.#process = fork(join(folder, file), [JSON.stringify(options)], {
      execPath,
      execArgv: isCounted ? [...execArgv, "--import", join(import.meta.dirname, "counts.ts")] : execArgv,
      stdio: ["ignore", NODE_FLAGS.length > 0 ? process.stderr : "ignore", "inherit", "ipc"],
    });
    endWithParent(this.#process);
    this.#process.on("message", (reply: Reply) => {
      if (NEWS.has(reply.type)) return onNews?.(reply);
      const at = this.#waiting.findIndex((entry) => entry.type === reply.type);
      if (at >= 0) this.#waiting.splice(at, 1)[0]!.resolve(reply);
      else this.#seen.push(reply);
    });
    this.#process.on("error", (error) => this.#ended(error.message));
    this.#process.on("exit", (code, signal) => this.#ended(`it ended with ${signal ?? code}`));
  }

  /** The next reply of that type; rejects after `limitMs` or when the process ends. @default 60 s */
  next(type: string, limitMs = 60_000): Promise<Reply> {
    const at = this.#seen.findIndex((reply) => reply.type === type);
    if (at >= 0) return Promise.resolve(this.#seen.splice(at, 1)[0]!);
    if (this.#end) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(this.#error(`no "${type}" within ${limitMs} ms`)), limitMs);
      const settle = <T>(then: (value: T) => void) => (value: T): void => {
        clearTimeout(timer);
        then(value);
      };
      this.#waiting.push({ type, resolve: settle(resolve), reject: settle(reject) });
    });
  }

  ask(question: Reply, replyType: string, limitMs?: number): Promise<Reply> {
    const reply = this.next(replyType, limitMs);
    if (this.#process.connected) this.#process.send(question);
    return reply;
  }

  async usage(): Promise<Usage> {
    const { cpuUs, rssBytes } = await this.ask({ type: "usage" }, "usage");
    return { cpuUs: Number(cpuUs), rssBytes: Number(rssBytes), processCount: 1 };
  }

  /** SIGKILL; resolves when it is gone. */
  kill(): Promise<void> {
    return ended(this.#process, () => void this.#process.kill("SIGKILL"));
  }

  stop(): Promise<void> {
    return ended(this.#process, () => {
      if (this.#process.connected) this.#process.send({ type: "stop" }, () => {});
    });
  }

  #ended(why: string): void {
    this.#end = this.#error(why);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { reject } of waiting) reject(this.#end);
  }

  #error(why: string): Error {
    return new Error(`Cannot go on with ${this.#what}: ${why}`);
  }
}

/** What these use together. */
export async function usageOf(children: readonly Child[]): Promise<Usage> {
  const all = await Promise.all(children.map((child) => child.usage()));
  return {
    cpuUs: all.reduce((sum, { cpuUs }) => sum + cpuUs, 0),
    rssBytes: all.reduce((sum, { rssBytes }) => sum + rssBytes, 0),
    processCount: all.length,
  };
}
