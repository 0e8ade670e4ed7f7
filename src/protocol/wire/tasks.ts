/**
 * Tasks as bytes: what the submitter fixed, what became of it, how attempts end, commands to tasks. Parts
 * of messages, log entries and snapshots.
 */
import {
  readBoot,
  readId,
  readList,
  readMemberNo,
  readSession,
  writeBoot,
  writeList,
  writeMemberNo,
  writeSession,
} from "./primitives.ts";
import { LIMITS } from "../model/limits.ts";
import type {
  AgreedRetention,
  CommandLog,
  ErrorTrace,
  FailedBecause,
  Lapse,
  Placement,
  QueuedCommand,
  Retention,
  Settlement,
  TaskError,
  TaskMessage,
  TaskOptions,
  TaskRecord,
  TaskRequest,
  TaskSpec,
  TaskState,
  Wake,
} from "../model/types.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

// ---- what the submitter fixed -----------------------------------------------------------------------------

/** No options are one byte. */
export function writeTaskOptions(w: Writer, options: TaskOptions | null): void {
  w.bool(options !== null);
  if (options === null) return;
  w.upTo(2 * LIMITS.priorityMax, options.priority + LIMITS.priorityMax);
  w.bool(options.retry !== null);
  if (options.retry !== null) {
    w.ms(options.retry.backoffMs);
    w.ms(options.retry.factor);
    w.ms(options.retry.maxMs);
    w.ms(options.retry.jitter);
  }
  w.bool(options.placement !== null);
  if (options.placement !== null) writePlacement(w, options.placement);
  w.ms(options.expiresMs);
  w.upTo(LIMITS.lapsesMaxMax, options.lapsesMax);
  writeList(w, LIMITS.tagsMax, options.tags, (w, tag) => w.text(LIMITS.tagBytesMax, tag));
  w.bool(options.retention !== null);
  if (options.retention !== null) writeRetention(w, options.retention);
}
export function readTaskOptions(r: Reader): TaskOptions | null {
  if (!r.bool()) return null;
  return {
    priority: r.upTo(2 * LIMITS.priorityMax) - LIMITS.priorityMax,
    retry: r.bool() ? { backoffMs: r.ms(), factor: r.ms(), maxMs: r.ms(), jitter: r.ms() } : null,
    placement: r.bool() ? readPlacement(r) : null,
    expiresMs: r.ms(),
    lapsesMax: r.upTo(LIMITS.lapsesMaxMax),
    tags: readList(r, LIMITS.tagsMax, (r) => r.sharedText(LIMITS.tagBytesMax)),
    retention: r.bool() ? readRetention(r) : null,
  };
}

function writeRetention(w: Writer, { completedMs, failedMs }: Retention): void {
  w.ms(completedMs);
  w.ms(failedMs);
}
export function readRetention(r: Reader): Retention {
  return { completedMs: r.ms(), failedMs: r.ms() };
}

export function writeAgreedRetention(w: Writer, retention: AgreedRetention | null): void {
  w.uint(retention?.no ?? 0);
  if (retention !== null) writeRetention(w, retention);
}
export function readAgreedRetention(r: Reader): AgreedRetention | null {
  const no = r.uint();
  return no === 0 ? null : { no, ...readRetention(r) };
}

function writePlacement(w: Writer, { requires, prefers, node, apart }: Placement): void {
  writeList(w, LIMITS.labelsMax, requires, (w, { key, value }) => {
    w.text(LIMITS.nameBytesMax, key);
    w.text(LIMITS.nameBytesMax, value);
  });
  writeList(w, LIMITS.labelsMax, prefers, (w, { key, value, weight }) => {
    w.text(LIMITS.nameBytesMax, key);
    w.text(LIMITS.nameBytesMax, value);
    w.upTo(2 * LIMITS.weightMax, weight + LIMITS.weightMax);
  });
  w.text(LIMITS.idBytesMax, node);
  w.text(LIMITS.nameBytesMax, apart);
}
function readPlacement(r: Reader): Placement {
  return {
    requires: readList(r, LIMITS.labelsMax, (r) => ({
      key: r.text(LIMITS.nameBytesMax),
      value: r.text(LIMITS.nameBytesMax),
    })),
    prefers: readList(r, LIMITS.labelsMax, (r) => ({
      key: r.text(LIMITS.nameBytesMax),
      value: r.text(LIMITS.nameBytesMax),
      weight: r.upTo(2 * LIMITS.weightMax) - LIMITS.weightMax,
    })),
    node: r.text(LIMITS.idBytesMax),
    apart: r.text(LIMITS.nameBytesMax),
  };
}

export function writeSpec(w: Writer, spec: TaskSpec): void {
  w.text(LIMITS.idBytesMax, spec.id);
  w.text(LIMITS.nameBytesMax, spec.name);
  w.uint(spec.attemptsMax);
  w.ms(spec.runAtMs);
  w.ms(spec.delayMs);
  w.uint(spec.cid);
  writeTaskOptions(w, spec.options);
  w.bytes(LIMITS.payloadBytesMax, spec.payload);
}
/** The payload is a window onto what is being read. */
export function readSpec(r: Reader): TaskSpec {
  return readSpecWith(r, false);
}

function readSpecWith(r: Reader, isCopy: boolean): TaskSpec {
  const id = readId(r);
  const name = r.sharedText(LIMITS.nameBytesMax);
  const attemptsMax = r.uint();
  const runAtMs = r.ms();
  const delayMs = r.ms();
  const cid = r.uint();
  const options = readTaskOptions(r);
  const payload = isCopy ? r.copy(LIMITS.payloadBytesMax) : r.view(LIMITS.payloadBytesMax);
  return { id, name, payload, attemptsMax, runAtMs, delayMs, cid, options };
}

function writeWake(w: Writer, wake: Wake): void {
  w.bool("forMs" in wake);
  w.ms("forMs" in wake ? wake.forMs : wake.untilMs);
}
function readWake(r: Reader): Wake {
  return r.bool() ? { forMs: r.ms() } : { untilMs: r.ms() };
}

/** Their place is their number on the wire: append only. */
const FAILED_BECAUSE: readonly FailedBecause[] = ["errors", "fatal", "expired", "command", "poison"];

function readFail(r: Reader): Settlement {
  const fail = { type: "fail" as const, message: r.text(LIMITS.errorMessageBytesMax), ...readTrace(r) };
  const because = r.oneOf(FAILED_BECAUSE);
  if (because === "poison") return r.fail("no holder says that its task is poison");
  return { ...fail, because };
}

const AFTER_ERROR: readonly ("pause" | "kill" | undefined)[] = [undefined, "pause", "kill"];

/** The bytes of a settlement come last. */
export function writeSettlement(w: Writer, settlement: Settlement): void {
  switch (settlement.type) {
    case "complete":
      w.u8(0);
      return w.bytesOrNull(LIMITS.payloadBytesMax, settlement.result);
    case "error":
      w.u8(1);
      w.oneOf(AFTER_ERROR, settlement.then);
      writeWake(w, settlement);
      w.text(LIMITS.errorMessageBytesMax, settlement.message);
      return writeTrace(w, settlement.trace);
    case "fail":
      w.u8(2);
      w.text(LIMITS.errorMessageBytesMax, settlement.message);
      writeTrace(w, settlement.trace);
      return w.oneOf(FAILED_BECAUSE, settlement.because);
    case "release":
      return w.u8(3);
    case "checkpoint":
      w.u8(4);
      return w.bytes(LIMITS.payloadBytesMax, settlement.state);
    case "progress":
      w.u8(5);
      return w.bytes(LIMITS.progressBytesMax, settlement.value);
    case "ack":
      return w.u8(6);
    case "sleep":
      w.u8(7);
      return writeWake(w, settlement);
    case "pause":
      return w.u8(8);
    case "kill":
      return w.u8(9);
    case "decline":
      w.u8(10);
      w.ms(settlement.forMs);
      return w.text(LIMITS.declineWhyBytesMax, settlement.why ?? "");
    default:
      return settlement satisfies never;
  }
}
/** Result, state and progress are windows onto what is being read. */
export function readSettlement(r: Reader): Settlement {
  const tag = r.u8();
  switch (tag) {
    case 0:
      return { type: "complete", result: r.viewOrNull(LIMITS.payloadBytesMax) };
    case 1: {
      const then = r.oneOf(AFTER_ERROR);
      const wake = readWake(r);
      const message = r.text(LIMITS.errorMessageBytesMax);
      const error = { type: "error" as const, message, ...wake, ...readTrace(r) };
      return then ? { ...error, then } : error;
    }
    case 2:
      return readFail(r);
    case 3:
      return { type: "release" };
    case 4:
      return { type: "checkpoint", state: r.view(LIMITS.payloadBytesMax) };
    case 5:
      return { type: "progress", value: r.view(LIMITS.progressBytesMax) };
    case 6:
      return { type: "ack" };
    case 7:
      return { type: "sleep", ...readWake(r) };
    case 8:
      return { type: "pause" };
    case 9:
      return { type: "kill" };
    case 10: {
      const forMs = r.ms();
      const why = r.text(LIMITS.declineWhyBytesMax);
      return why === "" ? { type: "decline", forMs } : { type: "decline", forMs, why };
    }
    default:
      return r.fail(`a settlement must have a kind from 0 to 10, got ${tag}`);
  }
}

/** Their place is their number on the wire: append only. */
export const TASK_STATES: readonly TaskState[] = [
  "pending",
  "leased",
  "sleeping",
  "paused",
  "fault",
  "completed",
  "killed",
  "failed",
];
const ERROR_KINDS: readonly TaskError["kind"][] = ["error"];

function writeTrace(w: Writer, trace: ErrorTrace | undefined): void {
  w.bool(trace !== undefined);
  if (trace === undefined) return;
  w.text(LIMITS.errorCauseBytesMax, trace.cause);
  w.text(LIMITS.errorBytesMax, trace.stack);
}
function readTrace(r: Reader): { readonly trace?: ErrorTrace } {
  if (!r.bool()) return {};
  return { trace: { cause: r.text(LIMITS.errorCauseBytesMax), stack: r.text(LIMITS.errorBytesMax) } };
}

function writeError(w: Writer, error: TaskError): void {
  w.ms(error.atMs);
  w.uint(error.attempt);
  w.uint(error.fence);
  w.upTo(LIMITS.memberNoMax + 1, error.node + 1);
  w.oneOf(ERROR_KINDS, error.kind);
  w.text(LIMITS.errorMessageBytesMax, error.message);
  writeTrace(w, error.trace);
}
function readError(r: Reader): TaskError {
  return {
    atMs: r.ms(),
    attempt: r.uint(),
    fence: r.uint(),
    node: r.upTo(LIMITS.memberNoMax + 1) - 1,
    kind: r.oneOf(ERROR_KINDS),
    message: r.text(LIMITS.errorMessageBytesMax),
    ...readTrace(r),
  };
}

/** As above; null: it is not failed. */
export const ENDED_BECAUSE: readonly (FailedBecause | null)[] = [null, ...FAILED_BECAUSE];

function writeLapse(w: Writer, lapse: Lapse): void {
  w.ms(lapse.atMs);
  w.uint(lapse.attempt);
  w.uint(lapse.fence);
  writeMemberNo(w, lapse.node);
  writeBoot(w, lapse.boot);
  w.bool(lapse.ranMs !== null);
  w.ms(lapse.ranMs ?? 0);
  w.bool(lapse.isCounted);
}
function readLapse(r: Reader): Lapse {
  return {
    atMs: r.ms(),
    attempt: r.uint(),
    fence: r.uint(),
    node: readMemberNo(r),
    boot: readBoot(r),
    ranMs: readRanMs(r),
    isCounted: r.bool(),
  };
}
function readRanMs(r: Reader): number | null {
  const isKnown = r.bool();
  const ranMs = r.ms();
  if (!isKnown && ranMs !== 0) r.fail("what is not known must be 0");
  return isKnown ? ranMs : null;
}

export function writeTaskRecord(w: Writer, record: TaskRecord): void {
  writeSpec(w, record.spec);
  w.oneOf(TASK_STATES, record.state);
  w.bool(record.session !== null);
  if (record.session !== null) writeSession(w, record.session);
  w.uint(record.fence);
  w.uint(record.attempt);
  w.upTo(LIMITS.memberNoMax + 1, record.avoid + 1);
  w.ms(record.wakeAtMs);
  w.ms(record.submittedAtMs);
  w.ms(record.startedAtMs);
  w.ms(record.finishedAtMs);
  w.bool(record.endedByHolder);
  writeList(w, LIMITS.errorsPerTaskMax, record.errors, writeError);
  w.bytesOrNull(LIMITS.payloadBytesMax, record.result);
  w.bytesOrNull(LIMITS.payloadBytesMax, record.checkpoint);
  w.bytesOrNull(LIMITS.progressBytesMax, record.progress);
  w.uint(record.checkpointSeq);
  w.uint(record.progressSeq);
  w.bool(record.commands !== null);
  if (record.commands !== null) writeCommandLog(w, record.commands);
  w.ms(record.expiresAtMs);
  w.oneOf(ENDED_BECAUSE, record.failedBecause);
  writeList(w, LIMITS.lapsesPerTaskMax, record.lapses, writeLapse);
  w.uint(record.lapsesInSuccession);
  w.ms(record.harmlessMs);
}
/** Keeps nothing of what is being read. */
export function readTaskRecord(r: Reader): TaskRecord {
  const spec = readSpecWith(r, true);
  const state = r.oneOf(TASK_STATES);
  const session = r.bool() ? readSession(r) : null;
  if (state === "leased" && session === null) r.fail("a leased task must have a session, got none");
  return {
    spec,
    state,
    session,
    fence: r.uint(),
    attempt: r.uint(),
    avoid: r.upTo(LIMITS.memberNoMax + 1) - 1,
    wakeAtMs: r.ms(),
    submittedAtMs: r.ms(),
    startedAtMs: r.ms(),
    finishedAtMs: r.ms(),
    endedByHolder: r.bool(),
    errors: readList(r, LIMITS.errorsPerTaskMax, readError),
    result: r.copyOrNull(LIMITS.payloadBytesMax),
    checkpoint: r.copyOrNull(LIMITS.payloadBytesMax),
    progress: r.copyOrNull(LIMITS.progressBytesMax),
    checkpointSeq: r.uint(),
    progressSeq: r.uint(),
    commands: r.bool() ? readCommandLog(r) : null,
    expiresAtMs: r.ms(),
    failedBecause: r.oneOf(ENDED_BECAUSE),
    lapses: readList(r, LIMITS.lapsesPerTaskMax, readLapse),
    lapsesInSuccession: r.uint(),
    harmlessMs: r.ms(),
  };
}

// ---- commands to tasks ------------------------------------------------------------------------------------

/** Its place is its number on the wire: append only. */
const MESSAGE_TYPES: readonly TaskMessage["type"][] = [
  ...["run", "sleep", "pause", "kill", "error", "complete", "checkpoint", "release"] as const,
];

function writeTaskMessage(w: Writer, message: TaskMessage): void {
  w.oneOf(MESSAGE_TYPES, message.type);
  if (message.type === "sleep") writeWake(w, message);
  if (message.type === "error") w.text(LIMITS.errorMessageBytesMax, message.message);
}
function readTaskMessage(r: Reader): TaskMessage {
  const type = r.oneOf(MESSAGE_TYPES);
  if (type === "sleep") return { type, ...readWake(r) };
  if (type === "error") return { type, message: r.text(LIMITS.errorMessageBytesMax) };
  return { type };
}

/** Behind the commands. Their place is their number on the wire: append only. */
const END_REQUESTS: readonly ("retry" | "purge" | "retain" | null)[] = [
  null,
  "retry",
  "purge",
  "retain",
];

export function writeTaskRequest(w: Writer, request: TaskRequest): void {
  switch (request.type) {
    case "retry":
    case "purge":
      w.oneOf(END_REQUESTS, request.type);
      return w.uint(request.fence);
    case "retain":
      w.oneOf(END_REQUESTS, request.type);
      return writeAgreedRetention(w, request.retention);
    default:
      w.oneOf(END_REQUESTS, null);
      return writeTaskMessage(w, request);
  }
}
export function readTaskRequest(r: Reader): TaskRequest {
  const type = r.oneOf(END_REQUESTS);
  if (type === null) return readTaskMessage(r);
  if (type !== "retain") return { type, fence: r.uint() };
  const retention = readAgreedRetention(r);
  return retention ? { type, retention } : r.fail("a retention must have a number above 0, got 0");
}

export function writeQueued(w: Writer, { no, message }: QueuedCommand): void {
  w.uint(no);
  w.bool(message.type === "expire");
  if (message.type !== "expire") writeTaskMessage(w, message);
}
export function readQueued(r: Reader): QueuedCommand {
  return { no: r.uint(), message: r.bool() ? { type: "expire" } : readTaskMessage(r) };
}

/** One more than commands may wait: that its time is over. */
export const QUEUED_MAX: number = LIMITS.commandsQueuedMax + 1;

function writeCommandLog(w: Writer, { queued, known }: CommandLog): void {
  writeList(w, QUEUED_MAX, queued, writeQueued);
  writeList(w, LIMITS.commandsKnownMax, known, (w, cid) => w.uint(cid));
}

function readCommandLog(r: Reader): CommandLog {
  return {
    queued: readList(r, QUEUED_MAX, readQueued),
    known: readList(r, LIMITS.commandsKnownMax, (r) => r.uint()),
  };
}
