/**
 * What clients do with tasks that have ended: have them run anew, forgotten, or submitted once more. An end
 * is named by its fence: of two people who press at once one retries it, and the other is told.
 */
import { checkKnown, integer, shown } from "../base/arguments.ts";
import type { Environment } from "../base/environment.ts";
import { NotFoundError, StateError } from "../base/errors.ts";
import type { CallOptions, ClientPort, ListPage } from "../coordinator/coordinator.ts";
import type { CommandStatus } from "../protocol/model/messages.ts";
import type { TaskFilter } from "../protocol/model/task-filter.ts";
import type { TaskSpec, TaskState } from "../protocol/model/types.ts";
import { encodeValue } from "../task/values.ts";
import { requestOfTask } from "./commands.ts";
import { checkId, submitOne } from "./submission.ts";

/** Names one end of a task. */
export interface EndOptions {
  /** Of the end that was seen: `fence` of the task, as `get` and `list` show it. */
  readonly fence: string | bigint;
  /**
   * The same id is the same call: repeated with it, it counts once.
   * @default a random one
   */
  readonly commandId?: string;
}

/** For all tasks that a filter names. */
export interface SweepOptions {
  /** Tasks a second at most. @default as fast as the cluster takes them */
  readonly perSecond?: number;
  /** How long to try for each. @default 10_000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** What became of the tasks that a filter named. */
export interface SweepCounts {
  readonly done: number;
  /** Something else was done with them meanwhile. */
  readonly skipped: number;
}

/** A task's end and what is to be done with it. */
export interface EndRequest {
  readonly type: "retry" | "purge";
  readonly id: string;
  readonly fence: number;
  readonly commandId: string | undefined;
}

export const ENDED: readonly TaskState[] = ["completed", "killed", "failed"];
const PER_SECOND_MAX = 1_000_000;
/** Asked for at once. */
const SWEPT_AT_ONCE = 16;
const PAGE_TASKS = 200;

/** @throws TypeError, RangeError when it is none */
export function fenceOf(attempt: string, fence: unknown): number {
  if (typeof fence === "bigint" || (typeof fence === "string" && /^\d{1,16}$/.test(fence))) {
    const number = Number(fence);
    if (Number.isSafeInteger(number) && number >= 0) return number;
  }
  throw new TypeError(
    `Cannot ${attempt}: fence must name the end that was seen, a bigint or a decimal text as in the fence ` +
      `of client.get(id), got ${typeof fence === "number" ? `the number ${fence}` : shown(fence)}`,
  );
}

/** @throws NotFoundError, StateError, and what commands throw */
export async function requestEnd(
  port: ClientPort,
  request: EndRequest,
  options: CallOptions,
  environment: Environment,
): Promise<void> {
  const { type, id, fence, commandId } = request;
  const status = await requestOfTask(port, { id, request: { type, fence }, commandId }, options, environment);
  const problem = problemOf(request, status);
  if (problem) throw problem;
}

function problemOf({ type, id, fence }: EndRequest, status: CommandStatus): Error | null {
  const attempt = `Cannot ${type} task ${JSON.stringify(id)}`;
  switch (status) {
    case "applied":
    case "queued":
      return null;
    case "unknown":
      // whose end it was is forgotten, by this call or another
      if (type === "purge") return null;
      return new NotFoundError(`${attempt}: there is no such task (any more); submit it anew`);
    case "open":
      return new StateError(
        `${attempt}: it has not ended, or somebody has retried it since; look at it again`,
      );
    case "other":
      return new StateError(
        `${attempt}: it has ended again since the end of fence ${fence}; look at it again, and name the ` +
          `fence that it has now`,
      );
    default:
      return new StateError(`${attempt}: it has completed; a clone of it can run anew`);
  }
}

/** The end that a task has now. @throws NotFoundError, StateError when there is none */
export async function presentFence(port: ClientPort, id: string, options: CallOptions): Promise<number> {
  const task = await port.get(id, options);
  if (!task) throw new NotFoundError(`Cannot purge task ${JSON.stringify(id)}: there is no such task`);
  if (ENDED.includes(task.state)) return Number(task.fence);
  throw new StateError(
    `Cannot purge task ${JSON.stringify(id)}: it has not ended, it is ${task.state}; kill it first`,
  );
}

/**
 * One call for each task that the filter names, under the end that the list showed. What was done with a task
 * meanwhile, by somebody else perhaps, is not done again.
 *
 * @throws what stops it: what was done until then is done, and what is left can be asked for again
 */
export async function sweep(
  port: ClientPort,
  { filter, perSecond, call }: {
    readonly filter: TaskFilter;
    readonly perSecond: number;
    readonly call: CallOptions;
  },
  run: (id: string, fence: number) => Promise<void>,
  environment: Environment,
): Promise<SweepCounts> {
  const counts = { done: 0, skipped: 0 };
  const one = async (id: string, fence: string): Promise<void> => {
    try {
      await run(id, Number(fence));
      counts.done++;
    } catch (error) {
      if (!(error instanceof StateError || error instanceof NotFoundError)) throw error;
      counts.skipped++;
    }
  };
  const beganMs = environment.monoMs();
  let count = 0;
  for (let from: ListPage["next"] = { p: 0, after: "" }; from;) {
    const { tasks, next }: ListPage = await port.list(filter, from, { ...call, limit: PAGE_TASKS });
    for (let at = 0; at < tasks.length;) {
      call.signal?.throwIfAborted();
      const dueMs = beganMs + 1000 * count / perSecond;
      await until(dueMs, environment);
      const batch = tasks.slice(at, at + Math.min(SWEPT_AT_ONCE, Math.ceil(perSecond / 10)));
      at += batch.length;
      count += batch.length;
      await Promise.all(batch.map(({ id, fence }) => one(id, fence)));
    }
    from = next;
  }
  return counts;
}

async function until(dueMs: number, environment: Environment): Promise<void> {
  const leftMs = dueMs - environment.monoMs();
  if (leftMs > 0) await new Promise<void>((resolve) => environment.setTimeout(resolve, leftMs));
}

/** @throws TypeError, RangeError */
export function paceOf(attempt: string, { perSecond }: SweepOptions): number {
  if (perSecond === undefined) return Infinity;
  return integer(attempt, "perSecond", perSecond, { min: 1, max: PER_SECOND_MAX, default: 1 });
}

export interface CloneOptions {
  /** @default that of the task */
  readonly input?: unknown;
  /**
   * Of the new task: the same id is the same task, so a clone may be repeated with it.
   * @default a random one
   */
  readonly id?: string;
  /** @default 10_000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** The same task once more, whatever became of it, to be run at once. @throws NotFoundError */
export async function cloneTask(
  port: ClientPort,
  id: string,
  options: CloneOptions,
  call: CallOptions,
  environment: Environment,
): Promise<{ readonly id: string; readonly created: boolean }> {
  checkId("clone a task", id);
  checkKnown("clone a task", options, ["input", "id", "timeoutMs", "signal"]);
  if (options.id !== undefined) checkId("clone a task", options.id);
  const payload = "input" in options ? encodeValue(options.input, "input") : null;
  const task = await port.get(id, call);
  if (!task) throw new NotFoundError(`Cannot clone task ${JSON.stringify(id)}: there is no such task`);
  const spec: TaskSpec = {
    ...task.spec,
    id: options.id ?? environment.uuid(),
    payload: payload ?? task.spec.payload,
    runAtMs: 0,
    delayMs: 0,
    cid: Math.floor(environment.random() * 2 ** 52),
  };
  return await submitOne(port, spec, call);
}
