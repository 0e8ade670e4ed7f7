/**
 * The built-in handler `exec`: runs a command line in a process group of its own, on a leash
 * (leash-pool.ts) that ends it when its lease does, whatever becomes of this process. Exit code 0 completes
 * the task, any other is an error for the retry policy, and what is not the command's fault releases it. An
 * attempt ends when nothing of its process group lives.
 */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AttemptAbortedError,
  type Context,
  defineTask,
  FatalError,
  type Node,
  type Task,
  type TaskDefinition,
} from "../../../mod.ts";
import { leaseOf, watchGrace } from "../../base/leased.ts";
import type { CommandEnd } from "./leash-messages.ts";
import { LeashPool } from "./leash-pool.ts";

/** What `exec` is asked to run. */
export interface ExecInput {
  /** The command and its arguments; no shell is involved. */
  readonly argv: readonly string[];
  /** @default the peer's working directory */
  readonly cwd?: string;
  /** Added to the peer's own environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface ExecResult {
  readonly code: 0;
}

/** What is said of an attempt beside what its node says. */
export interface ExecEvent {
  /**
   * `exec:held`: the command was asked to end and lives on; so does its attempt. `exec:trouble`: this peer
   * could not run it, or lost it; the task is released, and nothing is charged to it.
   */
  readonly event: "exec:held" | "exec:trouble";
  readonly task: string;
  /** Decimal. */
  readonly fence: string;
  readonly attempt: number;
  readonly reason: string;
}

export interface ExecOptions {
  /** Where the commands' output goes. @default the system's directory for temporary files */
  readonly directory?: string | undefined;
  readonly onEvent?: (event: ExecEvent) => void;
}

/** Between SIGTERM and SIGKILL of a command that is stopped; less when its lease ends sooner. */
const STOP_GRACE_MS = 5000;
/** A task that this peer could not run is kept for so long: it might come back at once. */
const TROUBLE_PAUSE_MS = 1000;

/** The definition to submit commands with. */
export const exec: TaskDefinition<ExecInput, ExecResult> = defineTask<ExecInput, ExecResult>({
  name: "exec",
  input: {
    "~standard": {
      version: 1,
      vendor: "stolos",
      validate: (value: unknown) => {
        const problem = problemOf(value);
        return problem === undefined ? { value: value as ExecInput } : { issues: [problem] };
      },
    },
  },
});

/** Lets `node` run commands. Dispose after the node has stopped. */
export function handleExec(node: Node, options: ExecOptions = {}): AsyncDisposable {
  if (process.platform === "win32") {
    throw new Error("Cannot handle exec: commands need POSIX process groups, got win32");
  }
  const { directory = tmpdir(), onEvent = () => {} } = options;
  mkdirSync(directory, { recursive: true });
  const leash = new LeashPool();
  const runner: Runner = { leash, directory, onEvent, node: node.name };
  node.handle(exec, (task, ctx) => runCommand(runner, task, ctx));
  return { [Symbol.asyncDispose]: () => leash.close() };
}

interface Runner {
  readonly leash: LeashPool;
  readonly directory: string;
  readonly node: string;
  readonly onEvent: (event: ExecEvent) => void;
}

async function runCommand(runner: Runner, task: Task<ExecInput>, ctx: Context): Promise<ExecResult> {
  ctx.signal.throwIfAborted();
  const { argv, cwd, env } = task.input;
  const { fence, attempt } = ctx;
  const say = (event: ExecEvent["event"], reason: string): void =>
    runner.onEvent({ event, task: task.id, fence: String(fence), attempt, reason });
  const leased = leaseOf(ctx);
  let isHeld = false;
  const command = runner.leash.run({
    task: task.id,
    start: {
      key: `${fence} ${task.id}`,
      argv,
      cwd: cwd ?? process.cwd(),
      env: {
        ...env,
        STOLOS_TASK_ID: task.id,
        STOLOS_FENCE: String(fence),
        STOLOS_ATTEMPT: String(attempt),
        STOLOS_NODE: runner.node,
      },
      ...outputFiles(runner.directory, task.id),
      header: outputHeader({ attempt, fence, node: runner.node, at: new Date() }),
      marginMs: ctx.marginMs,
    },
    remainingMs: () => leased.remainingMs,
    onLingering: (why) => {
      isHeld = true;
      say("exec:held", why);
      ctx.progress({ why: `${why} (on node ${runner.node})`, fence: String(fence) });
    },
  });
  const forget = ctx.onDeadline(() => command.renew());
  const endGrace = watchGrace(
    leased,
    { graceMs: STOP_GRACE_MS, aheadMs: 0 },
    (leftMs) => command.stop(leftMs),
  );
  try {
    const end = await command.end;
    if (end.type === "trouble" && !ctx.signal.aborted) {
      say("exec:trouble", end.error);
      await pause(TROUBLE_PAUSE_MS, ctx.signal);
    }
    return resultOf(end, argv, ctx.signal);
  } finally {
    forget();
    endGrace();
    if (isHeld) ctx.progress(null);
  }
}

function resultOf(end: CommandEnd, argv: readonly string[], signal: AbortSignal): ExecResult {
  const command = argv[0];
  switch (end.type) {
    case "exit":
      if (end.stopped) throw released(signal, `Cannot finish ${command}: its lease was not renewed in time`);
      if (end.code === 0) return { code: 0 };
      throw new Error(end.signal === null ? `exit code ${end.code}` : `ended by ${end.signal}`);
    case "withheld":
      throw released(signal, `Cannot run ${command}: its lease ends too soon`);
    case "impossible":
      throw new FatalError(`Cannot run ${command}: ${end.error}`);
    case "trouble":
      throw released(signal, `Cannot run ${command}: ${end.error}`);
    case "orphaned":
      throw new Error(`Cannot finish ${command}: ${end.error}, and nothing else ran under it`);
    default:
      return end satisfies never;
  }
}

/** It may run again, here or elsewhere, and nothing is charged to it. */
function released(signal: AbortSignal, message: string): unknown {
  return signal.aborted ? signal.reason : new AttemptAbortedError(message, "release");
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}

function problemOf(value: unknown): { message: string; path?: string[] } | undefined {
  if (typeof value !== "object" || value === null) return { message: "must be an object with argv" };
  const { argv, cwd, env } = value as Record<string, unknown>;
  if (!Array.isArray(argv) || argv.length === 0 || !argv.every(isArgument)) {
    return { message: "must be an array of at least one string, none with a NUL", path: ["argv"] };
  }
  if (argv[0] === "") return { message: "must not start with an empty command", path: ["argv"] };
  if (cwd !== undefined && !isArgument(cwd)) return { message: "must be a string", path: ["cwd"] };
  const isEnv = env === undefined ||
    (typeof env === "object" && env !== null && Object.values(env).every(isArgument));
  return isEnv ? undefined : { message: "must map names to strings", path: ["env"] };
}

function isArgument(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}

/** Where the output of a task's commands goes: `<directory>/<id>.out` and `.err`. */
export function outputFiles(directory: string, id: string): { readonly out: string; readonly err: string } {
  const name = fileNameOfId(id);
  return { out: join(directory, `${name}.out`), err: join(directory, `${name}.err`) };
}

/** File names may have 255 bytes on the usual file systems; ids may be longer once escaped. */
const NAME_BYTES_MAX = 200;
const SAFE = /^[A-Za-z0-9_@+=,.-]$/;

/**
 * A file name for an id. Ids are free text, file names are not: what is unsafe becomes %XX. One that is too
 * long is cut and ends in `~` and a hash of the whole; `~` is not in any other name.
 */
export function fileNameOfId(id: string): string {
  let name = "";
  for (const char of id) {
    const isSafe = SAFE.test(char) && !(char === "." && name === "");
    name += isSafe ? char : percentEscape(char);
  }
  if (name === "") return "%";
  if (name.length <= NAME_BYTES_MAX) return name;
  const hash = createHash("sha256").update(id).digest("hex").slice(0, 32);
  return `${name.slice(0, NAME_BYTES_MAX - 33)}~${hash}`;
}

function percentEscape(char: string): string {
  const bytes = new TextEncoder().encode(char);
  return Array.from(bytes, (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
}

/** The id of a name that fileNameOfId made; undefined for one that was cut. */
export function idOfFileName(name: string): string | undefined {
  if (name === "%") return "";
  if (name.includes("~")) return undefined;
  return decodeURIComponent(name);
}

/** One attempt, as its output's header names it. */
interface AttemptHeader {
  readonly attempt: number;
  readonly fence: bigint;
  /** Name of the node that runs it. */
  readonly node: string;
  readonly at: Date;
}

/** The line that heads an attempt's output. */
export function outputHeader(of: AttemptHeader): string {
  return `=== attempt ${of.attempt} fence ${of.fence} node ${of.node} ${of.at.toISOString()}`;
}
