/** Options of a submit beyond the task itself: priority, retries, placement; checked. */
import { LIMITS } from "../protocol/model/limits.ts";
import type { Placement, RetryPolicy, TaskOptions } from "../protocol/model/types.ts";
import { LAPSES_MAX } from "../protocol/state/lapses.ts";
import { byteLength, checkKnown, integer, shown } from "../base/arguments.ts";

/** Attempt n + 1 waits `min(maxMs, backoffMs x factor^(n - 1))`, times 1 ± `jitter` at random. */
export interface RetryOptions {
  /** @default 1000 */
  readonly backoffMs?: number;
  /** >= 1. @default 2 */
  readonly factor?: number;
  /** >= backoffMs. @default 60_000 */
  readonly maxMs?: number;
  /** From 0 to 1. @default 0.2 */
  readonly jitter?: number;
}

/** What a task asks of the nodes that run it. */
export interface PlacementOptions {
  /**
   * Of tasks that wait for the same nodes the higher goes first: -1000 to 1000.
   * @default 0
   */
  readonly priority?: number;
  /** Labels that a node must have. */
  readonly requires?: Readonly<Record<string, string>>;
  /** Labels that make a node better, by weight (-1000 to 1000); negative ones make it worse. */
  readonly prefers?: readonly { readonly label: string; readonly value: string; readonly weight: number }[];
  /** Name or id of the only node that may run it. */
  readonly node?: string;
  /** Tasks with one such key never run on one node at the same time. */
  readonly apart?: string;
  /**
   * How long to wait between attempts.
   * @default 1 s, doubled up to a minute, with `attempts`; else 10 minutes
   */
  readonly retry?: RetryOptions;
  /**
   * So long after its submit was recorded nothing of it starts any more, and what runs is aborted with the
   * reason `expired`; then it is failed. @default never
   */
  readonly expiresMs?: number;
  /**
   * It is failed as poison when the process of its node has died so often while it was the only task to
   * blame: 1 to 1000. @default 5
   */
  readonly lapsesMax?: number;
}

export const PLACEMENT_KEYS: readonly (keyof PlacementOptions)[] = [
  ...["priority", "requires", "prefers", "node", "apart", "retry", "expiresMs", "lapsesMax"] as const,
];
const ATTEMPT = "submit a task";
const DAY_MS = 86_400_000;
/** So long after any time of today there still are dates. */
const EXPIRES_MAX_MS = 4.32e15;

/** @throws TypeError, RangeError that name the option */
export function taskOptionsOf(options: PlacementOptions): TaskOptions | null {
  const priority = integer(ATTEMPT, "priority", options.priority, {
    min: -LIMITS.priorityMax,
    max: LIMITS.priorityMax,
    default: 0,
  });
  const retry = retryOf(options.retry);
  const placement = placementOf(options);
  const expiresMs = expiresMsOf(options.expiresMs);
  const lapses = { min: 1, max: LIMITS.lapsesMaxMax, default: LAPSES_MAX };
  const lapsesMax = integer(ATTEMPT, "lapsesMax", options.lapsesMax, lapses);
  const isPlain = priority === 0 && !retry && !placement && expiresMs === 0 && lapsesMax === LAPSES_MAX;
  return isPlain ? null : { priority, retry, placement, expiresMs, lapsesMax };
}

/** 0 = never. */
function expiresMsOf(expiresMs: unknown): number {
  if (expiresMs === undefined) return 0;
  if (typeof expiresMs !== "number") {
    throw new TypeError(`Cannot ${ATTEMPT}: expiresMs must be a number, got ${shown(expiresMs)}`);
  }
  if (expiresMs >= 1 && expiresMs <= EXPIRES_MAX_MS) return expiresMs;
  throw new RangeError(`Cannot ${ATTEMPT}: expiresMs must be from 1 to ${EXPIRES_MAX_MS}, got ${expiresMs}`);
}

function retryOf(options: RetryOptions | undefined): RetryPolicy | null {
  if (options === undefined) return null;
  checkKnown(`${ATTEMPT}: retry`, options, ["backoffMs", "factor", "maxMs", "jitter"]);
  const between = (name: keyof RetryOptions, min: number, max: number, byDefault: number): number => {
    const value = options[name] ?? byDefault;
    if (typeof value !== "number") {
      throw new TypeError(`Cannot ${ATTEMPT}: retry.${name} must be a number, got ${shown(value)}`);
    }
    if (value >= min && value <= max) return value;
    throw new RangeError(`Cannot ${ATTEMPT}: retry.${name} must be from ${min} to ${max}, got ${value}`);
  };
  const backoffMs = between("backoffMs", 0, 365 * DAY_MS, 1000);
  return {
    backoffMs,
    factor: between("factor", 1, 1000, 2),
    maxMs: between("maxMs", backoffMs, 365 * DAY_MS, Math.max(60_000, backoffMs)),
    jitter: between("jitter", 0, 1, 0.2),
  };
}

function placementOf({ requires, prefers, node, apart }: PlacementOptions): Placement | null {
  if (requires === undefined && prefers === undefined && node === undefined && apart === undefined) {
    return null;
  }
  if (
    requires !== undefined && (typeof requires !== "object" || requires === null || Array.isArray(requires))
  ) {
    throw new TypeError(`Cannot ${ATTEMPT}: requires must map labels to texts, got ${shown(requires)}`);
  }
  if (prefers !== undefined && !Array.isArray(prefers)) {
    throw new TypeError(`Cannot ${ATTEMPT}: prefers must be a list, got ${shown(prefers)}`);
  }
  const required = Object.entries(requires ?? {}).map(([key, value]) => ({
    key: short("a label of requires", key, LIMITS.nameBytesMax),
    value: short(`label ${shown(key)} of requires`, value, LIMITS.nameBytesMax),
  }));
  const preferred = (prefers ?? []).map((each) => {
    checkKnown(`${ATTEMPT}: prefers`, each, ["label", "value", "weight"]);
    const { label, value, weight } = each;
    const bounds = { min: -LIMITS.weightMax, max: LIMITS.weightMax, default: 1 };
    return {
      key: short("a label of prefers", label, LIMITS.nameBytesMax),
      value: short(`label ${shown(label)} of prefers`, value, LIMITS.nameBytesMax),
      weight: integer(ATTEMPT, "a weight of prefers", weight, bounds),
    };
  });
  for (const [name, list] of [["requires", required], ["prefers", preferred]] as const) {
    if (list.length <= LIMITS.labelsMax) continue;
    throw new RangeError(
      `Cannot ${ATTEMPT}: ${name} may have ${LIMITS.labelsMax} labels, got ${list.length}`,
    );
  }
  return {
    requires: required.sort((a, b) => (a.key < b.key ? -1 : 1)),
    prefers: preferred,
    node: node === undefined ? "" : short("node", node, LIMITS.idBytesMax),
    apart: apart === undefined ? "" : short("apart", apart, LIMITS.nameBytesMax),
  };
}

function short(what: string, value: unknown, bytesMax: number): string {
  if (typeof value !== "string" || value === "" || !value.isWellFormed()) {
    throw new TypeError(`Cannot ${ATTEMPT}: ${what} must be a text that is not empty, got ${shown(value)}`);
  }
  if (byteLength(value) <= bytesMax) return value;
  throw new RangeError(`Cannot ${ATTEMPT}: ${what} may have ${bytesMax} bytes, got ${byteLength(value)}`);
}

/** A stranger's value has the form of what `taskOptionsOf` makes; its limits are the codec's. */
export function areTaskOptions(value: unknown): value is TaskOptions | null {
  if (value === null) return true;
  if (!isObject(value) || !Number.isInteger(value["priority"])) return false;
  const { expiresMs, lapsesMax } = value;
  if (!(typeof expiresMs === "number" && expiresMs >= 0 && expiresMs <= EXPIRES_MAX_MS)) return false;
  if (!(Number.isInteger(lapsesMax) && (lapsesMax as number) >= 1)) return false;
  const { retry, placement } = value;
  if (retry !== null) {
    if (!isObject(retry)) return false;
    const numbers = [retry["backoffMs"], retry["factor"], retry["maxMs"], retry["jitter"]];
    if (!numbers.every((each) => typeof each === "number" && each >= 0 && each < Infinity)) return false;
  }
  if (placement === null) return true;
  if (!isObject(placement)) return false;
  const { requires, prefers, node, apart } = placement;
  const areLabels = (list: unknown): boolean =>
    Array.isArray(list) &&
    list.every((each) =>
      isObject(each) && typeof each["key"] === "string" && typeof each["value"] === "string"
    );
  return typeof node === "string" && typeof apart === "string" && areLabels(requires) && areLabels(prefers) &&
    (prefers as { weight: unknown }[]).every(({ weight }) => Number.isInteger(weight));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
