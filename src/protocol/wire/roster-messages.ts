/** Members, candidates and rosters as bytes, and the messages that carry them. */
import {
  type MessageCodecs,
  readBallot,
  readId,
  readList,
  readMemberNo,
  writeBallot,
  writeId,
  writeList,
  writeMemberNo,
} from "./primitives.ts";
import { LIMITS } from "../model/limits.ts";
import type { RosterAcceptedMessage } from "../model/messages.ts";
import type { AcceptedRoster, Candidate, Configuration, Member, Roster } from "../model/types.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** In the order of their keys, so that there is one encoding. */
function writeLabels(w: Writer, labels: Readonly<Record<string, string>>): void {
  const keys = Object.keys(labels).sort();
  w.count(LIMITS.labelsMax, keys.length);
  for (const key of keys) {
    w.text(LIMITS.nameBytesMax, key);
    w.text(LIMITS.nameBytesMax, labels[key]!);
  }
}
function readLabels(r: Reader): Readonly<Record<string, string>> {
  const count = r.count(LIMITS.labelsMax);
  const pairs: [string, string][] = [];
  for (let i = 0; i < count; i++) {
    const key = r.sharedText(LIMITS.nameBytesMax);
    if (i > 0 && key <= pairs[i - 1]![0]) {
      r.fail(`keys of labels must be in order, got ${JSON.stringify(key)}`);
    }
    pairs.push([key, r.sharedText(LIMITS.nameBytesMax)]);
  }
  return Object.fromEntries(pairs);
}

export function writeCandidate(w: Writer, candidate: Candidate): void {
  writeId(w, candidate.id);
  w.text(LIMITS.nameBytesMax, candidate.name);
  writeLabels(w, candidate.labels);
  w.bool(candidate.witness);
}
export function readCandidate(r: Reader): Candidate {
  return {
    id: r.sharedText(LIMITS.idBytesMax),
    name: r.sharedText(LIMITS.nameBytesMax),
    labels: readLabels(r),
    witness: r.bool(),
  };
}

function writeMember(w: Writer, member: Member): void {
  writeMemberNo(w, member.no);
  writeCandidate(w, member);
  w.bool(member.leaving);
}
function readMember(r: Reader): Member {
  const no = readMemberNo(r);
  const { id, name, labels, witness } = readCandidate(r);
  return { no, id, name, labels, witness, leaving: r.bool() };
}

function writeConfiguration(w: Writer, configuration: Configuration): void {
  w.uint(configuration.epoch);
  writeList(w, LIMITS.keepersMax, configuration.keepers, writeMemberNo);
}
function readConfiguration(r: Reader): Configuration {
  const epoch = r.uint();
  const keepers = readList(r, LIMITS.keepersMax, readMemberNo);
  if (keepers.length === 0) r.fail("a configuration must have keepers, got none");
  if (new Set(keepers).size !== keepers.length) r.fail(`keepers must differ, got ${keepers}`);
  return { epoch, keepers };
}

function writeChain(w: Writer, chain: readonly Configuration[]): void {
  writeList(w, LIMITS.chainMax, chain, writeConfiguration);
}
function readChain(r: Reader): readonly Configuration[] {
  const chain = readList(r, LIMITS.chainMax, readConfiguration);
  if (chain.length === 0) r.fail("a partition must have a configuration, got none");
  return chain;
}

export function writeRoster(w: Writer, roster: Roster): void {
  w.text(LIMITS.foundingBytesMax, roster.cluster);
  w.uint(roster.epoch);
  w.upTo(LIMITS.keepersMax, roster.replication);
  writeList(w, LIMITS.membersMax, roster.members, writeMember);
  writeMemberNo(w, roster.nextNo);
  writeList(w, LIMITS.keepersMax, roster.deciders, writeMemberNo);
  writeList(w, LIMITS.partitionsMax, roster.chains, writeChain);
}
/** Numbers and ids of members differ; deciders, and keepers of the newest configurations, are members. */
export function readRoster(r: Reader): Roster {
  const cluster = r.sharedText(LIMITS.foundingBytesMax);
  const epoch = r.uint();
  const replication = r.upTo(LIMITS.keepersMax);
  const members = readList(r, LIMITS.membersMax, readMember);
  const numbers = new Set(members.map((member) => member.no));
  if (numbers.size !== members.length) r.fail("numbers of members must differ, got one twice");
  if (new Set(members.map((member) => member.id)).size !== members.length) {
    r.fail("ids of members must differ, got one twice");
  }
  const nextNo = readMemberNo(r);
  const deciders = readList(r, LIMITS.keepersMax, readMemberNo);
  if (deciders.length === 0) r.fail("a roster must have deciders, got none");
  if (deciders.some((no) => !numbers.has(no))) r.fail(`deciders must be members, got ${deciders}`);
  const chains = readList(r, LIMITS.partitionsMax, readChain);
  for (const chain of chains) {
    const stranger = chain.at(-1)?.keepers.find((no) => !numbers.has(no));
    if (stranger !== undefined) r.fail(`keepers must be members, got ${stranger}`);
  }
  return { cluster, epoch, replication, members, nextNo, deciders, chains };
}

const ANSWERS: readonly RosterAcceptedMessage["answer"][] = ["accepted", "promised", "heard"];

export function writeAccepted(w: Writer, accepted: AcceptedRoster | null): void {
  w.bool(accepted !== null);
  if (accepted === null) return;
  writeBallot(w, accepted.ballot);
  writeRoster(w, accepted.roster);
}
export function readAccepted(r: Reader): AcceptedRoster | null {
  return r.bool() ? { ballot: readBallot(r), roster: readRoster(r) } : null;
}

export const ROSTER_CODECS: MessageCodecs<
  | "found"
  | "roster"
  | "join"
  | "joinRefused"
  | "leave"
  | "rosterPrepare"
  | "rosterPromise"
  | "rosterAccept"
  | "rosterAccepted"
> = {
  found: {
    write: (w, m) => {
      w.text(LIMITS.foundingBytesMax, m.founding);
      writeList(w, LIMITS.membersMax, m.members, writeCandidate);
      writeList(w, LIMITS.membersMax, m.acked, writeId);
    },
    read: (r) => ({
      type: "found",
      founding: r.sharedText(LIMITS.foundingBytesMax),
      members: readList(r, LIMITS.membersMax, readCandidate),
      acked: readList(r, LIMITS.membersMax, readId),
    }),
  },
  roster: {
    write: (w, m) => {
      writeRoster(w, m.roster);
      w.bool(m.isSettled);
    },
    read: (r) => ({ type: "roster", roster: readRoster(r), isSettled: r.bool() }),
  },
  join: {
    write: (w, m) => writeCandidate(w, m.candidate),
    read: (r) => ({ type: "join", candidate: readCandidate(r) }),
  },
  joinRefused: {
    write: (w, m) => {
      writeId(w, m.id);
      w.text(LIMITS.whyBytesMax, m.reason);
    },
    read: (r) => ({ type: "joinRefused", id: readId(r), reason: r.text(LIMITS.whyBytesMax) }),
  },
  leave: {
    write: (w, m) => {
      writeMemberNo(w, m.no);
      w.bool(m.isPatient);
    },
    read: (r) => ({ type: "leave", no: readMemberNo(r), isPatient: r.bool() }),
  },
  rosterPrepare: {
    write: (w, m) => writeBallot(w, m.ballot),
    read: (r) => ({ type: "rosterPrepare", ballot: readBallot(r) }),
  },
  rosterPromise: {
    write: (w, m) => {
      writeBallot(w, m.ballot);
      w.bool(m.ok);
      writeBallot(w, m.promised);
      writeAccepted(w, m.accepted);
    },
    read: (r) => ({
      type: "rosterPromise",
      ballot: readBallot(r),
      ok: r.bool(),
      promised: readBallot(r),
      accepted: readAccepted(r),
    }),
  },
  rosterAccept: {
    write: (w, m) => {
      writeBallot(w, m.ballot);
      w.bool(m.isFresh);
      writeRoster(w, m.roster);
    },
    read: (r) => ({
      type: "rosterAccept",
      ballot: readBallot(r),
      isFresh: r.bool(),
      roster: readRoster(r),
    }),
  },
  rosterAccepted: {
    write: (w, m) => {
      writeBallot(w, m.ballot);
      w.oneOf(ANSWERS, m.answer);
      writeBallot(w, m.promised);
    },
    read: (r) => ({
      type: "rosterAccepted",
      ballot: readBallot(r),
      answer: r.oneOf(ANSWERS),
      promised: readBallot(r),
    }),
  },
};
