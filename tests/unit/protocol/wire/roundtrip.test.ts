/** What goes in comes out, for anything that the types allow within the limits. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  decodeFrame,
  decodeOperation,
  encodeFrame,
  encodeOperation,
} from "../../../../src/protocol/wire/frame.ts";
import { makeEntry } from "../../../../src/protocol/wire/operations.ts";
import type { Message } from "../../../../src/protocol/model/messages.ts";
import type { AppendMessage } from "../../../../src/protocol/model/messages.ts";
import { decodeRecord, encodeRecord } from "../../../../src/protocol/wire/records.ts";
import { decodeState, encodeState } from "../../../../src/protocol/wire/snapshots.ts";
import { ballot } from "../../../support/basic-arbitraries.ts";
import { entries, messageByType, messages } from "../../../support/message-arbitraries.ts";
import { plain } from "../../../support/plain.ts";
import { persistRecord, state } from "../../../support/record-arbitraries.ts";
import { operation } from "../../../support/task-arbitraries.ts";
import { taskSpec } from "../../../support/tasks.ts";

function roundTrip(list: readonly Message[]): unknown {
  return plain(encodeFrame(list).flatMap((frame) => decodeFrame(frame)));
}

for (const [type, arbitrary] of Object.entries(messageByType)) {
  test(`any ${type} message survives the wire`, () => {
    fc.assert(fc.property(arbitrary, (message) => expect(roundTrip([message])).toEqual(plain([message]))), {
      numRuns: 200,
    });
  });
}

test("any list of messages survives in order", () => {
  fc.assert(fc.property(messages, (list) => expect(roundTrip(list)).toEqual(plain(list))), { numRuns: 300 });
});

test("any operation survives, and has one encoding", () => {
  fc.assert(
    fc.property(operation, (op) => {
      const bytes = encodeOperation(op);
      expect(decodeOperation(bytes)).toEqual(op);
      expect(encodeOperation(decodeOperation(bytes))).toEqual(bytes);
    }),
    { numRuns: 1000 },
  );
});

test("any partition state survives, in order", () => {
  fc.assert(fc.property(state, (value) => expect(decodeState(encodeState(value))).toEqual(value)), {
    numRuns: 300,
  });
});

test("any durable record survives", () => {
  fc.assert(
    fc.property(
      persistRecord,
      (value) => expect(plain(decodeRecord(encodeRecord(value)))).toEqual(plain(value)),
    ),
    {
      numRuns: 500,
    },
  );
});

test("an entry's operation equals the one given, before and after it took effect, as do its bytes", () => {
  fc.assert(
    fc.property(ballot, operation, (ballot, op) => {
      const entry = makeEntry(ballot, op);
      const bytes = new Uint8Array(entry.length + 2);
      entry.copyTo(bytes, 1);
      expect(bytes.slice(1, -1)).toEqual(Uint8Array.from(encodeOperation(op)));
      expect([bytes[0], bytes.at(-1)]).toEqual([0, 0]);
      expect(entry.op).toEqual(op);
      entry.tookEffect();
      expect(entry.op).toEqual(op);
    }),
    { numRuns: 500 },
  );
});

test("an entry keeps nothing of where its operation came from", () => {
  const payload = new Uint8Array(100).fill(1);
  const spec = taskSpec("t", { payload });
  const entry = makeEntry({ cfg: 1, counter: 1, node: 0, boot: 1 }, { type: "submit", spec, atMs: 1 });
  const before = entry.op;
  payload.fill(2);
  expect(before).toMatchObject({ spec: { payload: new Uint8Array(100).fill(1) } });
  expect(entry.op).toEqual(before);
});

test("decoded entries share the append's ballot and nothing of the frame", () => {
  fc.assert(
    fc.property(ballot, entries, (ballot, list) => {
      const sent: AppendMessage = {
        type: "append",
        p: 1,
        ballot,
        prevIndex: 3,
        prevBallot: { ...ballot },
        commit: 2,
        first: 1,
        logFloor: 1,
        entries: list.map(({ op }) => makeEntry({ ...ballot }, op)),
      };
      const frame = encodeFrame([sent])[0]!;
      const [got] = decodeFrame(frame) as [AppendMessage];
      frame.fill(0xff);
      expect(got).toEqual(sent);
      expect(got.prevBallot).toBe(got.ballot);
      for (const entry of got.entries) expect(entry.ballot).toBe(got.ballot);
      expect(got.entries.map(({ op }) => op)).toEqual(list.map(({ op }) => op));
    }),
    { numRuns: 200 },
  );
});

test("what a node keeps of a frame is a copy, also when the frame is a Buffer", () => {
  fc.assert(
    fc.property(
      fc.constantFrom("grant" as const, "outcome" as const, "queryReply" as const, "heartbeatReply" as const)
        .chain((type) => messageByType[type]),
      (message) => {
        const frame = Buffer.from(encodeFrame([message])[0]!);
        const got = decodeFrame(frame);
        frame.fill(0xff);
        expect(got).toEqual([message]);
      },
    ),
    { numRuns: 200 },
  );
});
