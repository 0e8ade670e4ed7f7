/** What a command of `stolos` is, and how its ending becomes an exit code. */
import type { Terminal } from "./output.ts";

/** The exit codes of the product. */
export const EXIT = {
  done: 0,
  usage: 1,
  /** Could not connect, or no quorum in time. */
  unreachable: 2,
  /** The thing named does not exist. */
  missing: 3,
  /** The task that was waited for ended failed or killed. */
  taskFailed: 4,
  /** Who read the output went away before its end: what a shell says of a process that SIGPIPE ended. */
  cutOff: 141,
} as const;

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The whole help text. */
  readonly help: string;
  /** Resolves with the exit code. */
  run(args: readonly string[], terminal: Terminal, closed: AbortSignal): Promise<number>;
}

const UNREACHABLE: ReadonlySet<unknown> = new Set([
  "NO_QUORUM",
  "UNKNOWN_OUTCOME",
  "CONNECT_FAILED",
  "VERSION_MISMATCH",
  "STOPPED",
  "BUSY",
  "OUTCOME_UNKNOWN_RETENTION",
  // as little use as a cluster that cannot be reached, and as likely to pass
  "STORE_BUSY",
  "STORE_UNWRITABLE",
]);
const BAD_INPUT: ReadonlySet<unknown> = new Set([
  "INVALID_INPUT",
  "CONFLICT",
  // what was asked for makes no sense for a task in that state
  "WRONG_STATE",
  "STORE_CORRUPT",
  "STORE_NEWER",
]);

/** The exit code of an error that ended a command; undefined for one that nobody should expect. */
export function exitCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = (error as { code?: unknown }).code;
  if (UNREACHABLE.has(code)) return EXIT.unreachable;
  if (code === "NOT_FOUND") return EXIT.missing;
  if (BAD_INPUT.has(code) || error.name === "UsageError") return EXIT.usage;
  // Bad arguments have messages of one form; other TypeErrors are bugs and keep their stack.
  const isArgument = error instanceof RangeError || error instanceof TypeError;
  return isArgument && error.message.startsWith("Cannot ") ? EXIT.usage : undefined;
}
