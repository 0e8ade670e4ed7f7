/**
 * Messages as bytes and back. A frame is everything that is due to one peer: one byte for the major version
 * of the format, four for the number of messages, then the messages, each a tag and its fields. There are
 * no lengths to skip unknown parts by: a minor version may only add kinds of messages that older peers,
 * known from their hello, are not sent.
 *
 * The room `wire` is bytes and back, for the network and for the disk. It may touch `model` alone.
 * Next: the files of messages, one for each role (log-messages.ts, holder-messages.ts, client-messages.ts,
 * roster-messages.ts), writer.ts and reader.ts below them, records.ts for what a store keeps.
 */
import { LIMITS } from "../model/limits.ts";
import type { Message, RelayedMessage } from "../model/messages.ts";
import { isRelayed } from "../model/relayed.ts";
import type { Entry, Operation } from "../model/types.ts";
import { CLIENT_CODECS, COMMAND_CODECS, NODE_CODECS } from "./client-messages.ts";
import { HEARTBEAT_CODECS, HOLDER_CODECS } from "./holder-messages.ts";
import { LOG_CODECS } from "./log-messages.ts";
import { operationFromBytes, operationToBytes } from "./operations.ts";
import { type MessageCodec, type MessageCodecs, readMemberNo, writeMemberNo } from "./primitives.ts";
import { Reader } from "./reader.ts";
import { ROSTER_CODECS } from "./roster-messages.ts";
import { SizeError, Writer } from "./writer.ts";

/** `major` must be equal between peers; the lower `minor` of two peers holds. */
export const WIRE_VERSION: { readonly major: number; readonly minor: number } = { major: 1, minor: 0 };

/** The first byte of each kind of message. A number is never given to another kind; 43 is free. */
const TAGS: Readonly<Record<Message["type"], number>> = {
  prepare: 1,
  promise: 2,
  transfer: 3,
  append: 4,
  appendReply: 5,
  refuse: 6,
  snapshot: 7,
  snapshotReply: 8,
  heartbeat: 9,
  heartbeatReply: 10,
  attach: 11,
  attachReply: 12,
  credit: 13,
  creditReply: 14,
  demand: 15,
  grant: 16,
  grantAck: 17,
  settle: 18,
  settleReply: 19,
  submit: 20,
  submitReply: 21,
  watch: 22,
  outcome: 23,
  query: 24,
  queryReply: 25,
  found: 26,
  roster: 27,
  seal: 28,
  sealed: 29,
  fetchCopy: 30,
  copyChunk: 31,
  join: 32,
  joinRefused: 33,
  leave: 34,
  rosterPrepare: 35,
  rosterPromise: 36,
  rosterAccept: 37,
  rosterAccepted: 38,
  steward: 39,
  command: 40,
  commandReply: 41,
  deliver: 42,
  nodeCommand: 44,
  nodeCommandReply: 45,
  relay: 46,
};

/** A message in a message: one of those that may be passed on, no relay. */
const RELAY_CODEC: MessageCodecs<"relay"> = {
  relay: {
    write: (w, { from, to, message }) => {
      const codec = codecByType[message.type]!;
      writeMemberNo(w, from);
      writeMemberNo(w, to);
      w.u8(codec.tag);
      codec.write(w, message);
    },
    read: (r) => {
      const [from, to] = [readMemberNo(r), readMemberNo(r)];
      const tag = r.u8();
      const codec = codecByTag[tag];
      // known before it is read: there is no relay in a relay
      if (!codec?.isRelayed) {
        return r.fail(`only what clients and stewards say is passed on, got kind ${tag}`);
      }
      r.describe(codec.what);
      return { type: "relay", from, to, message: codec.read(r) as RelayedMessage };
    },
  },
};

const CODECS: MessageCodecs<Message["type"]> = {
  ...LOG_CODECS,
  ...HEARTBEAT_CODECS,
  ...HOLDER_CODECS,
  ...CLIENT_CODECS,
  ...COMMAND_CODECS,
  ...ROSTER_CODECS,
  ...NODE_CODECS,
  ...RELAY_CODEC,
};

interface TaggedCodec extends MessageCodec<Message> {
  readonly tag: number;
  /** For errors. */
  readonly what: string;
  readonly isRelayed: boolean;
}

/** Which codec goes with which message is settled by the type of `CODECS`; here it is looked up. */
const codecByType: Record<string, TaggedCodec> = {};
const codecByTag: (TaggedCodec | undefined)[] = [];
for (const [type, tag] of Object.entries(TAGS)) {
  const { write, read } = CODECS[type as Message["type"]] as unknown as MessageCodec<Message>;
  codecByType[type] = codecByTag[tag] = {
    ...{ tag, what: `${type} message`, write, read },
    isRelayed: isRelayed(type as Message["type"]),
  };
}

const ENTRY_OVERHEAD_BYTES = 16;
const frameReader = new Reader();

/** Collects messages into frames; one is enough for a thread. */
class FrameWriter {
  readonly #writer: Writer = new Writer(LIMITS.frameBytesMax);
  #frames: Uint8Array[] = [];
  #count = 0;

  begin(): void {
    this.#frames = [];
    this.#open();
  }

  #open(): void {
    const w = this.#writer;
    w.reset();
    w.u8(WIRE_VERSION.major);
    for (let i = 0; i < 4; i++) w.u8(0);
    this.#count = 0;
  }

  #close(): void {
    if (this.#count === 0) return;
    this.#writer.u32At(1, this.#count);
    this.#frames.push(this.#writer.toSharedBytes());
  }

  end(): Uint8Array[] {
    this.#close();
    this.#writer.reset();
    return this.#frames;
  }

  add(message: Message): void {
    if (this.#count === LIMITS.messagesPerFrameMax) {
      this.#close();
      this.#open();
    }
    let problem = this.#tryAdd(message);
    if (problem !== null && this.#count > 0) {
      this.#close();
      this.#open();
      problem = this.#tryAdd(message);
    }
    if (problem === null) return;
    const halves = halvesOf(message);
    if (halves === null) throw problem;
    for (const half of halves) this.add(half);
  }

  /** Null, or why it does not fit. */
  #tryAdd(message: Message): SizeError | null {
    const w = this.#writer;
    const start = w.length;
    const codec = codecByType[message.type]!;
    try {
      w.u8(codec.tag);
      codec.write(w, message);
    } catch (error) {
      w.truncate(start);
      if (error instanceof SizeError) return error;
      throw error;
    }
    this.#count++;
    return null;
  }
}

const frameWriter = new FrameWriter();

/**
 * The messages as complete frames, each of at most LIMITS.frameBytesMax bytes, in order: one, unless they
 * are many. Long lists of independent items are cut. Throws a RangeError if a part of a message is over its
 * limit.
 */
export function encodeFrame(messages: readonly Message[]): Uint8Array[] {
  frameWriter.begin();
  for (let i = 0; i < messages.length; i++) frameWriter.add(messages[i]!);
  return frameWriter.end();
}

/**
 * The messages of one frame. Throws a ProtocolError if it is not exactly what encodeFrame makes. Parts of
 * the result are windows onto `bytes` (payloads of submits, results of settles, data of snapshots): do not
 * change it.
 */
export function decodeFrame(bytes: Uint8Array): Message[] {
  const r = frameReader.reset(bytes, "frame");
  try {
    if (bytes.length > LIMITS.frameBytesMax) {
      r.fail(`must be at most ${LIMITS.frameBytesMax} bytes, got ${bytes.length}`);
    }
    const version = r.u8();
    if (version !== WIRE_VERSION.major) r.fail(`must be of version ${WIRE_VERSION.major}, got ${version}`);
    const count = r.u32();
    if (count === 0 || count > LIMITS.messagesPerFrameMax) {
      r.fail(`must have 1 to ${LIMITS.messagesPerFrameMax} messages, got ${count}`);
    }
    const messages: Message[] = [];
    for (let i = 0; i < count; i++) {
      r.describe("frame");
      const tag = r.u8();
      const codec = codecByTag[tag];
      if (codec === undefined) return r.fail(`a message must be of a known kind, got ${tag}`);
      r.describe(codec.what);
      messages.push(codec.read(r));
    }
    r.describe("frame");
    r.finish();
    return messages;
  } finally {
    r.release();
  }
}

/** The operation as bytes. Throws a RangeError if a part of it is over its limit. */
export function encodeOperation(op: Operation): Uint8Array {
  return operationToBytes(op);
}

/** Throws a ProtocolError if `bytes` are no operation. Payload, result and state are windows onto `bytes`. */
export function decodeOperation(bytes: Uint8Array): Operation {
  return operationFromBytes(bytes);
}

/** About what the entry takes in a frame or in memory, in bytes. */
export function sizeOfEntry(entry: Entry): number {
  return entry.length + ENTRY_OVERHEAD_BYTES;
}

// ---- cutting what is too long -----------------------------------------------------------------------------
// Cuts a message that is too long for its list or its frame into several that say the same together.

/** Two messages, to be sent in this order, or null when the message cannot be cut. */
export function halvesOf(message: Message): readonly Message[] | null {
  switch (message.type) {
    case "append": {
      const cut = cutOf(message.entries);
      if (cut === 0) return null;
      const prevBallot = message.entries[cut - 1]!.ballot;
      return [
        { ...message, entries: message.entries.slice(0, cut) },
        { ...message, prevIndex: message.prevIndex + cut, prevBallot, entries: message.entries.slice(cut) },
      ];
    }
    case "grant":
      return halves(message.tasks, (tasks) => ({ ...message, tasks }));
    case "grantAck":
      return halves(message.fences, (fences) => ({ ...message, fences }));
    case "settle":
      return halves(message.items, (items) => ({ ...message, items }));
    case "settleReply":
      return halves(message.items, (items) => ({ ...message, items }));
    case "submit":
      return halves(message.items, (items) => ({ ...message, items }));
    case "submitReply":
      return halves(message.items, (items) => ({ ...message, items }));
    case "watch":
      return halves(message.items, (items) => ({ ...message, items }));
    case "outcome":
      return halves(message.items, (items) => ({ ...message, items }));
    case "relay":
      return halvesOf(message.message)?.map((half) => ({ ...message, message: half as RelayedMessage })) ??
        null;
    default:
      return null;
  }
}

function halves<T>(list: readonly T[], make: (part: readonly T[]) => Message): readonly Message[] | null {
  const cut = cutOf(list);
  return cut === 0 ? null : [make(list.slice(0, cut)), make(list.slice(cut))];
}

function cutOf(list: readonly unknown[]): number {
  return list.length >> 1;
}
