/**
 * What a node and a thread that runs handlers say to each other. Values are encoded as they are on their way
 * between nodes, times are durations; two cells of shared memory carry what a thread has to see while it
 * takes no messages.
 */
import { type AbortReason, AttemptAbortedError, FatalError, LeaseLostError } from "../../base/errors.ts";
import type { LeaseStamp, Stamp } from "../../base/sender-clock.ts";
import type { TaskMessage } from "../../protocol/model/types.ts";
import { isError, isInstance, nameOfError, partOf, textsOfThrown } from "../../base/thrown.ts";

export type ToThread =
  /** Answers a thread's `hello` and has waited nowhere: shows how the clocks stand to each other. */
  | (Stamp & { readonly type: "clock" })
  | RunMessage
  | { readonly type: "abort"; readonly no: number; readonly reason: AbortReason; readonly message: string }
  | (LeaseStamp & { readonly type: "renewed"; readonly no: number })
  | {
    readonly type: "checkpointed";
    readonly no: number;
    readonly seq: number;
    /** Null when a quorum has it. */
    readonly error: PlainError | null;
  }
  /** A client sent the task a command; `command` counts within the attempt. */
  | {
    readonly type: "command";
    readonly no: number;
    readonly command: number;
    readonly message: TaskMessage;
  };

export interface RunMessage extends LeaseStamp {
  readonly type: "run";
  /** Of the attempt, within the thread: what belongs to another one is late. */
  readonly no: number;
  /** URL of the handler's module. */
  readonly module: string;
  readonly id: string;
  readonly name: string;
  readonly input: Uint8Array;
  readonly state: Uint8Array | null;
  readonly fence: bigint;
  readonly attempt: number;
  /** Between the deadline and the end of the lease. */
  readonly marginMs: number;
  /** Beats are passed on no more often than this; 0 = none. */
  readonly beatEveryMs: number;
}

export type FromThread =
  /** The thread takes messages; the first that it says. */
  | { readonly type: "hello" }
  | {
    readonly type: "done";
    readonly no: number;
    readonly result: Uint8Array;
    /** Of a stateful handler; null of others. */
    readonly answer: TaskMessage | null;
    readonly handOff: HandOff;
  }
  | { readonly type: "failed"; readonly no: number; readonly error: PlainError; readonly handOff: HandOff }
  | { readonly type: "checkpoint"; readonly no: number; readonly seq: number; readonly state: Uint8Array }
  /** The handler's module is loaded: now it is the handler that is silent or not. */
  | { readonly type: "begun"; readonly no: number }
  | { readonly type: "beat"; readonly no: number }
  | { readonly type: "progress"; readonly no: number; readonly value: Uint8Array }
  /** The load that it reports, or how many more marks there are on its meter. */
  | { readonly type: "load" | "mark"; readonly no: number; readonly value: number }
  /** The handler is a stateful one. */
  | { readonly type: "stateful"; readonly no: number }
  /** A callback or listener of the handler threw. */
  | {
    readonly type: "callbackFailed";
    readonly no: number;
    readonly source: string;
    readonly error: PlainError;
  }
  /** The handler reads commands. */
  | { readonly type: "reading"; readonly no: number }
  /** The handler has carried out this command and all before it. */
  | { readonly type: "carriedOut"; readonly no: number; readonly command: number };

/** A promise that nobody waits for was rejected: it ends the thread, as it would end a process. */
export interface Crash {
  readonly type: "crashed";
  readonly error: PlainError;
}

/** What an aborted handler leaves to the next attempt; null when it leaves nothing. */
export type HandOff = Uint8Array | PlainError | null;

/** From the process around a thread, where there is one. */
export type FromProcess = FromThread | { readonly type: "ended"; readonly error: PlainError };

/** What was thrown, as it crosses between threads. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack: string | null;
  readonly code: string | null;
  /** Of an AttemptAbortedError. */
  readonly reason: AbortReason | null;
  /** A line for each error under it; "" without one. */
  readonly cause: string;
}

/** Whatever was thrown, for its way: what a program reads of it arrives. */
export function plainError(error: unknown): PlainError {
  const { message, cause, stack } = textsOfThrown(error);
  if (!isError(error)) return { name: "Error", message, stack: null, code: null, reason: null, cause };
  const code = partOf(error, "code");
  const name = nameOfError(error);
  return {
    name,
    message,
    stack: stack === "" ? null : stack,
    code: typeof code === "string" ? code : null,
    reason: isInstance(error, AttemptAbortedError) ? error.reason : null,
    cause,
  };
}

/** The error again; of a class of its own where a program may ask for that. */
export function errorOf({ name, message, stack, code, reason, cause }: PlainError): Error {
  if (reason !== null) return new AttemptAbortedError(message, reason);
  const error = code === "LEASE_LOST"
    ? new LeaseLostError(message)
    : code === "FATAL"
    ? new FatalError(message)
    : new Error(message);
  if (error.name !== name) error.name = name;
  // where it was made again says nothing
  error.stack = stack ?? "";
  if (cause !== "") error.cause = cause;
  if (code !== null && !("code" in error)) Object.assign(error, { code });
  return error;
}

/** Numbers in shared memory; a blocked handler reads them too. */
export const CELLS = { lease: 0, abort: 1 } as const;
export const CELLS_BYTES = 16;

/** In the cell `lease`, below the stamp: a day and a half. The 37 bits above are four years. */
const REMAINING_BITS = 27n;
const REMAINING_MAX_MS = 2 ** Number(REMAINING_BITS) - 1;

/** One number for both, rounded down to whole ms: of two a thread might read one old and one new. */
export function packLease({ sentMs, remainingMs }: LeaseStamp): bigint {
  const wholeMs = Math.min(REMAINING_MAX_MS, Math.max(0, Math.floor(remainingMs)));
  return BigInt(Math.floor(sentMs)) << REMAINING_BITS | BigInt(wholeMs);
}

export function unpackLease(cell: bigint): LeaseStamp {
  return {
    sentMs: Number(BigInt.asUintN(64, cell) >> REMAINING_BITS),
    remainingMs: Number(cell & BigInt(REMAINING_MAX_MS)),
  };
}

/** In the cell `abort`; 0 = not aborted. */
export const NO_BY_REASON: Readonly<Record<AbortReason, number>> = {
  drain: 1,
  stop: 2,
  lapsing: 3,
  lapsed: 4,
  condemned: 5,
  stale: 6,
  stuck: 7,
  pause: 8,
  sleep: 9,
  kill: 10,
  release: 11,
  error: 12,
  complete: 13,
  balance: 14,
  expired: 15,
};

export function reasonOfNo(no: number): AbortReason | null {
  const found = Object.entries(NO_BY_REASON).find(([, each]) => each === no);
  // the keys of the table are the reasons
  return found ? found[0] as AbortReason : null;
}
