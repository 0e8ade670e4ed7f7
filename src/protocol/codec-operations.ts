/**
 * Operations and log entries as bytes. An operation is encoded once, when its steward appends it; after that
 * every frame and every durable record carries the same bytes.
 */
import { isSameBallot } from "./ballot.ts";
import { readBallot, readId, readSession, writeBallot, writeId, writeSession } from "./codec-parts.ts";
import {
  readSettlement,
  readSpec,
  readTaskMessage,
  writeSettlement,
  writeSpec,
  writeTaskMessage,
} from "./codec-tasks.ts";
import { LIMITS } from "./limits.ts";
import { viewBytes } from "./slab.ts";
import type { Ballot, Entry, Operation, Settlement } from "./types.ts";
import { Reader } from "./wire-reader.ts";
import { Writer } from "./wire.ts";

const NOOP: Operation = { type: "noop" };
const operationWriter = new Writer(LIMITS.operationBytesMax);
const operationReader = new Reader();

/** What is long comes last: see `bind`. */
function writeOperation(w: Writer, op: Operation): void {
  switch (op.type) {
    case "noop":
      return w.u8(0);
    case "submit":
      w.u8(1);
      w.ms(op.atMs);
      return writeSpec(w, op.spec);
    case "lease":
      w.u8(2);
      w.ms(op.atMs);
      writeId(w, op.id);
      return writeSession(w, op.session);
    case "settle":
      w.u8(3);
      w.ms(op.atMs);
      writeId(w, op.id);
      w.uint(op.fence);
      w.uint(op.upTo);
      return writeSettlement(w, op.settlement);
    case "condemn":
      w.u8(4);
      return writeSession(w, op.session);
    case "revert":
      w.u8(5);
      w.ms(op.atMs);
      return writeSession(w, op.session);
    case "purge":
      w.u8(6);
      return w.uint(op.count);
    case "command":
      w.u8(7);
      w.ms(op.atMs);
      writeId(w, op.id);
      w.uint(op.cid);
      return writeTaskMessage(w, op.message);
    default:
      return op satisfies never;
  }
}

function readOperation(r: Reader): Operation {
  const tag = r.u8();
  switch (tag) {
    case 0:
      return NOOP;
    case 1: {
      const atMs = r.ms();
      return { type: "submit", spec: readSpec(r), atMs };
    }
    case 2: {
      const atMs = r.ms();
      return { type: "lease", id: readId(r), session: readSession(r), atMs };
    }
    case 3: {
      const atMs = r.ms();
      const id = readId(r);
      const fence = r.uint();
      const upTo = r.uint();
      return { type: "settle", id, fence, upTo, settlement: readSettlement(r), atMs };
    }
    case 4:
      return { type: "condemn", session: readSession(r) };
    case 5: {
      const atMs = r.ms();
      return { type: "revert", session: readSession(r), atMs };
    }
    case 6:
      return { type: "purge", count: r.uint() };
    case 7: {
      const atMs = r.ms();
      return { type: "command", id: readId(r), cid: r.uint(), message: readTaskMessage(r), atMs };
    }
    default:
      return r.fail(`an operation must have a kind from 0 to 7, got ${tag}`);
  }
}

/** The operation as bytes. Throws a RangeError if a part of it is over its limit. */
export function operationToBytes(op: Operation): Uint8Array {
  operationWriter.reset();
  writeOperation(operationWriter, op);
  return operationWriter.toSharedBytes();
}

/** The operation that the bytes are; its payload, result or state is a window onto them. */
export function operationFromBytes(bytes: Uint8Array): Operation {
  const r = operationReader.reset(bytes, "operation");
  const op = readOperation(r);
  r.finish();
  r.release();
  return op;
}

/**
 * The same operation with its long bytes as a window onto `bytes`: stored once, and independent of any
 * frame.
 */
export function bind(op: Operation, bytes: Uint8Array): Operation {
  if (op.type === "submit") {
    const { id, name, attemptsMax, runAtMs, firstSentAtMs, options } = op.spec;
    const payload = tail(bytes, op.spec.payload.length);
    return {
      type: "submit",
      spec: { id, name, payload, attemptsMax, runAtMs, firstSentAtMs, options },
      atMs: op.atMs,
    };
  }
  if (op.type === "settle") {
    const settlement = bindSettlement(op.settlement, bytes);
    if (settlement !== op.settlement) return { ...op, settlement };
  }
  return op;
}

function bindSettlement(settlement: Settlement, bytes: Uint8Array): Settlement {
  if (settlement.type === "complete" && settlement.result !== null) {
    return { type: "complete", result: tail(bytes, settlement.result.length) };
  }
  if (settlement.type === "checkpoint") {
    return { type: "checkpoint", state: tail(bytes, settlement.state.length) };
  }
  if (settlement.type === "progress") {
    return { type: "progress", value: tail(bytes, settlement.value.length) };
  }
  return settlement;
}

function tail(bytes: Uint8Array, length: number): Uint8Array {
  return viewBytes(bytes, bytes.length - length, length);
}

/** An entry of a log. Its operation is kept as an object until it took effect, and as bytes for good. */
export class LogEntry implements Entry {
  readonly ballot: Ballot;
  readonly bytes: Uint8Array;
  #op: Operation | null;

  constructor(ballot: Ballot, op: Operation, bytes: Uint8Array) {
    this.ballot = ballot;
    this.bytes = bytes;
    this.#op = op;
  }

  get op(): Operation {
    return this.#op ?? operationFromBytes(this.bytes);
  }

  tookEffect(): void {
    this.#op = null;
  }
}

/** Entries mostly have the ballot of the one before, the first that of `first`: a flag stands for it. */
export function writeEntries(
  w: Writer,
  countMax: number,
  first: Ballot | null,
  entries: readonly Entry[],
): void {
  w.count(countMax, entries.length);
  let last = first;
  for (let i = 0; i < entries.length; i++) {
    const { ballot, bytes } = entries[i]!;
    if (ballot === last || isSameBallot(ballot, last)) {
      w.u8(0);
    } else {
      w.u8(1);
      writeBallot(w, ballot);
      last = ballot;
    }
    w.bytes(LIMITS.operationBytesMax, bytes);
  }
}

/** Entries with one ballot share one object; none keeps what is being read. */
export function readEntries(r: Reader, countMax: number, first: Ballot | null): Entry[] {
  const count = r.count(countMax);
  const entries: Entry[] = [];
  let last = first;
  for (let i = 0; i < count; i++) {
    if (r.bool()) {
      const ballot = readBallot(r);
      if (isSameBallot(ballot, last)) r.fail("an entry's ballot must be left out where it does not change");
      last = ballot;
    }
    if (last === null) return r.fail("the first entry must have a ballot, got none");
    const bytes = r.copy(LIMITS.operationBytesMax);
    entries.push(new LogEntry(last, operationFromBytes(bytes), bytes));
  }
  return entries;
}
