/** Heartbeats as bytes: one per pair of nodes, whatever the number of tasks. */
import {
  type MessageCodecs,
  readBallot,
  readBoot,
  readList,
  readPartition,
  writeBallot,
  writeBoot,
  writeList,
  writePartition,
} from "./codec-parts.ts";
import { LIMITS } from "./limits.ts";
import type { BeatReplyMessage, Reign } from "./messages.ts";
import type { Reader } from "./wire-reader.ts";
import type { Writer } from "./wire.ts";

type Numbered = BeatReplyMessage["condemned"][number];
type Vouch = BeatReplyMessage["vouches"][number];
type Refused = BeatReplyMessage["refused"][number];

const BITS_BYTES_MAX = LIMITS.partitionsMax / 8;

function writeNumbered(w: Writer, numbered: Numbered): void {
  writePartition(w, numbered.p);
  w.uint(numbered.n);
}
function readNumbered(r: Reader): Numbered {
  return { p: readPartition(r), n: r.uint() };
}

function writeReign(w: Writer, reign: Reign): void {
  writePartition(w, reign.p);
  writeBallot(w, reign.ballot);
  w.uint(reign.commit);
  w.bool(reign.isActive);
}
function readReign(r: Reader): Reign {
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

export const SESSION_CODECS: MessageCodecs<"beat" | "beatReply"> = {
  beat: {
    tag: 9,
    write: (w, m) => {
      writeBoot(w, m.boot);
      w.ms(m.sentMs);
      w.uint(m.epoch);
      writeList(w, LIMITS.partitionsMax, m.sessions, writeNumbered);
      writeList(w, LIMITS.partitionsMax, m.reigns, writeReign);
    },
    read: (r) => ({
      type: "beat",
      boot: readBoot(r),
      sentMs: r.ms(),
      epoch: r.uint(),
      sessions: readList(r, LIMITS.partitionsMax, readNumbered),
      reigns: readList(r, LIMITS.partitionsMax, readReign),
    }),
  },
  beatReply: {
    tag: 10,
    write: (w, m) => {
      writeBoot(w, m.boot);
      w.ms(m.sentMs);
      w.uint(m.epoch);
      writeList(w, LIMITS.vouchesMax, m.vouches, writeVouch);
      writeList(w, LIMITS.partitionsMax, m.condemned, writeNumbered);
      writeList(w, LIMITS.partitionsMax, m.reigns, writeReign);
      writeList(w, LIMITS.partitionsMax, m.refused, writeRefused);
    },
    read: (r) => ({
      type: "beatReply",
      boot: readBoot(r),
      sentMs: r.ms(),
      epoch: r.uint(),
      vouches: readList(r, LIMITS.vouchesMax, readVouch),
      condemned: readList(r, LIMITS.partitionsMax, readNumbered),
      reigns: readList(r, LIMITS.partitionsMax, readReign),
      refused: readList(r, LIMITS.partitionsMax, readRefused),
    }),
  },
};
