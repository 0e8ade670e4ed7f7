/** Waiting in virtual time: for a promise or for a condition; and whether all tasks are done by then. */
import { clearInterval, setInterval } from "node:timers";
import type { Client, TaskSummary } from "../client/client.ts";
import type { VirtualTime } from "./virtual-time.ts";

export interface WaitOptions {
  /** Longest time to let pass, virtual ms. @default 60_000 */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 60_000;
/** Real ms. */
const STUCK_MS = 1500;

/**
 * Lets time pass until the promise is settled, and returns what it gives; or until the condition is true.
 *
 * @param explain what happened lately, for the error
 * @throws what the promise or the condition throws; Error when it takes too long
 */
export async function waitFor(
  time: VirtualTime,
  what: PromiseLike<unknown> | (() => boolean),
  { timeoutMs = TIMEOUT_MS }: WaitOptions,
  explain: () => string,
): Promise<unknown> {
  let isSettled = false;
  const settle = (): void => void (isSettled = true);
  if (typeof what !== "function") Promise.resolve(what).then(settle, settle);
  const isMet = typeof what === "function" ? () => isTrue(what()) : () => isSettled;
  const reached = await time.drive(time.nowMs + timeoutMs, isMet);
  if (reached === "time") {
    const missing = typeof what === "function" ? "the condition does not hold" : "the promise is not settled";
    throw new Error(`Cannot wait longer: ${missing} after ${timeoutMs} ms of virtual time ${explain()}`);
  }
  return typeof what === "function" ? undefined : await what;
}

function isTrue(value: unknown): boolean {
  if (typeof (value as PromiseLike<unknown> | undefined)?.then !== "function") return Boolean(value);
  throw new TypeError("Cannot wait: the condition must return a boolean, got a promise");
}

/** A test that waits while time stands still hangs: the warning says what to do. */
export function warnIfStuck(time: VirtualTime, what: string, promise: Promise<unknown>): void {
  const timer = setInterval(() => {
    if (time.isDriven) return;
    clearInterval(timer);
    process.emitWarning(
      `the test waits for ${what}, but virtual time stands still: await it in \`cluster.until(…)\``,
      "StolosWarning",
    );
  }, STUCK_MS);
  timer.unref();
  const end = (): void => clearInterval(timer);
  promise.then(end, end);
}

/** Tasks are not done that should be. */
export class NotDoneError extends Error {
  override readonly name: string = "NotDoneError";
  readonly tasks: readonly TaskSummary[];

  constructor(message: string, tasks: readonly TaskSummary[]) {
    super(message);
    this.tasks = tasks;
  }
}

const TASKS_NAMED_MAX = 10;

/** @throws NotDoneError that names the tasks which are not completed, and why; NoQuorumError */
export async function assertAllDone(client: Client, seed: number): Promise<void> {
  const unfinished: TaskSummary[] = [];
  for await (const task of client.list()) if (task.state !== "completed") unfinished.push(task);
  if (unfinished.length === 0) return;
  throw new NotDoneError(`${messageOf(unfinished)}\n(seed ${seed})`, unfinished);
}

function messageOf(tasks: readonly TaskSummary[]): string {
  const lines = tasks.slice(0, TASKS_NAMED_MAX).map((task) => `  ${describe(task)}`);
  if (tasks.length > lines.length) lines.push(`  and ${tasks.length - lines.length} more`);
  const what = tasks.length === 1 ? "1 task is" : `${tasks.length} tasks are`;
  return `${what} not done:\n${lines.join("\n")}`;
}

function describe(task: TaskSummary): string {
  const { id, name, state, ownerName, attempt, leaseRemainingMs, errors, why } = task;
  const parts = [`${JSON.stringify(id)} (${name}) is ${state}`];
  if (state === "leased") {
    const left = leaseRemainingMs === 0 ? ", whose lease has ended" : "";
    parts.push(`attempt ${attempt} runs on ${ownerName ?? "a node that has gone"}${left}`);
  }
  if (why !== null) parts.push(why);
  const last = errors.at(-1);
  if (last) parts.push(`last error, of attempt ${last.attempt}: ${last.message}`);
  return parts.join("; ");
}
