/**
 * How the nouns of model/types.ts look as bytes: numbers, lists, ballots, sessions. Always a pair, a writer
 * and its reader. Tasks are in tasks.ts, members and rosters in roster-messages.ts, operations in
 * operations.ts.
 */
import { LIMITS } from "../model/limits.ts";
import type { Message } from "../model/messages.ts";
import type { Ballot, LogEnd, SessionId } from "../model/types.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** One kind of message as bytes, after its tag (TAGS in frame.ts). */
export interface MessageCodec<M> {
  readonly write: (w: Writer, message: M) => void;
  readonly read: (r: Reader) => M;
}

export type MessageCodecs<T extends Message["type"]> = {
  readonly [K in T]: MessageCodec<Extract<Message, { readonly type: K }>>;
};

// ---- numbers and lists ------------------------------------------------------------------------------------

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
  return r.sharedText(LIMITS.idBytesMax);
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

// ---- ballots, sessions, log ends --------------------------------------------------------------------------

const BALLOT_SLOTS = 1024;
const ballots: Ballot[] = new Array(BALLOT_SLOTS).fill({ cfg: -1, counter: 0, node: -1, boot: 0 });

export function writeBallot(w: Writer, ballot: Ballot): void {
  w.uint(ballot.cfg);
  w.uint(ballot.counter);
  w.upTo(LIMITS.memberNoMax, ballot.node);
  w.upTo(LIMITS.bootMax, ballot.boot);
}
/** Most likely the same object as the last one with these numbers: entries and messages keep many. */
export function readBallot(r: Reader): Ballot {
  const cfg = r.uint();
  const counter = r.uint();
  const node = readMemberNo(r);
  const boot = readBoot(r);
  const slot = (node * 31 + counter) % BALLOT_SLOTS;
  const known = ballots[slot]!;
  if (known.counter === counter && known.node === node && known.boot === boot && known.cfg === cfg) {
    return known;
  }
  return ballots[slot] = { cfg, counter, node, boot };
}

export function writeBallotOrNull(w: Writer, ballot: Ballot | null): void {
  w.bool(ballot !== null);
  if (ballot !== null) writeBallot(w, ballot);
}
export function readBallotOrNull(r: Reader): Ballot | null {
  return r.bool() ? readBallot(r) : null;
}

const SESSION_SLOTS = 256;
const sessions: SessionId[] = new Array(SESSION_SLOTS).fill({ node: -1, boot: 0, n: 0 });

export function writeSession(w: Writer, session: SessionId): void {
  w.upTo(LIMITS.memberNoMax, session.node);
  w.upTo(LIMITS.bootMax, session.boot);
  w.uint(session.n);
}
/** One with the numbers of the last one of its node is the same object. */
export function readSession(r: Reader): SessionId {
  const node = readMemberNo(r);
  const boot = readBoot(r);
  const n = r.uint();
  const slot = node % SESSION_SLOTS;
  const known = sessions[slot]!;
  if (known.n === n && known.boot === boot && known.node === node) return known;
  return sessions[slot] = { node, boot, n };
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
