/** What operations do to tasks is the same on every keeper, whatever it has undone before. */
import { expect, test } from "bun:test";
import type { Operation } from "../../../../src/protocol/model/types.ts";
import { PartitionTasks, type Undo } from "../../../../src/protocol/state/partition-tasks.ts";
import { taskSpec } from "../../../support/tasks.ts";

const session = { node: 1, boot: 1, n: 1 };
const command = (id: string, cid: number): Operation => ({
  ...{ type: "command", id, cid, atMs: 1 },
  message: { type: "complete" },
});

/** Two tasks that run, and wait for a command that ends them. */
const BEGIN: readonly Operation[] = [
  ...["a", "b"].map((id): Operation => ({ type: "submit", spec: taskSpec(id), atMs: 1 })),
  ...["a", "b"].map((id): Operation => ({ type: "lease", id, session, atMs: 1 })),
  command("a", 1),
  command("b", 2),
];

function applied(tasks: PartitionTasks, from: number, ops: readonly Operation[]): (Undo | null)[] {
  return ops.map((op, at) => tasks.apply(from + at, op));
}

test("tasks that end by one revert are forgotten in the same order, also where a purge was undone", () => {
  const [one, other] = [new PartitionTasks(), new PartitionTasks()];
  applied(one, 1, BEGIN);
  applied(other, 1, BEGIN);
  const settle = {
    type: "settle",
    id: "a",
    fence: 3,
    seq: 1,
    upTo: 0,
    settlement: { type: "kill" },
    atMs: 1,
  } as const;
  const undos = applied(other, 7, [settle, { type: "purge", count: 1 }]);
  for (const undo of undos.reverse()) if (undo) other.undo(undo);
  for (const tasks of [one, other]) {
    applied(tasks, 7, [{ type: "revert", session, atMs: 2, heardAtMs: 0, isDead: false }, {
      type: "purge",
      count: 1,
    }]);
  }
  expect([...one.records.keys()]).toEqual(["b"]);
  expect([...other.records.keys()]).toEqual(["b"]);
});
