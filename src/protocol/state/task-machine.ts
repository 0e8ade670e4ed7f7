/**
 * Metafora's state machine of a task: which message leads from which state to which, and what commands do to
 * a task that nobody holds. Pending and leased are its "runnable"; "fault" is passed through at once, since
 * the error policy answers in the same step; it is here, for errors that nobody's handler raised, too.
 */
import { LIMITS } from "../model/limits.ts";
import { chargedLapses, heeded } from "./lapses.ts";
import type {
  HolderMessage,
  RetryPolicy,
  Settlement,
  TaskError,
  TaskMessage,
  TaskRecord,
  TaskRequest,
  TaskSpec,
  TaskState,
  Wake,
} from "../model/types.ts";

type Row = Readonly<Partial<Record<TaskMessage["type"], TaskState>>>;

const RUNNABLE: Row = {
  run: "pending",
  sleep: "sleeping",
  pause: "paused",
  kill: "killed",
  error: "fault",
  complete: "completed",
  checkpoint: "pending",
  release: "pending",
};
const TABLE: Readonly<Record<TaskState, Row>> = {
  pending: RUNNABLE,
  leased: RUNNABLE,
  sleeping: {
    run: "pending",
    sleep: "sleeping",
    pause: "paused",
    kill: "killed",
    error: "fault",
    checkpoint: "sleeping",
    release: "sleeping",
  },
  paused: {
    run: "pending",
    sleep: "sleeping",
    pause: "paused",
    kill: "killed",
    checkpoint: "paused",
    release: "paused",
  },
  fault: { sleep: "sleeping", error: "failed" },
  completed: {},
  killed: {},
  failed: {},
};

/** The state that the message leads to; null when the state does not allow it. */
export function nextState(state: TaskState, message: TaskMessage["type"]): TaskState | null {
  return TABLE[state][message] ?? null;
}

export function isTerminal(state: TaskState): boolean {
  return state === "completed" || state === "failed" || state === "killed";
}

/**
 * As it was submitted, but for its fence and what it has stored: no errors, no lapses, no attempts, and its
 * time begins anew. For who tries a task again that has ended.
 */
export function cleared(record: TaskRecord, atMs: number): TaskRecord {
  return {
    ...record,
    attempt: 0,
    errors: [],
    lapses: [],
    lapsesInSuccession: 0,
    harmlessMs: 0,
    failedBecause: null,
    expiresAtMs: expiryOf(record.spec, atMs),
  };
}

/** Of a task that is recorded then; 0 = never. */
export function expiryOf({ options }: TaskSpec, atMs: number): number {
  const expiresMs = options?.expiresMs ?? 0;
  return expiresMs === 0 ? 0 : atMs + expiresMs;
}

/** What went wrong last, in words; "" when nothing did. */
export function lastErrorOf(record: TaskRecord): string {
  switch (record.failedBecause) {
    case "poison": {
      const count = record.lapsesInSuccession;
      return `poison: the process of its node died while it ran, ${count} times in succession, ` +
        `${chargedLapses(record)} of them while it was the only one to blame`;
    }
    case "expired":
      return `expired: it had not ended ${record.spec.options?.expiresMs ?? 0} ms after its submit`;
    default:
      return record.errors.at(-1)?.message ?? "";
  }
}

// ---- time that is over ------------------------------------------------------------------------------------

/** Its holder has been told that its time is over. */
export function isExpiring({ commands }: TaskRecord): boolean {
  return commands?.queued.some(({ message }) => message.type === "expire") ?? false;
}

/** Nothing of it starts any more at that time. */
export function isOver({ expiresAtMs }: TaskRecord, timeMs: number): boolean {
  return expiresAtMs > 0 && timeMs >= expiresAtMs;
}

/** Failed, or its holder is told. The same: nothing is to be done. */
export function expired(before: TaskRecord, { no, atMs }: { no: number; atMs: number }): TaskRecord {
  if (isTerminal(before.state) || !isOver(before, atMs) || isExpiring(before)) return before;
  // an end has a fence of its own, also if nobody ever held a lease
  if (before.state !== "leased") return { ...carriedOut(before, { type: "expire" }, atMs), fence: no };
  const { queued, known } = before.commands ?? { queued: [], known: [] };
  return { ...before, commands: { queued: [...queued, { no, message: { type: "expire" } }], known } };
}

// ---- errors -----------------------------------------------------------------------------------------------

const ERRORS_MAX = 8;
const ERRORS_WITHIN_MS = 4 * 3600_000;
const SLEEP_MS = 10 * 60_000;
/** With a number of attempts and no policy of its own: 1 s, 2 s, 4 s … at most a minute. */
export const DEFAULT_RETRY: RetryPolicy = { backoffMs: 1000, factor: 2, maxMs: 60_000, jitter: 0.2 };

/** More are not distinguished. */
const DOUBLINGS_MAX = 64;

export interface Failed {
  readonly attemptsMax: number;
  readonly attempt: number;
  /** How long ago the errors before this one were that were the task's own. */
  readonly errorAgesMs: readonly number[];
  readonly retry: RetryPolicy | null;
}

/**
 * How long a task sleeps after an error; null = it has failed. Metafora's rule, ten minutes and failed at the
 * eighth error in four hours, unless it has a number of attempts or a policy of its own. `chance` in [0, 1).
 */
export function sleepAfterError(failed: Failed, chance: number): number | null {
  const { attemptsMax, attempt, errorAgesMs } = failed;
  // attempts that were released or lapsed are not the task's fault; but no more errors than these are kept
  const count = errorAgesMs.length >= LIMITS.errorsPerTaskMax ? attempt : errorAgesMs.length + 1;
  if (attemptsMax === 0) {
    const recentCount = 1 + errorAgesMs.filter((ageMs) => ageMs < ERRORS_WITHIN_MS).length;
    if (recentCount >= ERRORS_MAX) return null;
    if (failed.retry === null) return SLEEP_MS;
  } else if (count >= attemptsMax) return null;
  const { backoffMs, factor, maxMs, jitter } = failed.retry ?? DEFAULT_RETRY;
  let waitMs = backoffMs;
  for (let i = 1; i < Math.min(count, DOUBLINGS_MAX) && waitMs < maxMs; i++) waitMs *= factor;
  return Math.min(maxMs, waitMs) * (1 + jitter * (2 * chance - 1));
}

function withError(
  before: TaskRecord,
  what: Pick<TaskError, "kind" | "message" | "trace" | "atMs">,
  node: number = before.session!.node,
): TaskError[] {
  const { attempt, fence } = before;
  return [...before.errors, { ...what, attempt, fence, node }].slice(-LIMITS.errorsPerTaskMax);
}

// ---- how attempts end -------------------------------------------------------------------------------------

interface Settled {
  readonly settlement: Settlement;
  readonly seq: number;
  readonly atMs: number;
}

/** What a settlement makes of a leased task; commands that still wait are carried out by `withoutHolder`. */
export function settled(before: TaskRecord, { settlement, seq, atMs }: Settled): TaskRecord {
  const heard = heeded(before, { settlement, atMs, isOver: !keepsLease(settlement) });
  if (isExpiring(before) && !keepsLease(settlement)) {
    return { ...ended(heard, "failed", atMs), failedBecause: "expired" };
  }
  return ending(heard, { settlement, seq, atMs });
}

function ending(before: TaskRecord, { settlement, seq, atMs }: Settled): TaskRecord {
  const node = before.session!.node;
  switch (settlement.type) {
    case "complete":
      return {
        ...before,
        state: "completed",
        finishedAtMs: atMs,
        endedByHolder: true,
        result: settlement.result,
      };
    case "fail": {
      const errors = withError(before, { kind: "error", ...textsOf(settlement), atMs });
      return { ...ended(before, "failed", atMs), failedBecause: settlement.because, errors };
    }
    case "error": {
      const errors = withError(before, { kind: "error", ...textsOf(settlement), atMs });
      const { then } = settlement;
      if (then === "kill") return { ...ended(before, "killed", atMs), errors };
      if (then === "pause") return { ...before, state: "paused", errors };
      return { ...asleep(before, settlement, atMs), errors, avoid: node };
    }
    case "release":
      return { ...before, state: "pending", avoid: node };
    case "decline":
      return { ...before, state: "pending", avoid: node, attempt: before.attempt - 1 };
    case "sleep":
      return asleep(before, settlement, atMs);
    case "pause":
      return { ...before, state: "paused" };
    case "kill":
      return ended(before, "killed", atMs);
    case "checkpoint":
      // messages overtake each other, and come twice
      return seq > before.checkpointSeq
        ? { ...before, checkpoint: settlement.state, checkpointSeq: seq }
        : before;
    case "progress":
      return seq > before.progressSeq ? { ...before, progress: settlement.value, progressSeq: seq } : before;
    case "ack":
      return before;
    default:
      return settlement satisfies never;
  }
}

function textsOf(
  { message, trace }: Extract<Settlement, { readonly message: string }>,
): Pick<TaskError, "message" | "trace"> {
  return trace ? { message, trace } : { message };
}

function ended(before: TaskRecord, state: TaskState, atMs: number): TaskRecord {
  return { ...before, state, finishedAtMs: atMs, endedByHolder: true };
}

/** True for what an attempt reports while it goes on. */
export function keepsLease(settlement: Settlement): boolean {
  const { type } = settlement;
  return type === "checkpoint" || type === "progress" || type === "ack";
}

/** The task has ended by this settlement of its present holder: a repeated one gets the same answer again. */
export function endedBy(record: TaskRecord, settlement: Settlement): boolean {
  if (!record.endedByHolder) return false;
  switch (settlement.type) {
    case "complete":
      return record.state === "completed";
    case "fail":
      return record.state === "failed";
    case "kill":
      return record.state === "killed";
    default:
      return false;
  }
}

/** Commands up to number `upTo` wait no more; that its time is over stays true until it has ended. */
export function acked(record: TaskRecord, upTo: number): TaskRecord {
  const { commands } = record;
  if (upTo === 0 || !commands || commands.queued.length === 0) return record;
  const queued = commands.queued.filter(({ no, message }) => no > upTo || message.type === "expire");
  return queued.length === commands.queued.length ? record : { ...record, commands: { ...commands, queued } };
}

function asleep(before: TaskRecord, wake: Wake, atMs: number): TaskRecord {
  const wakeAtMs = "forMs" in wake ? atMs + wake.forMs : wake.untilMs;
  return { ...before, state: wakeAtMs > atMs ? "sleeping" : "pending", wakeAtMs };
}

// ---- commands ---------------------------------------------------------------------------------------------

export function isKnown(record: TaskRecord, cid: number): boolean {
  return record.commands?.known.includes(cid) ?? false;
}

/** What names an end of a task. */
export type EndRequest = Extract<TaskRequest, { readonly type: "retry" | "purge" }>;

/** Why nothing is done with that end; null when it is. */
export function refusalOf(
  { state, fence }: TaskRecord,
  request: EndRequest,
): "open" | "invalid" | "other" | null {
  if (!isTerminal(state)) return "open";
  if (fence !== request.fence) return "other";
  return request.type === "retry" && state === "completed" ? "invalid" : null;
}

/**
 * A task that has ended is pending again, and nothing counts that led to its end. Its checkpoint is kept. The
 * fence grows, so that its next end is another one even if nobody leases it.
 */
export function runAnew(
  before: TaskRecord,
  { no, cid, atMs }: { readonly no: number; readonly cid: number; readonly atMs: number },
): TaskRecord {
  return {
    ...cleared(before, atMs),
    state: "pending",
    fence: no,
    avoid: -1,
    wakeAtMs: 0,
    startedAtMs: 0,
    finishedAtMs: 0,
    endedByHolder: false,
    commands: { queued: [], known: knownWith(before, cid) },
  };
}

function knownWith({ commands }: TaskRecord, cid: number): readonly number[] {
  return [...commands?.known ?? [], cid].slice(-LIMITS.commandsKnownMax);
}

/** A command to the task: it waits for the holder, or is carried out where there is none. */
export function commanded(
  before: TaskRecord,
  command: {
    readonly no: number;
    readonly cid: number;
    readonly message: TaskMessage;
    readonly atMs: number;
  },
): TaskRecord {
  const { no, cid, message, atMs } = command;
  const queued = before.commands?.queued ?? [];
  const known = knownWith(before, cid);
  if (before.state === "leased") {
    return { ...before, commands: { queued: [...queued, { no, message }], known } };
  }
  const after = carriedOut({ ...before, commands: { queued, known } }, message, atMs);
  // an end has a fence of its own, also if nobody ever held a lease
  return isTerminal(after.state) ? { ...after, fence: no } : after;
}

/** Nobody holds the task any more: what still waits is carried out, in order, as far as its states allow. */
export function withoutHolder(record: TaskRecord, atMs: number): TaskRecord {
  const { commands } = record;
  if (!commands || commands.queued.length === 0 || record.state === "leased") return record;
  let now: TaskRecord = { ...record, commands: { queued: [], known: commands.known } };
  // whatever waits beside it comes too late
  if (isExpiring(record)) return carriedOut(now, { type: "expire" }, atMs);
  for (const { message } of commands.queued) now = carriedOut(now, message, atMs);
  return now;
}

function carriedOut(before: TaskRecord, message: HolderMessage, atMs: number): TaskRecord {
  if (message.type === "expire") {
    if (isTerminal(before.state)) return before;
    return { ...before, state: "failed", failedBecause: "expired", finishedAtMs: atMs };
  }
  const state = nextState(before.state, message.type);
  if (state === null) return before;
  switch (message.type) {
    case "run":
      return { ...before, state, wakeAtMs: 0 };
    case "sleep":
      return asleep(before, message, atMs);
    case "kill":
    case "complete":
      return { ...before, state, finishedAtMs: atMs };
    case "error":
      return faulty(before, message.message, atMs);
    case "pause":
    case "checkpoint":
    case "release":
      return { ...before, state };
    default:
      return message satisfies never;
  }
}

/** An error while the task slept keeps its sleep, if that is longer. */
function faulty(before: TaskRecord, message: string, atMs: number): TaskRecord {
  const { attemptsMax, options } = before.spec;
  const errorAgesMs = before.errors.map((error) => atMs - error.atMs);
  const retry = options?.retry ?? null;
  const sleepMs = sleepAfterError({ attemptsMax, attempt: before.attempt, errorAgesMs, retry }, 0.5);
  const errors = withError(before, { kind: "error", message, atMs }, -1);
  if (sleepMs === null) {
    return { ...before, state: "failed", failedBecause: "command", errors, finishedAtMs: atMs };
  }
  const wakeAtMs = Math.max(before.state === "sleeping" ? before.wakeAtMs : 0, atMs + sleepMs);
  return { ...before, state: "sleeping", wakeAtMs, errors };
}
