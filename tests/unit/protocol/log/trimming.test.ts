/** What keepers of a log report to each other: up to where all have it, and where a short one ends. */
import { expect, test } from "bun:test";
import { makeEntry } from "../../../../src/protocol/wire/operations.ts";
import type { AppendMessage, AppendReplyMessage } from "../../../../src/protocol/model/messages.ts";
import { EngineBench } from "../../../support/engine-bench.ts";

const NAMES = ["a", "b", "c"];
const TASK_COUNT = 100;

function benchOf(): EngineBench {
  return new EngineBench(NAMES.map((name) => ({ name, slots: TASK_COUNT })), 1);
}

function runTasks(bench: EngineBench, from: number): void {
  for (let i = 0; i < TASK_COUNT; i++) bench.submit(`t${from + i}`);
  bench.run(500);
  for (const id of [...bench.running.keys()]) bench.settle(id);
  bench.run(500);
}

test("every keeper, steward or follower, forgets the entries that all have", () => {
  const bench = benchOf();
  runTasks(bench, 0);
  runTasks(bench, TASK_COUNT);
  for (const name of NAMES) {
    const last = bench.lastIndex(name, 0);
    expect(last).toBeGreaterThan(2 * 3 * TASK_COUNT);
    // far from the 2,048 that are kept for a keeper that lags
    expect([name, bench.entryAt(name, 0, last - TASK_COUNT)]).toEqual([name, undefined]);
  }
});

test("a follower whose log is too short says where it ends, not up to where it is chosen", () => {
  const bench = benchOf();
  const known = bench.sent.findLast((message): message is AppendMessage => message.type === "append")!;
  const last = bench.lastIndex("a", 0);
  const entries = [makeEntry(known.ballot, { type: "noop" })];
  const next = { ...known, prevIndex: last, prevBallot: known.ballot, commit: last, entries };
  const beyond = { ...next, prevIndex: last + 10, entries: [] };
  bench.sent.length = 0;
  // only what comes from the steward counts
  for (const to of NAMES) {
    for (const from of NAMES.filter((name) => name !== to)) {
      for (const message of [next, beyond]) bench.push(to, { type: "message", from, message });
    }
  }
  bench.run(10);
  const refused = bench.sent.filter((message): message is AppendReplyMessage =>
    message.type === "appendReply" && !message.ok
  );
  // of both followers; what comes later is about the entry that the steward never wrote
  expect(refused.slice(0, 2).map(({ index }) => index)).toEqual([last + 1, last + 1]);
});
