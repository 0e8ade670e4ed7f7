/** What a keeper's log keeps: what somebody may still ask for, and no more than it may have. */
import { expect, test } from "bun:test";
import { makeEntry } from "../../../../src/protocol/wire/operations.ts";
import { Replica } from "../../../../src/protocol/log/replica.ts";

const BALLOT = { cfg: 1, counter: 1, node: 0, boot: 1 };
/** A log of 64 entries is trimmed from two on. */
const LIMITS = { countMax: 64, bytesMax: 1e6 };

function replicaOf(count: number, commit = count): Replica {
  const replica = new Replica();
  for (let i = 0; i < count; i++) replica.append(makeEntry(BALLOT, { type: "noop" }));
  replica.commitTo(commit);
  return replica;
}

test("what all keepers have is forgotten", () => {
  const replica = replicaOf(20);
  replica.raiseLogFloor(15);
  replica.trimExcess(LIMITS);
  expect(replica.base).toEqual({ ballot: BALLOT, index: 15 });
});

test("what is not known to be chosen is kept, whatever all keepers have", () => {
  const replica = replicaOf(20, 12);
  replica.raiseLogFloor(20);
  replica.trimExcess(LIMITS);
  expect(replica.base.index).toBe(12);
  replica.cut(12);
  expect(replica.lastIndex).toBe(12);
});

test("a lower floor, sent by a steward that knows less, takes nothing back", () => {
  const replica = replicaOf(20);
  replica.raiseLogFloor(10);
  replica.raiseLogFloor(3);
  replica.trimExcess(LIMITS);
  expect(replica.base.index).toBe(10);
});

test("while a keeper lags behind, the log keeps as many entries as it may have", () => {
  const replica = replicaOf(100);
  replica.trimExcess(LIMITS);
  expect(replica.base.index).toBe(36);
  expect(replica.entryAt(36)).toBeUndefined();
  expect(replica.entryAt(37)).toBeDefined();
});

test("beyond the bytes that it may have, it keeps only what is not chosen", () => {
  const replica = replicaOf(20, 17);
  replica.trimExcess({ countMax: 64, bytesMax: 10 });
  expect(replica.base.index).toBe(17);
});

test("a short log is left alone", () => {
  const replica = replicaOf(1);
  replica.raiseLogFloor(1);
  replica.trimExcess(LIMITS);
  expect(replica.base.index).toBe(0);
});
