/** What is over a limit is not sent; what is merely much goes out as several messages and frames. */
import { expect, test } from "bun:test";
import {
  decodeFrame,
  encodeFrame,
  encodeOperation,
  sizeOfEntry,
} from "../../../../src/protocol/wire/frame.ts";
import { makeEntry } from "../../../../src/protocol/wire/operations.ts";
import { LIMITS } from "../../../../src/protocol/model/limits.ts";
import type { DeliverMessage, Message, SubmitMessage } from "../../../../src/protocol/model/messages.ts";
import type { AppendMessage } from "../../../../src/protocol/model/messages.ts";
import { encodeState } from "../../../../src/protocol/wire/snapshots.ts";
import type { Entry, TaskRecord, TaskSpec } from "../../../../src/protocol/model/types.ts";
import { sizeOfView } from "../../../../src/protocol/wire/client-messages.ts";
import { clipText } from "../../../../src/protocol/wire/writer.ts";
import { messageExamples, stateExample } from "../../../support/message-examples.ts";
import { plain } from "../../../support/plain.ts";
import { taskRecord, taskSpec } from "../../../support/tasks.ts";

const spec = taskSpec("a", { name: "exec", cid: 0 });
const submit = (change: Partial<TaskSpec>): () => unknown => () =>
  encodeOperation({ type: "submit", spec: { ...spec, ...change }, atMs: 0 });

function sendAll(messages: readonly Message[]): Message[] {
  const frames = encodeFrame(messages);
  for (const frame of frames) expect(frame.length).toBeLessThanOrEqual(LIMITS.frameBytesMax);
  return frames.flatMap((frame) => decodeFrame(frame));
}

test("no messages make no frame", () => {
  expect(encodeFrame([])).toEqual([]);
});

test("texts and bytes over their limit are refused with the number seen", () => {
  expect(submit({ id: "x".repeat(256) })).not.toThrow();
  expect(submit({ id: "x".repeat(257) })).toThrow("Cannot encode a text: must be at most 256 bytes, got 257");
  expect(submit({ id: "é".repeat(129) })).toThrow("Cannot encode a text: must be at most 256 bytes, got 258");
  expect(submit({ payload: new Uint8Array(LIMITS.payloadBytesMax) })).not.toThrow();
  expect(submit({ payload: new Uint8Array(LIMITS.payloadBytesMax + 1) })).toThrow(
    "at most 262144, got 262145",
  );
});

test("half a surrogate pair is refused rather than changed on the way", () => {
  expect(submit({ id: "\ud800" })).toThrow("half of a surrogate pair");
});

test("numbers and times that cannot arrive as they are, are refused", () => {
  for (const attemptsMax of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
    expect(submit({ attemptsMax })).toThrow("must be an integer from 0 to 2^53 - 1");
  }
  for (const runAtMs of [-1, NaN, Infinity]) expect(submit({ runAtMs })).toThrow("must be finite and >= 0");
  expect(() => encodeFrame([{ ...messageExamples.transfer, p: LIMITS.partitionsMax }])).toThrow(
    "at most 4095",
  );
});

test("a refused message leaves no trace in the next frame", () => {
  const bad: Message = {
    ...messageExamples.watch,
    items: [{ id: "ok", no: 1 }, { id: "x".repeat(257), no: 1 }],
  };
  expect(() => encodeFrame([messageExamples.refuse, bad])).toThrow(RangeError);
  expect(sendAll([messageExamples.transfer])).toEqual([messageExamples.transfer]);
});

test("a purge of as many tasks as one entry may forget fits it, however long their ids are", () => {
  const ids = Array.from({ length: LIMITS.purgedPerEntryMax }, (_, at) => `${at}`.padStart(256, "x"));
  expect(() => encodeOperation({ type: "purge", ids })).not.toThrow();
  expect(() => encodeOperation({ type: "purge", ids: [...ids, "more"] })).toThrow("at most 1000 items");
});

/** As large as a task can be. */
function largest(id: string): TaskRecord {
  const bytes = new Uint8Array(LIMITS.payloadBytesMax).fill(1);
  const text = "x".repeat(LIMITS.errorMessageBytesMax);
  const error = { atMs: 1, attempt: 1, fence: 2, node: 0, kind: "error", message: text } as const;
  const queued = { no: 7, message: { type: "error", message: text } } as const;
  return taskRecord({ ...spec, id, payload: bytes }, {
    errors: new Array(LIMITS.errorsPerTaskMax).fill(error),
    ...{ result: bytes, checkpoint: bytes, progress: bytes.subarray(0, LIMITS.progressBytesMax) },
    commands: { queued: new Array(LIMITS.commandsQueuedMax).fill(queued), known: [] },
  });
}

test("the size of a view is what it takes, and the largest fits a frame", () => {
  const view = { record: largest("a"), why: "x".repeat(LIMITS.whyBytesMax) };
  const reply = { ...messageExamples.queryReply, tasks: [] };
  const [empty, whole] = [reply, { ...reply, tasks: [view] }].map((each) => encodeFrame([each])[0]!.length);
  expect(whole! - empty!).toBe(sizeOfView(view));
  expect(sizeOfView(view)).toBeLessThan(LIMITS.frameBytesMax / 3);
});

test("commands for many holders' tasks are cut without losing or reordering one", () => {
  const message = { type: "error", message: "x".repeat(LIMITS.errorMessageBytesMax) } as const;
  const items = Array.from({ length: 60 }, (_, at) => ({
    id: `t${at}`,
    fence: at,
    commands: Array.from({ length: LIMITS.commandsQueuedMax }, (_, no) => ({ no, message })),
  }));
  const parts = sendAll([{ type: "deliver", p: 3, items }]) as DeliverMessage[];
  expect(parts.length).toBeGreaterThan(1);
  expect(parts.flatMap((part) => part.items)).toEqual(items);
});

test("a finished task without a record is refused", () => {
  expect(() => encodeState({ ...stateExample, finished: ["gone"] })).toThrow("must have records, got gone");
});

test("messages that fill a frame go on in the next, in order", () => {
  const messages: Message[] = [];
  for (let i = 0; i < 30; i++) {
    const payload = new Uint8Array(LIMITS.payloadBytesMax).fill(i);
    messages.push({
      type: "submit",
      p: i,
      ballot: null,
      floor: 0,
      items: [{ rid: i, watch: 0, ageMs: 0, spec: { ...spec, payload } }],
    });
  }
  expect(encodeFrame(messages).length).toBe(2);
  expect(sendAll(messages)).toEqual(messages);
});

test("more messages than a frame may have make two frames", () => {
  const messages = new Array<Message>(LIMITS.messagesPerFrameMax + 1).fill(messageExamples.creditReply);
  const frames = encodeFrame(messages);
  expect(frames.map((frame) => decodeFrame(frame).length)).toEqual([LIMITS.messagesPerFrameMax, 1]);
});

test("a submit of more bytes than a frame is cut without losing or reordering an item", () => {
  const items: SubmitMessage["items"][number][] = [];
  for (let rid = 0; rid < 50; rid++) {
    items.push({
      rid,
      watch: 1,
      ageMs: 0,
      spec: { ...spec, payload: new Uint8Array(LIMITS.payloadBytesMax).fill(rid) },
    });
  }
  const got = sendAll([{ type: "submit", p: 1, ballot: null, floor: 0, items }]) as SubmitMessage[];
  expect(got.length).toBeGreaterThan(1);
  expect(got.flatMap((message) => message.items)).toEqual(items);
});

test("a list of more items than a message may have is cut", () => {
  const fences = Array.from({ length: LIMITS.itemsPerMessageMax * 2 + 1 }, (_, at) => at);
  const got = sendAll([{ ...messageExamples.grantAck, fences }]);
  expect(got.flatMap((message) => message.type === "grantAck" ? message.fences : [])).toEqual(fences);
});

test("an append that is cut still joins up", () => {
  const older = { cfg: 1, counter: 1, node: 1, boot: 1 };
  const ballot = { cfg: 1, counter: 2, node: 1, boot: 1 };
  const payload = new Uint8Array(LIMITS.payloadBytesMax);
  const entries: Entry[] = [];
  for (let i = 0; i < 40; i++) {
    entries.push(makeEntry(i < 19 ? older : ballot, { type: "submit", spec: { ...spec, payload }, atMs: i }));
  }
  const sent: AppendMessage = {
    ...messageExamples.append,
    ballot,
    prevIndex: 100,
    prevBallot: older,
    entries,
  };
  let [index, prevBallot] = [100, older];
  const got = sendAll([sent]) as AppendMessage[];
  expect(got.length).toBeGreaterThan(1);
  for (const part of got) {
    expect(part.prevIndex).toBe(index);
    expect(part.prevBallot).toEqual(prevBallot);
    index += part.entries.length;
    prevBallot = part.entries.at(-1)!.ballot;
  }
  expect(plain(got.flatMap((part) => part.entries))).toEqual(plain(entries));
});

test("a message that cannot be cut and does not fit is refused", () => {
  const held = Array.from({ length: LIMITS.heldMax }, (_, at) => ({ id: "x".repeat(256), fence: at }));
  expect(() => encodeFrame([{ ...messageExamples.attach, held }])).toThrow("must be at most 4194304 bytes");
});

test("the size of an entry is that of its bytes and a little", () => {
  const entry = makeEntry({ cfg: 1, counter: 1, node: 1, boot: 1 }, { type: "noop" });
  expect(sizeOfEntry(entry)).toBe(17);
});

test("a clipped text is well formed and fits", () => {
  expect(clipText("plain", 2048)).toBe("plain");
  expect(clipText("x".repeat(3000), 2048)).toBe("x".repeat(2048));
  expect(clipText("é".repeat(3000), 2047)).toBe("é".repeat(1023));
  expect(clipText(`${"x".repeat(2047)}😀`, 2048)).toBe("x".repeat(2047));
  expect(clipText("\ud800", 10)).toBe("\ufffd");
  expect(clipText("\ufeffx", 10)).toBe("\ufeffx");
});
