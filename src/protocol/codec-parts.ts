/**
 * How the nouns of types.ts look as bytes: ballots, sessions, tasks and what is said of them. Always a
 * pair, a writer and its reader. Members and rosters are in codec-roster.ts, operations in
 * codec-operations.ts.
 */
import { LIMITS } from "./limits.ts";
import type { Message } from "./messages.ts";
import type {
  Ballot,
  LogEnd,
  SessionId,
  Settlement,
  TaskError,
  TaskRecord,
  TaskSpec,
  TaskState,
} from "./types.ts";
import type { Reader } from "./wire-reader.ts";
import type { Writer } from "./wire.ts";

/** One kind of message: `tag` is its first byte, never to be given to another kind. */
export interface MessageCodec<M> {
  readonly tag: number;
  readonly write: (w: Writer, message: M) => void;
  readonly read: (r: Reader) => M;
}

export type MessageCodecs<T extends Message["type"]> = {
  readonly [K in T]: MessageCodec<Extract<Message, { readonly type: K }>>;
};

// ---- numbers and lists -----------------------------------------------------------------------------------

export function writePartition(w: Writer, p: number): void {
  w.upTo(LIMITS.partitionsMax - 1, p);
}
export function readPartition(r: Reader): number {
  return r.upTo(LIMITS.partitionsMax - 1);
}

export function writeMemberNo(w: Writer, no: number): void {
  w.upTo(LIMITS.memberNoMax, no);
}
export function readMemberNo(r: Reader): number {
  return r.upTo(LIMITS.memberNoMax);
}

export function writeBoot(w: Writer, boot: number): void {
  w.upTo(LIMITS.bootMax, boot);
}
export function readBoot(r: Reader): number {
  return r.upTo(LIMITS.bootMax);
}

export function writeId(w: Writer, id: string): void {
  w.text(LIMITS.idBytesMax, id);
}
export function readId(r: Reader): string {
  return r.text(LIMITS.idBytesMax);
}

export function writeList<T>(
  w: Writer,
  max: number,
  list: readonly T[],
  write: (w: Writer, item: T) => void,
): void {
  w.count(max, list.length);
  for (let i = 0; i < list.length; i++) write(w, list[i]!);
}
export function readList<T>(r: Reader, max: number, read: (r: Reader) => T): T[] {
  const count = r.count(max);
  const list: T[] = [];
  for (let i = 0; i < count; i++) list.push(read(r));
  return list;
}

// ---- ballots, sessions, log ends -------------------------------------------------------------------------

export function writeBallot(w: Writer, ballot: Ballot): void {
  w.uint(ballot.cfg);
  w.uint(ballot.counter);
  w.upTo(LIMITS.memberNoMax, ballot.node);
  w.upTo(LIMITS.bootMax, ballot.boot);
}
export function readBallot(r: Reader): Ballot {
  return { cfg: r.uint(), counter: r.uint(), node: readMemberNo(r), boot: readBoot(r) };
}

export function writeBallotOrNull(w: Writer, ballot: Ballot | null): void {
  w.bool(ballot !== null);
  if (ballot !== null) writeBallot(w, ballot);
}
export function readBallotOrNull(r: Reader): Ballot | null {
  return r.bool() ? readBallot(r) : null;
}

export function writeSession(w: Writer, session: SessionId): void {
  w.upTo(LIMITS.memberNoMax, session.node);
  w.upTo(LIMITS.bootMax, session.boot);
  w.uint(session.n);
}
export function readSession(r: Reader): SessionId {
  return { node: readMemberNo(r), boot: readBoot(r), n: r.uint() };
}

/** A log is empty in both ways or in neither. */
export function writeLogEnd(w: Writer, end: LogEnd): void {
  w.uint(end.index);
  if (end.index > 0) writeBallot(w, ballotOf(end));
}
export function readLogEnd(r: Reader): LogEnd {
  const index = r.uint();
  return { ballot: index > 0 ? readBallot(r) : null, index };
}

function ballotOf(end: LogEnd): Ballot {
  if (end.ballot === null) {
    throw new RangeError(`Cannot encode a log end: must have a ballot, got ${end.index}`);
  }
  return end.ballot;
}

// ---- tasks -----------------------------------------------------------------------------------------------

export function writeSpec(w: Writer, spec: TaskSpec): void {
  w.text(LIMITS.idBytesMax, spec.id);
  w.text(LIMITS.nameBytesMax, spec.name);
  w.uint(spec.attemptsMax);
  w.ms(spec.runAtMs);
  w.ms(spec.firstSentAtMs);
  w.bytes(LIMITS.payloadBytesMax, spec.payload);
}
/** The payload is a window onto what is being read. */
export function readSpec(r: Reader): TaskSpec {
  return readSpecWith(r, false);
}

function readSpecWith(r: Reader, isCopy: boolean): TaskSpec {
  const id = r.text(LIMITS.idBytesMax);
  const name = r.name(LIMITS.nameBytesMax);
  const attemptsMax = r.uint();
  const runAtMs = r.ms();
  const firstSentAtMs = r.ms();
  const payload = isCopy ? r.copy(LIMITS.payloadBytesMax) : r.view(LIMITS.payloadBytesMax);
  return { id, name, payload, attemptsMax, runAtMs, firstSentAtMs };
}

/** The bytes of a settlement come last. */
export function writeSettlement(w: Writer, settlement: Settlement): void {
  switch (settlement.type) {
    case "complete":
      w.u8(0);
      return w.bytesOrNull(LIMITS.payloadBytesMax, settlement.result);
    case "error":
      w.u8(1);
      w.ms(settlement.wakeAtMs);
      return w.text(LIMITS.errorMessageBytesMax, settlement.message);
    case "fail":
      w.u8(2);
      return w.text(LIMITS.errorMessageBytesMax, settlement.message);
    case "release":
      return w.u8(3);
    case "checkpoint":
      w.u8(4);
      return w.bytes(LIMITS.payloadBytesMax, settlement.state);
    default:
      return settlement satisfies never;
  }
}
/** Result and state are windows onto what is being read. */
export function readSettlement(r: Reader): Settlement {
  const tag = r.u8();
  switch (tag) {
    case 0:
      return { type: "complete", result: r.viewOrNull(LIMITS.payloadBytesMax) };
    case 1: {
      const wakeAtMs = r.ms();
      return { type: "error", message: r.text(LIMITS.errorMessageBytesMax), wakeAtMs };
    }
    case 2:
      return { type: "fail", message: r.text(LIMITS.errorMessageBytesMax) };
    case 3:
      return { type: "release" };
    case 4:
      return { type: "checkpoint", state: r.view(LIMITS.payloadBytesMax) };
    default:
      return r.fail(`a settlement must have a kind from 0 to 4, got ${tag}`);
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
const ERROR_KINDS: readonly TaskError["kind"][] = ["error", "lapsed"];

function writeError(w: Writer, error: TaskError): void {
  w.ms(error.atMs);
  w.uint(error.attempt);
  w.uint(error.fence);
  writeMemberNo(w, error.node);
  w.oneOf(ERROR_KINDS, error.kind);
  w.text(LIMITS.errorMessageBytesMax, error.message);
}
function readError(r: Reader): TaskError {
  return {
    atMs: r.ms(),
    attempt: r.uint(),
    fence: r.uint(),
    node: readMemberNo(r),
    kind: r.oneOf(ERROR_KINDS),
    message: r.text(LIMITS.errorMessageBytesMax),
  };
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
  writeList(w, LIMITS.errorsPerTaskMax, record.errors, writeError);
  w.bytesOrNull(LIMITS.payloadBytesMax, record.result);
  w.bytesOrNull(LIMITS.payloadBytesMax, record.checkpoint);
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
    errors: readList(r, LIMITS.errorsPerTaskMax, readError),
    result: r.copyOrNull(LIMITS.payloadBytesMax),
    checkpoint: r.copyOrNull(LIMITS.payloadBytesMax),
  };
}
