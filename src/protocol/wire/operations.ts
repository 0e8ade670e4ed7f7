/**
 * Operations and log entries as bytes. An operation is encoded once, when its steward appends it; after that
 * every frame and every durable record carries the same bytes.
 */
import { isSameBallot } from "../model/ballot.ts";
import {
  readBallot,
  readBoot,
  readId,
  readMemberNo,
  readSession,
  writeBallot,
  writeBoot,
  writeId,
  writeMemberNo,
  writeSession,
} from "./primitives.ts";
import {
  readSettlement,
  readSpec,
  readTaskMessage,
  writeSettlement,
  writeSpec,
  writeTaskMessage,
} from "./tasks.ts";
import { LIMITS } from "../model/limits.ts";
import { copyPart, type Place, viewBytes } from "./slab.ts";
import type { Ballot, Entry, Operation, Settlement } from "../model/types.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

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
      w.uint(op.seq);
      w.uint(op.upTo);
      return writeSettlement(w, op.settlement);
    case "condemn":
      w.u8(4);
      return writeSession(w, op.session);
    case "revert":
      w.u8(5);
      w.ms(op.atMs);
      writeSession(w, op.session);
      w.ms(op.heardAtMs);
      return w.bool(op.isDead);
    case "purge":
      w.u8(6);
      return w.uint(op.count);
    case "command":
      w.u8(7);
      w.ms(op.atMs);
      writeId(w, op.id);
      w.uint(op.cid);
      return writeTaskMessage(w, op.message);
    case "expire":
      w.u8(8);
      w.ms(op.atMs);
      return writeId(w, op.id);
    case "alive":
      w.u8(9);
      writeMemberNo(w, op.node);
      return writeBoot(w, op.boot);
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
      const seq = r.uint();
      const upTo = r.uint();
      return { type: "settle", id, fence, seq, upTo, settlement: readSettlement(r), atMs };
    }
    case 4:
      return { type: "condemn", session: readSession(r) };
    case 5: {
      const atMs = r.ms();
      return { type: "revert", session: readSession(r), atMs, heardAtMs: r.ms(), isDead: r.bool() };
    }
    case 6:
      return { type: "purge", count: r.uint() };
    case 7: {
      const atMs = r.ms();
      return { type: "command", id: readId(r), cid: r.uint(), message: readTaskMessage(r), atMs };
    }
    case 8: {
      const atMs = r.ms();
      return { type: "expire", id: readId(r), atMs };
    }
    case 9:
      return { type: "alive", node: readMemberNo(r), boot: readBoot(r) };
    default:
      return r.fail(`an operation must have a kind from 0 to 9, got ${tag}`);
  }
}

/** The operation as bytes. Throws a RangeError if a part of it is over its limit. */
export function operationToBytes(op: Operation): Uint8Array {
  return write(op).toSharedBytes();
}

function write(op: Operation): Writer {
  operationWriter.reset();
  writeOperation(operationWriter, op);
  return operationWriter;
}

/** The operation that the bytes are; its payload, result or state is a window onto them. */
export function operationFromBytes(bytes: Uint8Array): Operation {
  return operationAt(bytes, 0, bytes.length);
}

function operationAt(bytes: Uint8Array, at: number, length: number): Operation {
  const r = operationReader.reset(bytes, "operation", at, length);
  const op = readOperation(r);
  r.finish();
  r.release();
  return op;
}

/** The same operation with its long bytes as a window onto where it is: stored once, and kept by no frame. */
function bind(op: Operation, place: Place): Operation {
  if (op.type === "submit") {
    const { id, name, attemptsMax, runAtMs, delayMs, cid, options } = op.spec;
    const payload = tail(place, op.spec.payload.length);
    return {
      type: "submit",
      spec: { id, name, payload, attemptsMax, runAtMs, delayMs, cid, options },
      atMs: op.atMs,
    };
  }
  if (op.type === "settle") {
    const settlement = bindSettlement(op.settlement, place);
    if (settlement !== op.settlement) return { ...op, settlement };
  }
  return op;
}

function bindSettlement(settlement: Settlement, place: Place): Settlement {
  if (settlement.type === "complete" && settlement.result !== null) {
    return { type: "complete", result: tail(place, settlement.result.length) };
  }
  if (settlement.type === "checkpoint") {
    return { type: "checkpoint", state: tail(place, settlement.state.length) };
  }
  if (settlement.type === "progress") {
    return { type: "progress", value: tail(place, settlement.value.length) };
  }
  return settlement;
}

function tail(place: Place, length: number): Uint8Array {
  return viewBytes(place.slab, place.at + place.length - length, length);
}

/**
 * An entry of a log. Its operation is kept as an object until it took effect, and as bytes for good: logs are
 * long, and an array of its own for each entry would be most of what the entry takes.
 */
class LogEntry implements Entry {
  readonly ballot: Ballot;
  readonly length: number;
  readonly #slab: Uint8Array;
  readonly #at: number;
  #op: Operation | null;

  /** Throws a ProtocolError when no operation is given and there is none at the place. */
  constructor(ballot: Ballot, { slab, at, length }: Place, op?: Operation) {
    this.ballot = ballot;
    this.length = length;
    this.#slab = slab;
    this.#at = at;
    this.#op = op ?? operationAt(slab, at, length);
  }

  get op(): Operation {
    return this.#op ?? operationAt(this.#slab, this.#at, this.length);
  }

  tookEffect(): void {
    this.#op = null;
  }

  copyTo(target: Uint8Array, at: number): void {
    copyPart(this.#slab, this.#at, this.length, target, at);
  }

  /** For traces. */
  toJSON(): Pick<Entry, "ballot" | "op"> {
    return { ballot: this.ballot, op: this.op };
  }
}

/**
 * The operation as an entry, encoded once and for all. Its payload, result or state is a window onto its
 * bytes, so it keeps nothing of where `op` came from. Throws a RangeError if a part is over its limit.
 */
export function makeEntry(ballot: Ballot, op: Operation): Entry {
  const place = write(op).toPlace();
  return new LogEntry(ballot, place, bind(op, place));
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
    const entry = entries[i]!;
    const { ballot } = entry;
    if (ballot === last || isSameBallot(ballot, last)) {
      w.u8(0);
    } else {
      w.u8(1);
      writeBallot(w, ballot);
      last = ballot;
    }
    w.part(LIMITS.operationBytesMax, entry);
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
    entries.push(new LogEntry(last, r.place(LIMITS.operationBytesMax)));
  }
  return entries;
}
