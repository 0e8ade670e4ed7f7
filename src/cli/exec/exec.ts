/**
 * The built-in handler `exec`: runs a command line in a process group of its own, on a leash
 * (leash-pool.ts) that ends it when its lease does, whatever becomes of this process. Exit code 0 completes
 * the task, any other is an error for the retry policy, and what is not the command's fault releases it. An
 * attempt ends when nothing of its process group lives.
 */
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
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
import { DeclinedError } from "../../base/errors.ts";
import { LeashPool } from "./leash-pool.ts";
import { outputFiles, outputHeader, writeOutputId } from "./output-names.ts";
import { sweepOutput } from "./output-sweeper.ts";
import { TroublePauses } from "../../base/trouble-pauses.ts";

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
   * could not run it, or lost it; the task is released, and nothing is charged to it. `exec:output`: what it
   * writes cannot be kept; it goes on.
   */
  readonly event: "exec:held" | "exec:trouble" | "exec:output";
  readonly task: string;
  /** Decimal. */
  readonly fence: string;
  readonly attempt: number;
  readonly reason: string;
}

export interface ExecOptions {
  /**
   * Where the commands' output goes, and nobody else's; what is there of tasks that are forgotten is removed.
   * @default the system's directory for temporary files
   */
  readonly directory?: string | undefined;
  /** How often it is asked which tasks are forgotten. @default 600_000 */
  readonly sweepEveryMs?: number;
  readonly onEvent?: (event: ExecEvent) => void;
}

/** Between SIGTERM and SIGKILL of a command that is stopped; less when its lease ends sooner. */
const STOP_GRACE_MS = 5000;

const SWEEP_EVERY_MS = 600_000;

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
  const running: Set<string> = new Set();
  const runner: Runner = { leash, pauses: new TroublePauses(), directory, onEvent, node: node.name, running };
  // without the schema, whose refusals are errors like any other: what is no command never will be
  node.handle({ name: exec.name }, (task, ctx) => runCommand(runner, task, ctx));
  const sweeping = sweepOutput(node, {
    directory,
    isOwn: options.directory !== undefined,
    everyMs: options.sweepEveryMs ?? SWEEP_EVERY_MS,
    isRunning: (id) => running.has(id),
  });
  return {
    [Symbol.asyncDispose]: async () => {
      sweeping.stop();
      await leash.close();
    },
  };
}

interface Runner {
  readonly leash: LeashPool;
  readonly pauses: TroublePauses;
  readonly directory: string;
  readonly node: string;
  readonly onEvent: (event: ExecEvent) => void;
  /** Tasks with an attempt here. */
  readonly running: Set<string>;
}

async function runCommand(runner: Runner, task: Task<unknown>, ctx: Context): Promise<ExecResult> {
  ctx.signal.throwIfAborted();
  const { argv, cwd, env } = inputOf(task.input);
  const { fence, attempt } = ctx;
  runner.running.add(task.id);
  writeOutputId(runner.directory, task.id);
  const say = (event: ExecEvent["event"], reason: string): void =>
    runner.onEvent({ event, task: task.id, fence: String(fence), attempt, reason });
  const leased = leaseOf(ctx);
  let isHeld = false;
  const command = runner.leash.run({
    task: task.id,
    start: {
      key: `${fence} ${task.id}`,
      argv,
      cwd,
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
    onOutputLost: (why) => say("exec:output", why),
  });
  const forget = ctx.onDeadline(() => command.renew());
  const endGrace = watchGrace(
    leased,
    { graceMs: STOP_GRACE_MS, aheadMs: 0 },
    (leftMs) => command.stop(leftMs),
  );
  try {
    const end = await command.end;
    if (end.type === "exit") runner.pauses.end();
    if (end.type === "trouble" && !ctx.signal.aborted) {
      say("exec:trouble", end.error);
      await inTrouble(runner, ctx, end);
    }
    return resultOf(end, argv, ctx.signal);
  } finally {
    forget();
    endGrace();
    runner.running.delete(task.id);
    if (isHeld) ctx.progress(null);
  }
}

function resultOf(end: CommandEnd, argv: readonly string[], signal: AbortSignal): ExecResult {
  const command = argv[0];
  switch (end.type) {
    case "exit":
      if (end.stopped) throw released(signal, `Cannot finish ${command}: its lease was not renewed in time`);
      if (end.code === 0) return { code: 0 };
      throw failed(end.signal === null ? `exit code ${end.code}` : `ended by ${end.signal}`, end.stderr);
    case "withheld":
      throw released(signal, `Cannot run ${command}: its lease ends too soon`);
    case "impossible":
      throw withoutStack(new FatalError(`Cannot run ${command}: ${end.error}`));
    case "trouble":
      throw released(signal, `Cannot run ${command}: ${end.error}`);
    case "orphaned":
      throw failed(`Cannot finish ${command}: ${end.error}, and nothing else ran under it`);
    default:
      return end satisfies never;
  }
}

/** An error of the command. `stderr`: the end of what it wrote there. */
function failed(message: string, stderr = ""): Error {
  const said = stderr.trimEnd();
  return withoutStack(new Error(message, said === "" ? undefined : { cause: said }));
}

/** Where this file threw it says nothing of the command. */
function withoutStack(error: Error): Error {
  error.stack = "";
  return error;
}

/** It may run again, here or elsewhere, and nothing is charged to it. */
function released(signal: AbortSignal, message: string): unknown {
  return signal.aborted ? signal.reason : new AttemptAbortedError(message, "release");
}

/**
 * This peer could not run it, and would hardly do better at once: others may have it, or, when it had begun,
 * may have it after the pause.
 *
 * @throws DeclinedError
 */
async function inTrouble(
  { pauses, node }: Runner,
  ctx: Context,
  { error, wasStarted }: Extract<CommandEnd, { type: "trouble" }>,
): Promise<void> {
  const pauseMs = pauses.nextMs();
  if (!wasStarted) throw new DeclinedError(error, pauseMs);
  ctx.progress({ why: `${error} (on node ${node}): released in ${pauseMs} ms`, fence: String(ctx.fence) });
  await pause(pauseMs, ctx.signal);
  ctx.progress(null);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  signal.addEventListener("abort", () => resolve(), { once: true });
  return promise.finally(() => clearTimeout(timer));
}

/** @throws FatalError */
function inputOf(value: unknown): ExecInput {
  const problem = problemOf(value);
  if (!problem) return value as ExecInput;
  throw withoutStack(
    new FatalError(`Cannot run a command: ${problem.path ?? "the input"} ${problem.message}`),
  );
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
    (typeof env === "object" && env !== null && !Array.isArray(env) && Object.keys(env).every(isVariable) &&
      Object.values(env).every(isArgument));
  return isEnv
    ? undefined
    : { message: "must map names without = to strings, none with a NUL", path: ["env"] };
}

function isVariable(name: string): boolean {
  return /^[^=\0]+$/.test(name);
}

function isArgument(value: unknown): value is string {
  return typeof value === "string" && !value.includes("\0");
}
