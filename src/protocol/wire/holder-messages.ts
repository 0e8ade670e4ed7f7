/**
 * Messages between stewards and the nodes that run tasks as bytes: attach, credit, grant, settle; heartbeats.
 */
import { LIMITS } from "../model/limits.ts";
import type {
  AnnouncedTerm,
  AttachMessage,
  CreditMessage,
  GrantedTask,
  GrantMessage,
  HeartbeatReplyMessage,
  SettleMessage,
  SettleReplyMessage,
  Standing,
} from "../model/messages.ts";
import {
  type MessageCodecs,
  readBallot,
  readBoot,
  readId,
  readList,
  readMemberNo,
  readPartition,
  writeBallot,
  writeBoot,
  writeId,
  writeList,
  writeMemberNo,
  writePartition,
} from "./primitives.ts";
import type { Reader } from "./reader.ts";
import { readSettlement, readTaskOptions, writeSettlement, writeTaskOptions } from "./tasks.ts";
import type { Writer } from "./writer.ts";

type Held = AttachMessage["held"][number];
type SettleItem = SettleMessage["items"][number];
type SettleAnswer = SettleReplyMessage["items"][number];

/** Their place is their number on the wire: append only. */
const STANDINGS: readonly Standing[] = ["up", "draining", "frozen"];

const writeUint = (w: Writer, value: number): void => w.uint(value);
const readUint = (r: Reader): number => r.uint();
const writeMs = (w: Writer, value: number): void => w.ms(value);
const readMs = (r: Reader): number => r.ms();
const writeHandler = (w: Writer, name: string): void => w.text(LIMITS.nameBytesMax, name);
const readHandler = (r: Reader): string => r.sharedText(LIMITS.nameBytesMax);

function writeHeld(w: Writer, held: Held): void {
  writeId(w, held.id);
  w.uint(held.fence);
}
function readHeld(r: Reader): Held {
  return { id: readId(r), fence: r.uint() };
}

function writeLimit(w: Writer, limit: CreditMessage["limits"][number]): void {
  w.text(LIMITS.nameBytesMax, limit.name);
  w.uint(limit.free);
}
function readLimit(r: Reader): CreditMessage["limits"][number] {
  return { name: readHandler(r), free: r.uint() };
}

function writeCredit(w: Writer, m: CreditMessage): void {
  writeBoot(w, m.boot);
  writeBoot(w, m.stewardBoot);
  w.uint(m.seq);
  w.uint(m.free);
  w.uint(m.upTo);
  w.uint(m.load);
  w.oneOf(STANDINGS, m.standing);
  writeList(w, LIMITS.handlersMax, m.handlers, writeHandler);
  w.bool(m.recall);
  w.uint(m.changes);
  writeList(w, LIMITS.handlersMax, m.limits, writeLimit);
}
function readCredit(r: Reader): CreditMessage {
  return {
    type: "credit",
    boot: readBoot(r),
    stewardBoot: readBoot(r),
    seq: r.uint(),
    free: r.uint(),
    upTo: r.uint(),
    load: r.uint(),
    standing: r.oneOf(STANDINGS),
    handlers: readList(r, LIMITS.handlersMax, readHandler),
    recall: r.bool(),
    changes: r.uint(),
    limits: readList(r, LIMITS.handlersMax, readLimit),
  };
}

function writeGranted(w: Writer, task: GrantedTask): void {
  w.uint(task.no);
  writeId(w, task.id);
  w.uint(task.fence);
  w.uint(task.attempt);
  w.text(LIMITS.nameBytesMax, task.name);
  w.bytes(LIMITS.payloadBytesMax, task.payload);
  w.uint(task.attemptsMax);
  writeList(w, LIMITS.errorsPerTaskMax, task.errorAgesMs, writeMs);
  writeTaskOptions(w, task.options);
  w.bytesOrNull(LIMITS.payloadBytesMax, task.checkpoint);
  w.ms(task.expiresAtMs);
  w.bool(task.isOnProbation);
}
/** Payload and checkpoint are copies: a task may run for hours. */
function readGranted(r: Reader): GrantedTask {
  return {
    no: r.uint(),
    id: readId(r),
    fence: r.uint(),
    attempt: r.uint(),
    name: r.sharedText(LIMITS.nameBytesMax),
    payload: r.copy(LIMITS.payloadBytesMax),
    attemptsMax: r.uint(),
    errorAgesMs: readList(r, LIMITS.errorsPerTaskMax, readMs),
    options: readTaskOptions(r),
    checkpoint: r.copyOrNull(LIMITS.payloadBytesMax),
    expiresAtMs: r.ms(),
    isOnProbation: r.bool(),
  };
}

function writeGrant(w: Writer, m: GrantMessage): void {
  writePartition(w, m.p);
  writeBallot(w, m.ballot);
  writeBoot(w, m.boot);
  w.uint(m.n);
  w.uint(m.attach);
  w.uint(m.grantFloor);
  writeList(w, LIMITS.itemsPerMessageMax, m.tasks, writeGranted);
}
function readGrant(r: Reader): GrantMessage {
  return {
    type: "grant",
    p: readPartition(r),
    ballot: readBallot(r),
    boot: readBoot(r),
    n: r.uint(),
    attach: r.uint(),
    grantFloor: r.uint(),
    tasks: readList(r, LIMITS.itemsPerMessageMax, readGranted),
  };
}

function writeSettleItem(w: Writer, item: SettleItem): void {
  writeId(w, item.id);
  w.uint(item.fence);
  w.uint(item.seq);
  w.uint(item.upTo);
  writeSettlement(w, item.settlement);
}
function readSettleItem(r: Reader): SettleItem {
  const id = readId(r);
  return { id, fence: r.uint(), seq: r.uint(), upTo: r.uint(), settlement: readSettlement(r) };
}

function writeSettleAnswer(w: Writer, item: SettleAnswer): void {
  w.uint(item.fence);
  w.uint(item.seq);
  w.bool(item.accepted);
}
function readSettleAnswer(r: Reader): SettleAnswer {
  return { fence: r.uint(), seq: r.uint(), accepted: r.bool() };
}

function writeAttach(w: Writer, m: AttachMessage): void {
  writePartition(w, m.p);
  writeBallot(w, m.ballot);
  writeMemberNo(w, m.node);
  writeBoot(w, m.boot);
  w.uint(m.n);
  w.uint(m.attach);
  writeList(w, LIMITS.heldMax, m.held, writeHeld);
}
function readAttach(r: Reader): AttachMessage {
  return {
    type: "attach",
    p: readPartition(r),
    ballot: readBallot(r),
    node: readMemberNo(r),
    boot: readBoot(r),
    n: r.uint(),
    attach: r.uint(),
    held: readList(r, LIMITS.heldMax, readHeld),
  };
}

export const HOLDER_CODECS: MessageCodecs<
  | "attach"
  | "attachReply"
  | "credit"
  | "creditReply"
  | "demand"
  | "grant"
  | "grantAck"
  | "settle"
  | "settleReply"
> = {
  attach: { write: writeAttach, read: readAttach },
  attachReply: {
    write: (w, m) => {
      writePartition(w, m.p);
      writeBallot(w, m.ballot);
      writeBoot(w, m.boot);
      w.uint(m.attach);
      w.uint(m.condemned);
    },
    read: (r) => ({
      type: "attachReply",
      p: readPartition(r),
      ballot: readBallot(r),
      boot: readBoot(r),
      attach: r.uint(),
      condemned: r.uint(),
    }),
  },
  credit: { write: writeCredit, read: readCredit },
  creditReply: {
    write: (w, m) => {
      w.uint(m.seq);
      w.uint(m.issued);
    },
    read: (r) => ({ type: "creditReply", seq: r.uint(), issued: r.uint() }),
  },
  demand: {
    write: (w, m) => {
      writeBoot(w, m.boot);
      w.uint(m.backlog);
      w.upTo(2 * LIMITS.priorityMax, m.priority + LIMITS.priorityMax);
    },
    read: (r) => ({
      type: "demand",
      boot: readBoot(r),
      backlog: r.uint(),
      priority: r.upTo(2 * LIMITS.priorityMax) - LIMITS.priorityMax,
    }),
  },
  grant: { write: writeGrant, read: readGrant },
  grantAck: {
    write: (w, m) => {
      writePartition(w, m.p);
      writeBallot(w, m.ballot);
      writeList(w, LIMITS.itemsPerMessageMax, m.fences, writeUint);
    },
    read: (r) => ({
      type: "grantAck",
      p: readPartition(r),
      ballot: readBallot(r),
      fences: readList(r, LIMITS.itemsPerMessageMax, readUint),
    }),
  },
  settle: {
    write: (w, m) => {
      writePartition(w, m.p);
      writeList(w, LIMITS.itemsPerMessageMax, m.items, writeSettleItem);
    },
    read: (r) => ({
      type: "settle",
      p: readPartition(r),
      items: readList(r, LIMITS.itemsPerMessageMax, readSettleItem),
    }),
  },
  settleReply: {
    write: (w, m) => {
      writePartition(w, m.p);
      writeList(w, LIMITS.itemsPerMessageMax, m.items, writeSettleAnswer);
    },
    read: (r) => ({
      type: "settleReply",
      p: readPartition(r),
      items: readList(r, LIMITS.itemsPerMessageMax, readSettleAnswer),
    }),
  },
};

// ---- heartbeats -------------------------------------------------------------------------------------------
// Heartbeats as bytes: one per pair of nodes, whatever the number of tasks.

type Numbered = HeartbeatReplyMessage["condemned"][number];
type Vouch = HeartbeatReplyMessage["vouches"][number];
type Refused = HeartbeatReplyMessage["refused"][number];

const BITS_BYTES_MAX = LIMITS.partitionsMax / 8;

function writeNumbered(w: Writer, numbered: Numbered): void {
  writePartition(w, numbered.p);
  w.uint(numbered.n);
}
function readNumbered(r: Reader): Numbered {
  return { p: readPartition(r), n: r.uint() };
}

function writeTerm(w: Writer, term: AnnouncedTerm): void {
  writePartition(w, term.p);
  writeBallot(w, term.ballot);
  w.uint(term.commit);
  w.bool(term.isActive);
}
function readTerm(r: Reader): AnnouncedTerm {
  return { p: readPartition(r), ballot: readBallot(r), commit: r.uint(), isActive: r.bool() };
}

function writeVouch(w: Writer, vouch: Vouch): void {
  w.uint(vouch.cfg);
  w.bytes(BITS_BYTES_MAX, vouch.bits);
}
/** The bits are a copy: a node keeps the last vouches of each keeper. */
function readVouch(r: Reader): Vouch {
  return { cfg: r.uint(), bits: r.copy(BITS_BYTES_MAX) };
}

function writeRefused(w: Writer, refused: Refused): void {
  writePartition(w, refused.p);
  writeBallot(w, refused.promised);
}
function readRefused(r: Reader): Refused {
  return { p: readPartition(r), promised: readBallot(r) };
}

export const HEARTBEAT_CODECS: MessageCodecs<"heartbeat" | "heartbeatReply"> = {
  heartbeat: {
    write: (w, m) => {
      writeBoot(w, m.boot);
      w.ms(m.sentMs);
      w.ms(m.wallMs);
      w.uint(m.epoch);
      writeList(w, LIMITS.partitionsMax, m.sessions, writeNumbered);
      writeList(w, LIMITS.partitionsMax, m.terms, writeTerm);
    },
    read: (r) => ({
      type: "heartbeat",
      boot: readBoot(r),
      sentMs: r.ms(),
      wallMs: r.ms(),
      epoch: r.uint(),
      sessions: readList(r, LIMITS.partitionsMax, readNumbered),
      terms: readList(r, LIMITS.partitionsMax, readTerm),
    }),
  },
  heartbeatReply: {
    write: (w, m) => {
      writeBoot(w, m.boot);
      w.ms(m.sentMs);
      w.uint(m.epoch);
      writeList(w, LIMITS.vouchesMax, m.vouches, writeVouch);
      writeList(w, LIMITS.partitionsMax, m.condemned, writeNumbered);
      writeList(w, LIMITS.partitionsMax, m.terms, writeTerm);
      writeList(w, LIMITS.membersMax, m.away, writeMemberNo);
      writeList(w, LIMITS.partitionsMax, m.refused, writeRefused);
    },
    read: (r) => ({
      type: "heartbeatReply",
      boot: readBoot(r),
      sentMs: r.ms(),
      epoch: r.uint(),
      vouches: readList(r, LIMITS.vouchesMax, readVouch),
      condemned: readList(r, LIMITS.partitionsMax, readNumbered),
      terms: readList(r, LIMITS.partitionsMax, readTerm),
      away: readList(r, LIMITS.membersMax, readMemberNo),
      refused: readList(r, LIMITS.partitionsMax, readRefused),
    }),
  },
};
