/**
 * The peer's end of the leash: starts the supervisor when the first command comes, tells it every renewed
 * deadline, and stands in for it when it dies or hangs. What remains uncovered: peer and supervisor killed or
 * stopped both at the same time.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type FromLeash, type LeashExit, lineParser, type Stamp, type ToLeash } from "./leash-messages.ts";
import { signalGroup } from "./leash-supervisor.ts";

/** As sources, or as built. */
const FILE = new URL(import.meta.url.endsWith(".ts") ? "./leash.ts" : "./leash.js", import.meta.url);

/** A command to run; `deadlineMs` is comparable with Date.now(). */
export interface LeashCommand {
  /** Unique among the running. */
  readonly key: string;
  readonly argv: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly out: string;
  readonly err: string;
  readonly header: string;
  readonly deadlineMs: number;
}

export interface LeashedCommand {
  /** Never rejects. */
  readonly exit: Promise<LeashExit>;
  /** The lease now ends at `deadlineMs` (comparable with Date.now()). */
  renew(deadlineMs: number): void;
  /** SIGTERM now, SIGKILL after `graceMs` or when the lease ends, whichever is first. */
  stop(graceMs: number): void;
}

/**
 * SIGTERM comes this part of the first lease before its end, at most GRACE_MAX_MS and at least
 * GRACE_MIN_MS.
 */
const GRACE_PART = 1 / 4;
const GRACE_MIN_MS = 50;
const GRACE_MAX_MS = 5000;
/** A supervisor that has not ended a stopped command so long after it should have is itself stuck. */
const STUCK_MS = 20;

interface Run {
  readonly key: string;
  readonly resolve: (exit: LeashExit) => void;
  deadlineMs: number;
  pid: number | undefined;
  backstop: ReturnType<typeof setTimeout> | undefined;
}

export class LeashClient {
  readonly #runByKey = new Map<string, Run>();
  readonly #renewed = new Set<Run>();
  #child: ChildProcess | undefined;
  /** Lines that wait for the supervisor's hello; undefined once it has come. */
  #early: (() => ToLeash | undefined)[] | undefined = [];
  #flush: ReturnType<typeof setImmediate> | undefined;
  #isClosed = false;

  /** Process id of the supervisor, while there is one. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  run(command: LeashCommand): LeashedCommand {
    const { promise, resolve } = Promise.withResolvers<LeashExit>();
    const { deadlineMs, ...rest } = command;
    const run: Run = { key: command.key, resolve, deadlineMs, pid: undefined, backstop: undefined };
    if (this.#isClosed || this.#runByKey.has(command.key)) {
      const error = this.#isClosed ? "the leash is closed" : `${command.key} is running already`;
      resolve({ type: "exit", key: command.key, code: null, signal: null, stopped: false, error });
      return { exit: promise, renew: () => {}, stop: () => {} };
    }
    this.#runByKey.set(command.key, run);
    this.#open();
    this.#send(() => {
      const at = stamp();
      const remainingMs = run.deadlineMs - at.wallMs;
      const graceMs = Math.min(GRACE_MAX_MS, Math.max(GRACE_MIN_MS, remainingMs * GRACE_PART));
      return { type: "start", ...rest, ...at, remainingMs, graceMs };
    });
    return {
      exit: promise,
      renew: (ms) => this.#renew(run, ms),
      stop: (graceMs) => this.#stop(run, graceMs),
    };
  }

  /** Closes the pipe: whatever still runs is ended. Resolves when the supervisor has gone. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const child = this.#child;
    if (child === undefined) return;
    const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    child.stdin?.end();
    if (this.#child === child) await gone;
  }

  #renew(run: Run, deadlineMs: number): void {
    run.deadlineMs = deadlineMs;
    this.#renewed.add(run);
    this.#flush ??= setImmediate(() => {
      this.#flush = undefined;
      const runs = [...this.#renewed].filter((each) => this.#runByKey.get(each.key) === each);
      this.#renewed.clear();
      this.#send(() => {
        const at = stamp();
        const renewed = runs.map((each): [string, number] => [each.key, each.deadlineMs - at.wallMs]);
        const live = renewed.filter(([, remainingMs]) => remainingMs > 0);
        return live.length > 0 ? { type: "deadline", ...at, renewed: live } : undefined;
      });
    });
  }

  #stop(run: Run, graceMs: number): void {
    if (this.#runByKey.get(run.key) !== run) return;
    this.#send(() => ({ type: "stop", ...stamp(), key: run.key, graceMs }));
    const untilMs = Math.max(0, Math.min(graceMs, run.deadlineMs - Date.now()));
    clearTimeout(run.backstop);
    run.backstop = setTimeout(() => {
      if (run.pid !== undefined) signalGroup(run.pid, "SIGKILL");
    }, untilMs + STUCK_MS);
  }

  #send(line: () => ToLeash | undefined): void {
    if (this.#early !== undefined) {
      this.#early.push(line);
      return;
    }
    const message = line();
    if (message !== undefined) this.#child?.stdin?.write(`${JSON.stringify(message)}\n`);
  }

  #open(): void {
    if (this.#child !== undefined) return;
    this.#early = [];
    const file = fileURLToPath(FILE);
    const args = "deno" in process.versions ? ["run", "-A", "--no-config", file] : [file];
    // Detached: a terminal's Ctrl-C asks the peer to drain, and must not reach the commands by another way.
    const child = spawn(process.execPath, args, { detached: true, stdio: ["pipe", "pipe", "inherit"] });
    this.#child = child;
    const parse = lineParser<FromLeash>((message) => this.#receive(message));
    child.stdout?.on("data", parse);
    child.stdin?.on("error", () => {});
    child.on("error", (error) => this.#gone(child, error.message));
    child.on("exit", (code, signal) => this.#gone(child, signal ?? `exit code ${code}`));
  }

  #receive(message: FromLeash): void {
    switch (message.type) {
      case "hello": {
        const early = this.#early ?? [];
        this.#early = undefined;
        this.#send(() => ({ type: "hello", ...stamp() }));
        for (const line of early) this.#send(line);
        return;
      }
      case "started": {
        const run = this.#runByKey.get(message.key);
        if (run !== undefined) run.pid = message.pid;
        return;
      }
      case "exit":
        this.#settle(this.#runByKey.get(message.key), message);
        return;
      default:
        message satisfies never;
    }
  }

  /** The supervisor died: its commands have no leash, so they are ended from here. */
  #gone(child: ChildProcess, why: string): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    for (const run of [...this.#runByKey.values()]) {
      if (run.pid !== undefined) signalGroup(run.pid, "SIGKILL");
      const error = `the leash supervisor ended (${why})`;
      this.#settle(run, { type: "exit", key: run.key, code: null, signal: null, stopped: false, error });
    }
  }

  #settle(run: Run | undefined, exit: LeashExit): void {
    if (run === undefined) return;
    clearTimeout(run.backstop);
    this.#runByKey.delete(run.key);
    run.resolve(exit);
  }
}

/**
 * The monotonic clock first: were the process stopped in between, the remaining time would only come out
 * shorter.
 */
function stamp(): Stamp {
  const monoMs = performance.now();
  return { monoMs, wallMs: Date.now() };
}
