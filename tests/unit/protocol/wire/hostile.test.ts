/** Bytes that no node of ours sends: always a ProtocolError that says what and where, never anything else. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { decodeFrame, decodeOperation, encodeFrame } from "../../../../src/protocol/wire/frame.ts";
import { LIMITS } from "../../../../src/protocol/model/limits.ts";
import { decodeRecord, encodeRecord } from "../../../../src/protocol/wire/records.ts";
import { decodeState, encodeState } from "../../../../src/protocol/wire/snapshots.ts";
import { ProtocolError } from "../../../../src/protocol/wire/writer.ts";
import { messages } from "../../../support/message-arbitraries.ts";
import { persistRecord, state } from "../../../support/record-arbitraries.ts";
import { messageExamples, stateExample } from "../../../support/message-examples.ts";

const VERSION = 1;
const frameOf = (...body: number[]): Uint8Array => Uint8Array.from([VERSION, 0, 0, 0, 1, ...body]);
const TRANSFER = messageExamples.transfer;
const transferBytes = (): Uint8Array => encodeFrame([TRANSFER])[0]!;

function errorOf(decode: () => unknown): string {
  try {
    decode();
  } catch (error) {
    if (error instanceof ProtocolError) return error.message;
    throw error;
  }
  return "accepted";
}

test("there is no relay in a relay, and nothing that a keeper or holder says", () => {
  const [relay] = encodeFrame([messageExamples.relay]);
  const tagAt = relay!.length - encodeFrame([messageExamples.steward])[0]!.length + frameOf().length;
  expect(relay![tagAt]).toBe(encodeFrame([messageExamples.steward])[0]![frameOf().length]!);
  for (const type of ["relay", "append", "grant", "heartbeatReply"] as const) {
    const [kind] = encodeFrame([messageExamples[type]])[0]!.subarray(frameOf().length);
    const bytes = Uint8Array.from(relay!);
    bytes[tagAt] = kind!;
    expect(errorOf(() => decodeFrame(bytes))).toContain(
      `only what clients and stewards say is passed on, got kind ${kind}`,
    );
  }
});

/** Accepted bytes must be what we would have sent: there is one encoding of everything. */
function check<T>(
  bytes: Uint8Array,
  decode: (bytes: Uint8Array) => T,
  encode: (value: T) => Uint8Array,
): void {
  let value: T;
  try {
    value = decode(bytes);
  } catch (error) {
    if (error instanceof ProtocolError && error.message.startsWith("Cannot decode ")) return;
    throw error;
  }
  expect(encode(value)).toEqual(bytes);
}
const checkFrame = (bytes: Uint8Array): void => check(bytes, decodeFrame, (list) => encodeFrame(list)[0]!);

/** One of: cut off, flipped bits, bytes replaced, bytes inserted. */
const damage = fc.array(
  fc.record({
    kind: fc.nat({ max: 3 }),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    value: fc.nat({ max: 255 }),
  }),
  { minLength: 1, maxLength: 3 },
);
function damaged(
  bytes: Uint8Array,
  faults: readonly { kind: number; at: number; value: number }[],
): Uint8Array {
  let result = Uint8Array.from(bytes);
  for (const { kind, at, value } of faults) {
    const index = Math.floor(at * result.length);
    if (kind === 0) result = result.slice(0, index);
    else if (kind === 1 && index < result.length) result[index]! ^= 1 << (value & 7);
    else if (kind === 2 && index < result.length) result[index] = value;
    else if (kind === 3) result = Uint8Array.from([...result.slice(0, index), value, ...result.slice(index)]);
  }
  return result;
}

test("random bytes are refused as a ProtocolError", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      checkFrame(bytes);
      checkFrame(frameOf(...bytes));
      check(Uint8Array.from([1, ...bytes]), decodeState, encodeState);
      check(Uint8Array.from([1, ...bytes]), decodeRecord, encodeRecord);
      expect(errorOf(() => decodeOperation(bytes))).toBeString();
    }),
    { numRuns: 5000 },
  );
});

test("random bodies of every kind of message are refused or are our own bytes", () => {
  fc.assert(
    fc.property(fc.nat({ max: 30 }), fc.uint8Array({ maxLength: 60, max: 12 }), (tag, bytes) => {
      checkFrame(frameOf(tag, ...bytes));
    }),
    { numRuns: 10_000 },
  );
});

test("a damaged frame is refused or is another frame of ours", () => {
  fc.assert(
    fc.property(messages, damage, (list, faults) => checkFrame(damaged(encodeFrame(list)[0]!, faults))),
    { numRuns: 1500 },
  );
});

test("a damaged state or record is refused or is another of ours", () => {
  fc.assert(
    fc.property(state, persistRecord, damage, (state, record, faults) => {
      check(damaged(encodeState(state), faults), decodeState, encodeState);
      check(damaged(encodeRecord(record), faults), decodeRecord, encodeRecord);
    }),
    { numRuns: 500 },
  );
});

test("every truncation of every message is refused", () => {
  for (const message of Object.values(messageExamples)) {
    const [frame] = encodeFrame([message]);
    for (let length = 0; length < frame!.length; length++) {
      expect(errorOf(() => decodeFrame(frame!.subarray(0, length)))).toStartWith("Cannot decode ");
    }
  }
});

test("a frame of another major version is named as such", () => {
  const frame = transferBytes();
  frame[0] = 2;
  expect(errorOf(() => decodeFrame(frame))).toBe(
    "Cannot decode frame: must be of version 1, got 2 at byte 1",
  );
});

test("bytes after the last message are refused", () => {
  const frame = Uint8Array.from([...transferBytes(), 0]);
  expect(errorOf(() => decodeFrame(frame))).toBe(
    `Cannot decode frame: must end here, got 1 more bytes at byte ${frame.length - 1}`,
  );
});

test("frames without messages, with too many or too many bytes are refused", () => {
  expect(errorOf(() => decodeFrame(Uint8Array.of(VERSION, 0, 0, 0, 0)))).toContain(
    "1 to 65536 messages, got 0",
  );
  expect(errorOf(() => decodeFrame(Uint8Array.of(VERSION, 255, 255, 255, 255)))).toContain("got 4294967295");
  expect(errorOf(() => decodeFrame(new Uint8Array(LIMITS.frameBytesMax + 1)))).toContain("got 4194305");
});

test("an unknown kind of message is refused", () => {
  expect(errorOf(() => decodeFrame(frameOf(0)))).toContain("known kind, got 0");
  expect(errorOf(() => decodeFrame(frameOf(60)))).toContain("known kind, got 60");
});

test("numbers that are not minimal or above 2^53 - 1 are refused", () => {
  // creditReply: seq, issued
  expect(errorOf(() => decodeFrame(frameOf(14, 0x81, 0x00, 1)))).toContain("as few bytes as possible");
  const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f];
  expect(errorOf(() => decodeFrame(frameOf(14, ...huge, 1)))).toContain("below 2^53");
  const endless = new Array(9).fill(0x80);
  expect(errorOf(() => decodeFrame(frameOf(14, ...endless, 1)))).toContain("below 2^53");
  const largest = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
  expect(decodeFrame(frameOf(14, ...largest, 1))).toEqual([
    { type: "creditReply", seq: Number.MAX_SAFE_INTEGER, issued: 1 },
  ]);
});

test("a partition, flag or choice out of range is refused", () => {
  // transfer: p = 4096
  expect(errorOf(() => decodeFrame(frameOf(3, 0x80, 0x20, 1, 1, 1, 1)))).toContain("at most 4095, got 4096");
  // settleReply: accepted = 2
  expect(errorOf(() => decodeFrame(frameOf(19, 1, 1, 1, 1, 2)))).toContain("a flag must be 0 or 1, got 2");
  // submitReply: ballot, status = 6
  expect(errorOf(() => decodeFrame(frameOf(21, 1, 1, 1, 1, 1, 1, 1, 6)))).toContain(
    "a choice must be below 6, got 6",
  );
});

test("times that are negative, infinite, not a number or not minimal are refused", () => {
  // heartbeat: boot, sentMs, wallMs
  const withSentMs = (value: number): Uint8Array => {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value);
    return frameOf(9, 1, ...new Uint8Array(view.buffer), 0, 1, 0, 0);
  };
  expect(decodeFrame(withSentMs(0.5))).toHaveLength(1);
  for (const value of [-1, Infinity, -Infinity, NaN, -0]) {
    expect(errorOf(() => decodeFrame(withSentMs(value)))).toContain("a time must be finite and >= 0");
  }
  expect(errorOf(() => decodeFrame(withSentMs(0)))).toStartWith("Cannot decode ");
});

test("a text that is not UTF-8 is refused, short or long, with its place", () => {
  // watch: p, one id
  expect(errorOf(() => decodeFrame(frameOf(22, 1, 1, 2, 0xc3, 0x28)))).toBe(
    "Cannot decode watch message: a text must be UTF-8, got other bytes at byte 9",
  );
  const surrogate = [0xed, 0xa0, 0x80];
  expect(errorOf(() => decodeFrame(frameOf(22, 1, 1, 3, ...surrogate)))).toContain("UTF-8");
  const long = new Array(100).fill(0xff);
  expect(errorOf(() => decodeFrame(frameOf(22, 1, 1, 100, ...long)))).toContain("UTF-8");
});

test("a name known before is no excuse for bytes that are not UTF-8", () => {
  // credit: boots, seq, free, upTo, load, standing, one handler of one or two bytes, recall,
  // changes, no limits
  const credit = (...name: number[]): Uint8Array =>
    frameOf(13, 1, 1, 1, 1, 1, 1, 0, 1, name.length, ...name, 0, 0, 0);
  expect(decodeFrame(credit(0xc3, 0xa9))[0]).toMatchObject({ handlers: ["é"] });
  for (let byte = 0x80; byte < 0x100; byte++) {
    expect(errorOf(() => decodeFrame(credit(byte)))).toContain("UTF-8");
  }
});

test("a claimed length beyond the frame or the limit allocates nothing", () => {
  // append with 4096 entries of which none is there; watch with an id of 257 bytes
  expect(errorOf(() => decodeFrame(frameOf(4, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0x80, 0x20)))).toContain(
    "got 0 bytes",
  );
  expect(errorOf(() => decodeFrame(frameOf(22, 1, 1, 0x81, 0x02)))).toContain("at most 256, got 257");
  expect(errorOf(() => decodeFrame(frameOf(22, 1, 0x81, 0x40)))).toContain("at most 8192 items, got 8193");
  expect(errorOf(() => decodeState(Uint8Array.of(4, 0xff, 0xff, 0xff, 0xff, 1)))).toContain(
    "must go on, got 0 bytes",
  );
});

test("an entry that repeats its ballot, or has none, is refused", () => {
  const ballot = [1, 1, 1, 1];
  const head = [4, 1, ...ballot, 0, 0, 0, 0, 0];
  expect(decodeFrame(frameOf(...head, 1, 0, 1, 0))).toHaveLength(1);
  expect(errorOf(() => decodeFrame(frameOf(...head, 1, 1, ...ballot, 1, 0)))).toContain("left out");
  expect(errorOf(() => decodeFrame(frameOf(4, 1, ...ballot, 0, 0, 0, 0, 2, ...ballot, 0)))).toContain(
    "left out",
  );
  expect(errorOf(() => decodeRecord(Uint8Array.of(5, 3, 1, 1, 0, 1, 0, 1, 0)))).toContain(
    "must have a ballot",
  );
});

test("an entry whose operation ends before its bytes do is refused", () => {
  expect(errorOf(() => decodeFrame(frameOf(4, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0)))).toBe(
    "Cannot decode operation: must end here, got 1 more bytes at byte 1",
  );
});

test("labels out of order or twice are refused", () => {
  const a = [1, 97, 1, 120];
  const b = [1, 98, 1, 120];
  // found: founding "", one member: id, name, two labels, witness
  const found = (...labels: number[]): Uint8Array => frameOf(26, 0, 1, 1, 105, 1, 110, 2, ...labels, 0, 0);
  expect(decodeFrame(found(...a, ...b))).toHaveLength(1);
  expect(errorOf(() => decodeFrame(found(...b, ...a)))).toContain('in order, got "a"');
  expect(errorOf(() => decodeFrame(found(...a, ...a)))).toContain('in order, got "a"');
});

test("a roster with a member twice or a keeper from nowhere is refused", () => {
  const { roster } = messageExamples.roster;
  const [one, two] = roster.members;
  const refusal = (change: object): string => {
    const [frame] = encodeFrame([{ type: "roster", roster: { ...roster, ...change }, isSettled: true }]);
    return errorOf(() => decodeFrame(frame!));
  };
  expect(refusal({ members: [one, { ...two, no: 1 }] })).toContain("numbers of members must differ");
  expect(refusal({ members: [one, { ...two, id: one!.id }] })).toContain("ids of members must differ");
  expect(refusal({ deciders: [] })).toContain("must have deciders");
  expect(refusal({ deciders: [9] })).toContain("deciders must be members, got 9");
  expect(refusal({ chains: [[{ epoch: 1, keepers: [1, 9] }]] })).toContain("keepers must be members, got 9");
  expect(refusal({ chains: [[{ epoch: 1, keepers: [1, 1] }]] })).toContain("keepers must differ");
  expect(refusal({ chains: [[{ epoch: 1, keepers: [] }]] })).toContain("must have keepers");
  expect(refusal({ chains: [[]] })).toContain("must have a configuration");
});

test("a state with a task twice, or finished twice, or leased by nobody is refused", () => {
  const [leased, done] = stateExample.records;
  const refusal = (change: object): string =>
    errorOf(() => decodeState(encodeState({ ...stateExample, ...change })));
  expect(refusal({})).toBe("accepted");
  expect(refusal({ records: [leased, done, leased] })).toContain("ids must differ");
  expect(refusal({ finished: ["done", "done"] })).toContain("finish once");
  expect(refusal({ records: [{ ...leased, session: null }, done] })).toContain("must have a session");
});

test("a chunk of a snapshot beyond its end is refused", () => {
  const end = [0];
  // p, ballot, end, first, totalBytes 4, offset 2, data of 3
  expect(errorOf(() => decodeFrame(frameOf(7, 1, 1, 1, 1, 1, ...end, 1, 4, 2, 3, 9, 9, 9)))).toContain(
    "at most 2, got 3",
  );
  expect(errorOf(() => decodeFrame(frameOf(7, 1, 1, 1, 1, 1, ...end, 1, 4, 5, 0)))).toContain(
    "at most 4, got 5",
  );
});
