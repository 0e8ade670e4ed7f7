/**
 * What a non-member and the member that serves it say to each other: CBOR arrays of messages, all that is
 * due in a turn in one frame. A request is `[number, method, arguments]`; it is answered by `[number, "ok",
 * value]`, `[number, "error", error]` or, for a watch, by any number of `[number, "item", value]`.
 */
import { decode, encode } from "cborg";
import {
  BusyError,
  ConflictError,
  ConnectError,
  InvalidInputError,
  NoQuorumError,
  NotFoundError,
  StateError,
  StoppedError,
  TooLargeError,
  TooOldError,
  UnknownOutcomeError,
  VersionMismatchError,
} from "../base/errors.ts";
import { StolosError } from "../protocol/model/stolos-error.ts";
import { LIMITS } from "../protocol/model/limits.ts";
import { encodeOperation } from "../protocol/wire/frame.ts";
import type { TaskSpec } from "../protocol/model/types.ts";
import type { ListPage } from "../coordinator/coordinator.ts";
import { areTaskOptions } from "./task-options.ts";

export type RpcMethod =
  | "submit"
  | "outcome"
  | "get"
  | "list"
  | "nodes"
  | "health"
  | "commandNode"
  | "watch"
  | "command"
  | "retention"
  | "retain"
  | "ping"
  | "cancel";
export type RpcMessage = readonly [rid: number, kind: string, value: unknown];

/** What the mesh allows: a single message may have as much. */
const FRAME_BYTES_MAX = 4_194_304;
/** Room for what is around the tasks of a page. */
const PAGE_BYTES_MAX = FRAME_BYTES_MAX - 65_536;

/**
 * As many frames as it takes. `tooLarge` is told of a message that fits none, and gives what goes in its
 * place; null = nothing.
 */
export function encodeRpc(
  messages: readonly RpcMessage[],
  tooLarge: (message: RpcMessage, bytes: number) => RpcMessage | null,
): Uint8Array[] {
  const whole = encode(messages);
  if (whole.length <= FRAME_BYTES_MAX) return [whole];
  if (messages.length === 1) {
    const instead = tooLarge(messages[0]!, whole.length);
    return instead ? [encode([instead])] : [];
  }
  const half = messages.length >> 1;
  return [...encodeRpc(messages.slice(0, half), tooLarge), ...encodeRpc(messages.slice(half), tooLarge)];
}

/** What does not fit, and what helps. */
export function tooLargeError(what: string, bytes: number): TooLargeError {
  return new TooLargeError(
    `Cannot ${what}: it would take ${bytes} bytes, and a message may have ${FRAME_BYTES_MAX}; ask for less ` +
      `at once, by a filter or a limit, or in several calls`,
  );
}

/** As much of the page as fits a frame, and where to go on. */
export function fittingPage({ tasks, next }: ListPage): ListPage {
  let bytes = 0;
  for (const [at, task] of tasks.entries()) {
    bytes += encode(task).length;
    if (bytes <= PAGE_BYTES_MAX || at === 0) continue;
    const last = tasks[at - 1]!;
    return { tasks: tasks.slice(0, at), next: { p: last.partition, after: last.id } };
  }
  return { tasks, next };
}

/** What a spec takes in a request, in bytes; rather more. */
export function specBytes({ id, name, payload, options }: TaskSpec): number {
  const text = 3 * (id.length + name.length);
  return payload.length + text + (options ? encode(options).length : 0) + SPEC_NUMBERS_BYTES;
}

/** @throws TypeError when the bytes are no messages */
export function decodeRpc(bytes: Uint8Array): RpcMessage[] {
  const messages: unknown = decode(bytes);
  if (Array.isArray(messages) && messages.every(isRpcMessage)) return messages;
  throw new TypeError("Cannot read a frame: it holds no messages");
}

/** A number is at most nine bytes, and so is what stands before a text. */
const SPEC_NUMBERS_BYTES = 100;
/** It is no longer than it may be, whatever its characters are. */
const PLAIN_NAME_CHARS_MAX = LIMITS.nameBytesMax / 3;
/** What a Date can show. */
const TIME_MAX_MS = 8.64e15;

function isRpcMessage(value: unknown): value is RpcMessage {
  return Array.isArray(value) && value.length === 3 && Number.isSafeInteger(value[0]) &&
    typeof value[1] === "string";
}

export function packSpec(spec: TaskSpec): unknown[] {
  const { id, name, payload, attemptsMax, runAtMs, delayMs, cid, options } = spec;
  return [id, name, payload, attemptsMax, runAtMs, delayMs, cid, options];
}

/** @throws TypeError when it is none */
export function unpackSpec(packed: unknown): TaskSpec {
  const [id, name, payload, attemptsMax, runAtMs, delayMs, cid, options] = Array.isArray(packed)
    ? packed as unknown[]
    : [];
  const isGood = typeof id === "string" && id !== "" && typeof name === "string" && name !== "" &&
    payload instanceof Uint8Array && isTime(attemptsMax) && Number.isInteger(attemptsMax) &&
    isTime(runAtMs) && isTime(delayMs) && isTime(cid) && Number.isSafeInteger(cid) && areTaskOptions(options);
  if (!isGood) throw new TypeError("Cannot submit: a task is not well-formed");
  const spec = { id, name, payload, attemptsMax, runAtMs, delayMs, cid, options };
  checkLimits(spec);
  return spec;
}

/** What a log cannot hold must not get as far as a steward. */
function checkLimits(spec: TaskSpec): void {
  const { name, payload, options } = spec;
  const isPlain = options === null && name.length <= PLAIN_NAME_CHARS_MAX && name.isWellFormed() &&
    payload.length <= LIMITS.payloadBytesMax;
  if (isPlain) return;
  try {
    encodeOperation({ type: "submit", spec, atMs: 0 });
  } catch (error) {
    throw new RangeError(`Cannot submit: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Also of a length of time. */
function isTime(value: unknown): value is number {
  return typeof value === "number" && value >= 0 && value <= TIME_MAX_MS;
}

/** An error as plain data; what is not the library's own stays a plain message. */
export function packError(error: unknown): unknown {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof StolosError)) {
    const code = error instanceof RangeError ? "RANGE" : error instanceof TypeError ? "TYPE" : "";
    return { code, message };
  }
  const { code } = error;
  if (error instanceof NoQuorumError) {
    return { code, message, partition: error.partition, keepers: error.keepers };
  }
  if (error instanceof UnknownOutcomeError) return { code, message, ids: error.ids };
  return { code, message };
}

export function unpackError(packed: unknown): Error {
  const { code, message, partition, keepers, ids } = (packed ?? {}) as Record<string, unknown>;
  const text = typeof message === "string" ? message : "Cannot do it: the member gave no reason";
  const idList = Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
  switch (code) {
    case "NO_QUORUM":
      return new NoQuorumError(
        text,
        typeof partition === "number" ? partition : -1,
        Array.isArray(keepers) ? keepers as NoQuorumError["keepers"] : [],
      );
    case "UNKNOWN_OUTCOME":
      return new UnknownOutcomeError(text, idList);
    case "CONFLICT":
      return new ConflictError(text);
    case "INVALID_INPUT":
      return new InvalidInputError(text);
    case "OUTCOME_UNKNOWN_RETENTION":
      return new TooOldError(text);
    case "TOO_LARGE":
      return new TooLargeError(text);
    case "BUSY":
      return new BusyError(text);
    case "NOT_FOUND":
      return new NotFoundError(text);
    case "WRONG_STATE":
      return new StateError(text);
    case "CONNECT_FAILED":
      return new ConnectError(text);
    case "STOPPED":
      return new StoppedError(text);
    case "VERSION_MISMATCH":
      return new VersionMismatchError(text);
    case "RANGE":
      return new RangeError(text);
    case "TYPE":
      return new TypeError(text);
    default:
      return new StolosError("REMOTE", text);
  }
}
