/**
 * The built-in handler `exec`: runs a command line in a process group of its own, on a leash
 * (leash-client.ts) that ends it when its lease does, whatever becomes of this process. Exit code 0
 * completes the task, any other is an error for the retry policy, and a command that was stopped because
 * its lease ended is released.
 */
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AttemptAbortedError,
  type Context,
  defineTask,
  type Node,
  type Task,
  type TaskDefinition,
} from "../../../mod.ts";
import { LeashClient } from "./leash-client.ts";
import type { LeashExit } from "./leash-messages.ts";

/** What `exec` is told to run. */
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

export interface ExecOptions {
  /** Where the commands' output goes. @default the system's directory for temporary files */
  readonly directory?: string | undefined;
}

/** Between SIGTERM and SIGKILL of a command that is stopped; less when its lease ends sooner. */
const STOP_GRACE_MS = 5000;

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
  const directory = options.directory ?? tmpdir();
  mkdirSync(directory, { recursive: true });
  const leash = new LeashClient();
  node.handle(exec, (task, ctx) => runCommand({ leash, directory, node: node.name }, task, ctx));
  return { [Symbol.asyncDispose]: () => leash.close() };
}

interface Runner {
  readonly leash: LeashClient;
  readonly directory: string;
  readonly node: string;
}

async function runCommand(runner: Runner, task: Task<ExecInput>, ctx: Context): Promise<ExecResult> {
  ctx.signal.throwIfAborted();
  const { argv, cwd, env } = task.input;
  const { fence, attempt } = ctx;
  const command = runner.leash.run({
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
    deadlineMs: ctx.deadline + ctx.marginMs,
  });
  const forget = ctx.onDeadline((deadlineMs) => command.renew(deadlineMs + ctx.marginMs));
  const stop = (): void => command.stop(STOP_GRACE_MS);
  ctx.signal.addEventListener("abort", stop, { once: true });
  try {
    return resultOf(await command.exit, argv, ctx.signal);
  } finally {
    forget();
    ctx.signal.removeEventListener("abort", stop);
  }
}

function resultOf(exit: LeashExit, argv: readonly string[], signal: AbortSignal): ExecResult {
  if (exit.stopped) {
    signal.throwIfAborted();
    const message = `Cannot finish ${argv[0]}: its leash ended it, its lease was not renewed in time`;
    throw new AttemptAbortedError(message, "lapsed");
  }
  if (exit.error !== undefined) throw new Error(`Cannot run ${argv[0]}: ${exit.error}`);
  if (exit.code === 0) return { code: 0 };
  throw new Error(exit.signal === null ? `exit code ${exit.code}` : `ended by ${exit.signal}`);
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
