/**
 * The client: submits tasks, waits for their ends, looks at what there is. It is the same for a program that
 * runs a node and for one that only connects; the difference is in the port.
 */
import type { SubmitInput, TaskDefinition } from "../task/definition.ts";
import { decodeValue } from "../task/values.ts";
import { type Environment, systemEnvironment } from "../base/environment.ts";
import type { ClusterHealth } from "../coordinator/cluster-health.ts";
import type {
  ClientPort,
  ListCursor,
  ListPage,
  NodeInfo,
  TaskEvent,
  TaskSnapshot,
} from "../coordinator/coordinator.ts";
import { TooOldError } from "../base/errors.ts";
import type { NodeCommand } from "../protocol/model/messages.ts";
import type { FailedBecause, Retention, TaskMessage } from "../protocol/model/types.ts";
import { checkKnown, integer, shown } from "../base/arguments.ts";
import { nodeCommandRequestOf, sendCommand } from "./commands.ts";
import {
  type CloneOptions,
  cloneTask,
  ENDED,
  type EndOptions,
  fenceOf,
  paceOf,
  presentFence,
  requestEnd,
  sweep,
  type SweepCounts,
  type SweepOptions,
} from "./endings.ts";
import {
  cursorText,
  FILTER_KEYS,
  filterOf,
  type ListFilter,
  type ListOptions,
  listOptionsOf,
} from "./list-options.ts";
import { readRetention, type RetentionOptions, setRetention } from "./retention.ts";
import type { PlacementOptions, RecordOptions } from "./task-options.ts";
import {
  checkId,
  type ItemOptions,
  specOf,
  SUBMIT_KEYS,
  type SubmitItem,
  submitOne,
  submitWindows,
} from "./submission.ts";

export interface SubmitOptions extends PlacementOptions, RecordOptions {
  /**
   * The same id is the same task: a submit may be repeated with it, and runs once.
   * @default a random one
   */
  readonly id?: string;
  /** Attempts until an error makes it fail. @default the node's error policy decides */
  readonly attempts?: number;
  /** It starts this long from now at the earliest. Not together with runAt. */
  readonly delayMs?: number;
  readonly runAt?: Date;
  /** How long to try to have it recorded. @default 10_000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** A task starts after a time or at one. */
export type OneStart = { readonly runAt?: undefined } | { readonly delayMs?: undefined };

/** How long to wait for an answer. */
export interface CallTimes {
  /** @default 10_000 */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface WatchOptions {
  readonly signal?: AbortSignal;
  /**
   * Some events are missing here: the member that was asked is gone, or the reader was too slow. What is
   * leased comes anew from the next member, in the first case.
   */
  readonly onGap?: () => void;
}

export interface CommandOptions extends CallTimes {
  /**
   * The same id is the same command: repeated with it, it counts once, as long as the task is known and no 64
   * others came after.
   * @default a random one
   */
  readonly commandId?: string;
}

/** How a task ended. */
export type Outcome<O = unknown> =
  | { readonly state: "completed"; readonly result: O }
  | { readonly state: "failed"; readonly error: string; readonly failedBecause: FailedBecause }
  | { readonly state: "killed"; readonly error: string };

export interface TaskHandle<O = unknown> {
  readonly id: string;
  /** False when the task was known already. */
  readonly created: boolean;
  /**
   * Waits for the task's end, however long it takes.
   *
   * @throws TooOldError when it ended so long ago that it is forgotten; StoppedError; the signal's reason
   */
  done(options?: { readonly signal?: AbortSignal }): Promise<Outcome<O>>;
}

/** A task as the cluster has it. */
export interface TaskInfo extends Omit<TaskSnapshot, "spec" | "result" | "progress"> {
  /** What the handler is given. */
  readonly input: unknown;
  readonly tags: readonly string[];
  /** What the handler returned; null before that, and when it returned nothing. */
  readonly result: unknown;
  /** The progress that the handler last reported; null before that. */
  readonly progress: unknown;
}

/** A task in a list, which has neither inputs nor results: `get` has them. */
export type TaskSummary = Omit<TaskInfo, "input" | "result">;

export interface TaskPage {
  readonly tasks: readonly TaskSummary[];
  /** For the next page; null when this was the last one. */
  readonly cursor: string | null;
}

export interface Client {
  /**
   * Resolves once a quorum has recorded the task: from then on it is not lost.
   *
   * @throws InvalidInputError, ConflictError, NoQuorumError (nothing was done), UnknownOutcomeError (retry
   * with the same id), TooOldError, BusyError (100,000 requests of this client wait at its member),
   * StoppedError; TypeError, RangeError for bad arguments
   */
  submit<I, O, V>(
    definition: TaskDefinition<I, O, unknown, unknown>,
    input: SubmitInput<NoInfer<I>, V>,
    options?: SubmitOptions & OneStart,
  ): Promise<TaskHandle<O>>;
  /** The same for a task that has no input. */
  submit<O>(definition: TaskDefinition<void, O, unknown, unknown>): Promise<TaskHandle<O>>;
  /** Many at once, in order; as fast as the cluster takes them. Rejects at the first that is refused. */
  submitMany<I, O, V>(
    definition: TaskDefinition<I, O, unknown, unknown>,
    inputs: Iterable<SubmitItem<SubmitInput<NoInfer<I>, V>>>,
    options?: Omit<SubmitOptions, "id">,
  ): Promise<TaskHandle<O>[]>;
  /**
   * The task as a quorum has it now; undefined if there is none.
   *
   * @throws NoQuorumError
   */
  get(id: string): Promise<TaskInfo | undefined>;
  /**
   * Sends a command to a task. Resolves once a quorum has recorded it: from then on it is not lost.
   * `applied`: nobody ran the task, and the command has taken effect; `queued`: it goes to the node that runs
   * the task, in order.
   *
   * @throws NotFoundError, StateError (it has ended, or its state does not allow it), BusyError (too many
   * commands wait), NoQuorumError (nothing was sent), UnknownOutcomeError (repeat it with the same
   * commandId), StoppedError; TypeError, RangeError for what is no command
   */
  command(
    id: string,
    message: TaskMessage,
    options?: CommandOptions,
  ): Promise<"applied" | "queued">;
  /**
   * The tasks that the options name, partition by partition. One that does not change meanwhile is in it
   * exactly once.
   *
   * @throws NoQuorumError; TypeError, RangeError for bad options
   */
  list(options?: ListOptions): AsyncIterable<TaskSummary>;
  /** The same, one page at a time, which may have fewer than `limit` although others follow. */
  listPage(options?: ListOptions): Promise<TaskPage>;
  /**
   * Has a task that failed or was killed run anew, at once: its errors and attempts are forgotten, its
   * checkpoint is kept. `fence` names the end that was seen.
   *
   * @throws StateError (it has completed, has not ended, was retried, or has ended again), NotFoundError,
   * NoQuorumError (nothing was sent), UnknownOutcomeError (repeat it), StoppedError; TypeError
   */
  retry(id: string, options: EndOptions & CallTimes): Promise<void>;
  /**
   * Retries all that the filter names, by default those that failed. Called twice at once it retries each end
   * once. What it rejects with stops it; what was retried until then is retried.
   *
   * @throws NoQuorumError, UnknownOutcomeError, StoppedError; TypeError, RangeError
   */
  retryAll(filter?: ListFilter, options?: SweepOptions): Promise<SweepCounts>;
  /**
   * Forgets a task that has ended: from then on its id may be used for another one. `fence` names the end
   * that was seen, by default the present one.
   *
   * @throws StateError (it has not ended, or again), NotFoundError, NoQuorumError (nothing was sent),
   * UnknownOutcomeError (repeat it), StoppedError; TypeError
   */
  purge(id: string, options?: Partial<EndOptions> & CallTimes): Promise<void>;
  /** Forgets all that the filter names and that have ended. */
  purge(filter: ListFilter, options?: SweepOptions): Promise<SweepCounts>;
  /**
   * Submits the same task once more under another id, whatever became of it, to run at once.
   *
   * @throws NotFoundError, and what submit throws
   */
  clone<O = unknown>(id: string, options?: CloneOptions): Promise<TaskHandle<O>>;
  /** For how long the cluster knows tasks that have ended and say nothing else. @throws NoQuorumError */
  retention(options?: CallTimes): Promise<Retention>;
  /**
   * Changes that, for all of them and for good; what is not named stays as it is.
   *
   * @throws StateError (somebody else changed it at the same time), NoQuorumError, UnknownOutcomeError
   * (repeat it), StoppedError; TypeError, RangeError
   */
  setRetention(retention: RetentionOptions, options?: CallTimes): Promise<Retention>;
  /** What is leased now, then every change of owner or state; hints, late and incomplete. */
  watch(options?: WatchOptions): AsyncIterable<TaskEvent>;
  nodes(): Promise<NodeInfo[]>;
  /** How the cluster stands, partition by partition: how many more members may fail, and who is missing. */
  health(): Promise<ClusterHealth>;
  /**
   * Has a node, by name or id, do something; resolves when it has done it, for `drain` and `leave` when it
   * has begun.
   *
   * @throws NotFoundError when there is no such node, or the task to stop does not run there; ConnectError
   * (nothing was done), StateError (a `leave` that is refused as things are: nothing was done),
   * UnknownOutcomeError (it may have been done), StoppedError; TypeError, RangeError
   */
  commandNode(node: string, command: NodeCommand, options?: CallTimes): Promise<void>;
}

const TIMEOUT_MS = 10_000;
const PAGE_TASKS = 100;
/** Asked of the port at once; it may answer with fewer. */
const PAGE_TASKS_MAX = 4000;
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

export class PortClient implements Client {
  readonly #port: ClientPort;
  readonly #timeoutMs: number;
  readonly #environment: Environment;

  constructor(
    port: ClientPort,
    timeoutMs: number = TIMEOUT_MS,
    environment: Environment = systemEnvironment,
  ) {
    this.#port = port;
    this.#timeoutMs = timeoutMs;
    this.#environment = environment;
  }

  async submit<O>(
    definition: TaskDefinition<unknown, O, unknown, unknown>,
    input?: unknown,
    options: SubmitOptions = {},
  ): Promise<TaskHandle<O>> {
    checkKnown("submit a task", options, SUBMIT_KEYS);
    const { id, signal } = options;
    const item = id === undefined ? { input } : { input, id };
    const made = specOf(definition, item, options, this.#environment);
    const spec = made instanceof Promise ? await made : made;
    const call = this.#callOptions(options.timeoutMs, signal);
    const recorded = await submitOne(this.#port, spec, call);
    return new Handle(this.#port, recorded.id, recorded.created);
  }

  async submitMany<O>(
    definition: TaskDefinition<unknown, O, unknown, unknown>,
    inputs: Iterable<SubmitItem<unknown>>,
    options: Omit<SubmitOptions, "id"> = {},
  ): Promise<TaskHandle<O>[]> {
    checkKnown("submit tasks", options, SUBMIT_KEYS.filter((key) => key !== "id"));
    if (typeof inputs?.[Symbol.iterator] !== "function") {
      throw new TypeError(`Cannot submit tasks: inputs must be iterable, got ${shown(inputs)}`);
    }
    const shared: ItemOptions = options;
    const environment = this.#environment;
    function* specs(): Generator<ReturnType<typeof specOf>> {
      for (const item of inputs) yield specOf(definition, item, shared, environment);
    }
    const call = this.#callOptions(options.timeoutMs, options.signal);
    const recorded = await submitWindows(this.#port, specs(), call);
    return recorded.map(({ id, created }) => new Handle<O>(this.#port, id, created));
  }

  async get(id: string): Promise<TaskInfo | undefined> {
    checkId("read a task", id);
    const snapshot = await this.#port.get(id, this.#callOptions());
    return snapshot && infoOf(snapshot);
  }

  async command(
    id: string,
    message: TaskMessage,
    options: CommandOptions = {},
  ): Promise<"applied" | "queued"> {
    checkId("command a task", id);
    checkKnown("command a task", options, ["commandId", "timeoutMs", "signal"]);
    const { commandId } = options;
    if (commandId !== undefined) checkId("command a task", commandId, "commandId");
    const call = this.#callOptions(options.timeoutMs, options.signal);
    return await sendCommand(this.#port, { id, message, commandId }, call, this.#environment);
  }

  async *list(options: ListOptions = {}): AsyncGenerator<TaskSummary> {
    const { filter, limit, from } = listOptionsOf("list tasks", options, Infinity);
    let left = limit;
    for (let place: ListCursor | null = from; place !== null && left > 0;) {
      const call = { ...this.#callOptions(), limit: Math.min(left, PAGE_TASKS_MAX) };
      const { tasks, next }: ListPage = await this.#port.list(filter, place, call);
      left -= tasks.length;
      for (const snapshot of tasks) yield summaryOf(snapshot);
      place = next;
    }
  }

  async listPage(options: ListOptions = {}): Promise<TaskPage> {
    const { filter, limit, from } = listOptionsOf("list tasks", options, PAGE_TASKS);
    const call = { ...this.#callOptions(), limit: Math.min(limit, PAGE_TASKS_MAX) };
    const { tasks, next } = await this.#port.list(filter, from, call);
    return { tasks: tasks.map(summaryOf), cursor: next && cursorText(next) };
  }

  async retry(id: string, options: EndOptions & CallTimes): Promise<void> {
    await this.#requestEnd("retry", id, options, fenceOf("retry a task", options?.fence));
  }

  async #requestEnd(
    type: "retry" | "purge",
    id: string,
    options: Partial<EndOptions> & CallTimes,
    fence: number,
  ): Promise<void> {
    const attempt = `${type} a task`;
    checkId(attempt, id);
    checkKnown(attempt, options, ["fence", "commandId", "timeoutMs", "signal"]);
    const { commandId } = options;
    if (commandId !== undefined) checkId(attempt, commandId, "commandId");
    const call = this.#callOptions(options.timeoutMs, options.signal);
    await requestEnd(this.#port, { type, id, fence, commandId }, call, this.#environment);
  }

  async retryAll(filter: ListFilter = {}, options: SweepOptions = {}): Promise<SweepCounts> {
    return await this.#sweep("retry", { states: ["failed"], ...filter }, options);
  }

  purge(id: string, options?: Partial<EndOptions> & CallTimes): Promise<void>;
  purge(filter: ListFilter, options?: SweepOptions): Promise<SweepCounts>;
  async purge(
    which: string | ListFilter,
    options: Partial<EndOptions> & SweepOptions = {},
  ): Promise<SweepCounts | void> {
    if (typeof which !== "string") return await this.#sweep("purge", { states: ENDED, ...which }, options);
    checkId("purge a task", which);
    const { fence, timeoutMs, signal } = options;
    const present = fence === undefined
      ? await presentFence(this.#port, which, this.#callOptions(timeoutMs, signal))
      : fenceOf("purge a task", fence);
    await this.#requestEnd("purge", which, options, present);
  }

  async #sweep(type: "retry" | "purge", which: ListFilter, options: SweepOptions): Promise<SweepCounts> {
    const attempt = `${type} tasks`;
    checkKnown(attempt, which, FILTER_KEYS);
    checkKnown(attempt, options, ["perSecond", "timeoutMs", "signal"]);
    const filter = filterOf(attempt, which);
    const allowed = type === "purge" ? ENDED : ENDED.filter((state) => state !== "completed");
    const other = filter.states.find((state) => !allowed.includes(state));
    if (other !== undefined) {
      throw new RangeError(
        `Cannot ${attempt}: states must be some of ${allowed.join(", ")}, got ${JSON.stringify(other)}`,
      );
    }
    const perSecond = paceOf(attempt, options);
    const call = this.#callOptions(options.timeoutMs, options.signal);
    const run = (id: string, fence: number): Promise<void> =>
      requestEnd(this.#port, { type, id, fence, commandId: undefined }, call, this.#environment);
    return await sweep(this.#port, { filter, perSecond, call }, run, this.#environment);
  }

  async clone<O>(id: string, options: CloneOptions = {}): Promise<TaskHandle<O>> {
    const call = this.#callOptions(options?.timeoutMs, options?.signal);
    const cloned = await cloneTask(this.#port, id, options, call, this.#environment);
    return new Handle(this.#port, cloned.id, cloned.created);
  }

  async retention(options: CallTimes = {}): Promise<Retention> {
    checkKnown("read the retention", options, ["timeoutMs", "signal"]);
    return await readRetention(this.#port, this.#callOptions(options.timeoutMs, options.signal));
  }

  async setRetention(retention: RetentionOptions, options: CallTimes = {}): Promise<Retention> {
    checkKnown("set the retention", options, ["timeoutMs", "signal"]);
    const call = this.#callOptions(options.timeoutMs, options.signal);
    return await setRetention(this.#port, retention, call);
  }

  async *watch(options: WatchOptions = {}): AsyncGenerator<TaskEvent> {
    checkKnown("watch tasks", options, ["signal", "onGap"]);
    // ends the port's iteration when this one is left
    const left = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
    try {
      for await (const batch of this.#port.watch(signal)) {
        if (batch) yield* batch;
        else options.onGap?.();
      }
    } finally {
      left.abort();
    }
  }

  async nodes(): Promise<NodeInfo[]> {
    return [...await this.#port.nodes(this.#callOptions())];
  }

  async health(): Promise<ClusterHealth> {
    return await this.#port.health(this.#callOptions());
  }

  async commandNode(node: string, command: NodeCommand, options: CallTimes = {}): Promise<void> {
    checkKnown("command a node", options, ["timeoutMs", "signal"]);
    const request = nodeCommandRequestOf(node, command, this.#environment.random());
    await this.#port.commandNode(request, this.#callOptions(options.timeoutMs, options.signal));
  }

  #callOptions(
    timeoutMs?: number,
    signal?: AbortSignal,
  ): { timeoutMs: number; signal: AbortSignal | undefined } {
    const bounds = { min: 1, max: TIMEOUT_MAX_MS, default: this.#timeoutMs };
    return { timeoutMs: integer("ask the cluster", "timeoutMs", timeoutMs, bounds), signal };
  }
}

class Handle<O> implements TaskHandle<O> {
  readonly #port: ClientPort;
  readonly id: string;
  readonly created: boolean;

  constructor(port: ClientPort, id: string, created: boolean) {
    this.#port = port;
    this.id = id;
    this.created = created;
  }

  async done(options: { readonly signal?: AbortSignal } = {}): Promise<Outcome<O>> {
    const { state, result, error, failedBecause } = await this.#port.outcome(this.id, options.signal);
    if (state === "completed") {
      // what the handler returned; only the definition knows its type
      return { state, result: (result === null ? undefined : decodeValue(result, "result")) as O };
    }
    if (state === "failed") return { state, error, failedBecause: failedBecause ?? "errors" };
    if (state === "killed") return { state, error };
    throw new TooOldError(
      `Cannot say how task ${JSON.stringify(this.id)} ended: it is not known any more (see retention)`,
    );
  }
}

function infoOf(snapshot: TaskSnapshot): TaskInfo {
  const { result, spec } = snapshot;
  return {
    ...summaryOf(snapshot),
    input: decodeValue(spec.payload, "input"),
    result: result === null ? null : decodeValue(result, "result") ?? null,
  };
}

function summaryOf({ spec, result: _, ...snapshot }: TaskSnapshot): TaskSummary {
  const progress = snapshot.progress === null ? null : decodeValue(snapshot.progress, "progress") ?? null;
  return { ...snapshot, tags: spec.options?.tags ?? [], progress, why: whyOf(snapshot, progress) };
}

/** A handler that cannot go on, or cannot end, says why in its progress; `fence` is the attempt's. */
function whyOf(
  { state, fence, why }: Pick<TaskSnapshot, "state" | "fence" | "why">,
  progress: unknown,
): string | null {
  if (state !== "leased" || typeof progress !== "object" || progress === null) return why;
  const reported = progress as { readonly why?: unknown; readonly fence?: unknown };
  if (typeof reported.why !== "string" || reported.fence !== fence) return why;
  return why === null ? reported.why : `${why}; ${reported.why}`;
}
