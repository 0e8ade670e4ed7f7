/** From inputs to recorded tasks: checked, encoded, sent in windows that bound what waits at once. */
import { type TaskDefinition, validInput } from "../task/definition.ts";
import { encodeValue } from "../task/values.ts";
import { type Environment, systemEnvironment } from "../base/environment.ts";
import type { CallOptions, ClientPort } from "../coordinator/coordinator.ts";
import { ConflictError, InvalidInputError, TooOldError } from "../base/errors.ts";
import { LIMITS } from "../protocol/model/limits.ts";
import type { SubmitStatus } from "../protocol/model/messages.ts";
import type { TaskOptions, TaskSpec } from "../protocol/model/types.ts";
import { byteLength, checkKnown, integer, shown } from "../base/arguments.ts";
import { specBytes } from "./rpc-messages.ts";
import { PLACEMENT_KEYS, type PlacementOptions, type RecordOptions, taskOptionsOf } from "./task-options.ts";

export interface ItemOptions extends PlacementOptions, RecordOptions {
  readonly attempts?: number;
  readonly delayMs?: number;
  readonly runAt?: Date;
}

/** One of many; its own options go before those for all. */
export interface SubmitItem<I> extends ItemOptions {
  readonly input: I;
  readonly id?: string;
}

export interface Recorded {
  readonly id: string;
  readonly created: boolean;
}

export const SUBMIT_KEYS: readonly string[] = [
  ...["id", "attempts", "delayMs", "runAt", "timeoutMs", "signal"],
  ...PLACEMENT_KEYS,
];
const ITEM_KEYS = ["input", "id", "attempts", "delayMs", "runAt", ...PLACEMENT_KEYS];
const ATTEMPTS = { min: 1, max: 1_000_000, default: 0 };
const WINDOW_TASKS_MAX = 1000;
const WINDOW_BYTES_MAX = 1_048_576;
/** Windows on their way at once: the next is encoded and sent while the last is being recorded. */
const WINDOWS_MAX = 4;
/** So long after any time of today there still are dates. */
const DELAY_MAX_MS = 4.32e15;
/** Numbers by which a repeat is known. */
const CID_LIMIT = 2 ** 52;

/** @throws TypeError, RangeError, InvalidInputError; a promise only when the schema is asynchronous */
export function specOf(
  definition: TaskDefinition,
  item: SubmitItem<unknown>,
  shared: ItemOptions,
  environment: Environment = systemEnvironment,
): TaskSpec | Promise<TaskSpec> {
  checkKnown("submit a task", item, ITEM_KEYS);
  const { name } = definition ?? {};
  if (typeof name !== "string" || name === "") {
    throw new TypeError(
      `Cannot submit a task: the definition must come from defineTask, got ${shown(definition)}`,
    );
  }
  const { input, id } = item;
  if (id !== undefined) checkId("submit a task", id);
  const when = whenOf(item.delayMs === undefined && item.runAt === undefined ? shared : item);
  const options = optionsOf(item, shared);
  checkExpiry(options, when);
  const spec: TaskSpec = {
    id: id ?? environment.uuid(),
    name,
    payload: encodeValue(input, "input"),
    attemptsMax: integer("submit a task", "attempts", item.attempts ?? shared.attempts, ATTEMPTS),
    runAtMs: when.runAtMs,
    delayMs: when.delayMs,
    cid: Math.floor(environment.random() * CID_LIMIT),
    options,
  };
  if (!definition.input) return spec;
  const valid = checked(() => validInput(definition, input));
  return valid instanceof Promise ? checkedLater(valid, spec) : spec;
}

function optionsOf(item: ItemOptions, shared: ItemOptions): TaskOptions | null {
  let isPlain = true;
  for (const key of PLACEMENT_KEYS) isPlain &&= item[key] === undefined && shared[key] === undefined;
  return isPlain ? null : taskOptionsOf({ ...shared, ...item });
}

function checked<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw asSubmitError(error);
  }
}

async function checkedLater(valid: Promise<unknown>, spec: TaskSpec): Promise<TaskSpec> {
  try {
    await valid;
  } catch (error) {
    throw asSubmitError(error);
  }
  return spec;
}

function asSubmitError(error: unknown): unknown {
  if (!(error instanceof InvalidInputError)) return error;
  return new InvalidInputError(error.message.replace(/^Cannot run/, "Cannot submit"), error.issues);
}

/** @throws TypeError, RangeError */
export function checkId(attempt: string, id: unknown, name = "id"): void {
  if (typeof id !== "string" || id === "" || !id.isWellFormed()) {
    throw new TypeError(`Cannot ${attempt}: ${name} must be a text that is not empty, got ${shown(id)}`);
  }
  const bytes = byteLength(id);
  if (bytes <= LIMITS.idBytesMax) return;
  throw new RangeError(`Cannot ${attempt}: ${name} may have ${LIMITS.idBytesMax} bytes, got ${bytes}`);
}

/** Whether it ends before `runAt` only the cluster's time says: see `recordedOf`. */
function checkExpiry(options: TaskOptions | null, { delayMs }: Pick<TaskSpec, "delayMs">): void {
  const expiresMs = options?.expiresMs ?? 0;
  if (expiresMs === 0 || expiresMs > delayMs) return;
  throw new RangeError(
    `Cannot submit a task: expiresMs must end after delayMs, which is ${delayMs}, or it never starts; ` +
      `got ${expiresMs}`,
  );
}

const AT_ONCE = { runAtMs: 0, delayMs: 0 };

function whenOf({ delayMs, runAt }: ItemOptions): Pick<TaskSpec, "runAtMs" | "delayMs"> {
  if (delayMs !== undefined && runAt !== undefined) {
    throw new TypeError("Cannot submit a task: delayMs and runAt exclude each other, got both");
  }
  if (runAt !== undefined) {
    if (!(runAt instanceof Date) || Number.isNaN(runAt.getTime())) {
      throw new TypeError(`Cannot submit a task: runAt must be a valid Date, got ${shown(runAt)}`);
    }
    return { runAtMs: Math.max(0, runAt.getTime()), delayMs: 0 };
  }
  if (delayMs === undefined) return AT_ONCE;
  if (typeof delayMs !== "number") {
    throw new TypeError(`Cannot submit a task: delayMs must be a number, got ${shown(delayMs)}`);
  }
  if (!(delayMs >= 0 && delayMs <= DELAY_MAX_MS)) {
    throw new RangeError(`Cannot submit a task: delayMs must be >= 0 and end within time, got ${delayMs}`);
  }
  return { runAtMs: 0, delayMs };
}

/** The same as a window of one, with less around it. */
export async function submitOne(port: ClientPort, spec: TaskSpec, options: CallOptions): Promise<Recorded> {
  const [status] = await port.submit([spec], options);
  return recordedOf(spec, status);
}

/**
 * Sends all of them, some windows at a time; resolves in their order, rejects at the first that is refused.
 */
export async function submitWindows(
  port: ClientPort,
  specs: Iterable<TaskSpec | Promise<TaskSpec>>,
  options: CallOptions,
): Promise<Recorded[]> {
  const recorded: Recorded[][] = [];
  const underWay: Set<Promise<void>> = new Set();
  const failures: unknown[] = [];
  for await (const window of windowsOf(specs)) {
    const at = recorded.push([]) - 1;
    const sending = port.submit(window, options).then((statuses) => {
      recorded[at] = window.map((spec, index) => recordedOf(spec, statuses[index]));
    }).catch((error) => failures.push(error)).then(() => {
      underWay.delete(sending);
    });
    underWay.add(sending);
    if (underWay.size >= WINDOWS_MAX) await Promise.race(underWay);
    if (failures.length > 0) throw failures[0];
  }
  await Promise.all(underWay);
  if (failures.length > 0) throw failures[0];
  return recorded.length === 1 ? recorded[0]! : recorded.flat();
}

async function* windowsOf(specs: Iterable<TaskSpec | Promise<TaskSpec>>): AsyncGenerator<TaskSpec[]> {
  let window: TaskSpec[] = [];
  let bytes = 0;
  for (const each of specs) {
    const spec = each instanceof Promise ? await each : each;
    if (
      window.length >= WINDOW_TASKS_MAX ||
      (bytes + specBytes(spec) > WINDOW_BYTES_MAX && window.length > 0)
    ) {
      yield window;
      window = [];
      bytes = 0;
    }
    window.push(spec);
    bytes += specBytes(spec);
  }
  if (window.length > 0) yield window;
}

function recordedOf({ id, runAtMs, options }: TaskSpec, status: SubmitStatus | undefined): Recorded {
  const task = `task ${JSON.stringify(id)}`;
  switch (status) {
    case "created":
    case "exists":
      return { id, created: status === "created" };
    case "conflict":
      throw new ConflictError(`Cannot submit ${task}: its id is in use with another name or input`, [id]);
    case "tooOld":
      throw new TooOldError(
        `Cannot submit ${task}: it was first sent longer ago than finished tasks are known ` +
          `(see retention); it is not known whether it ran`,
      );
    case "expiresFirst":
      throw new RangeError(
        `Cannot submit ${task}: expiresMs must end after runAt, ${new Date(runAtMs).toISOString()}, or it ` +
          `never starts; got ${options?.expiresMs}`,
      );
    default:
      throw new TypeError(
        `Cannot submit ${task}: it is answered with what is no answer, got ${shown(status)}`,
      );
  }
}
