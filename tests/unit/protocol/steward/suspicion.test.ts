/** Tasks that may have killed their node: when a steward hands them out, to whom, what it says of them. */
import { expect, test } from "bun:test";
import type { Lapse, MemberNo, TaskRecord } from "../../../../src/protocol/model/types.ts";
import { DECLINED } from "../../../../src/protocol/steward/task-queues.ts";
import { DispatcherBench, pending } from "../../../support/dispatcher-bench.ts";
import { WALL_MS } from "../../../support/roles.ts";

/** All four members keep; member 3 may be away. */
function bench(away: readonly MemberNo[] = []): DispatcherBench {
  const own = new DispatcherBench();
  for (const no of [0, 1, 2, 3]) if (!away.includes(no)) own.join(no);
  for (const no of away) own.stage.context.connected.delete(`m${no}`);
  return own;
}

function suspect(count: number, more: Partial<Lapse> = {}): TaskRecord {
  const lapse = { atMs: WALL_MS - 1000, attempt: 1, fence: 3, node: 3, boot: 1, ranMs: 100, isCounted: true };
  return { ...pending("t"), lapses: [{ ...lapse, ...more }], lapsesInSuccession: count };
}

const keepers = (own: DispatcherBench): readonly MemberNo[] =>
  own.stage.context.roster!.chains.flatMap((chain) => chain.at(-1)!.keepers);

test("a suspect is handed out while every partition could lose one more keeper", () => {
  const own = bench();
  expect(own.dispatcher.pick(own.book, suspect(1))).toBeGreaterThanOrEqual(0);
});

test("a suspect waits while a keeper is away, for a minute at most, and why says so", () => {
  const away = keepers(bench())[1]!;
  const own = bench([away]);
  const { dispatcher, book } = own;
  expect(dispatcher.pick(book, suspect(1))).toBe(DECLINED);
  expect(dispatcher.why(book, suspect(1))).toContain("process died when the task had run for 0.1 s");
  expect(dispatcher.pick(book, suspect(1, { atMs: WALL_MS - 60_000 }))).toBeGreaterThanOrEqual(0);
});

test("what had run for five seconds, or lost its node otherwise, is handed out at once", () => {
  const own = bench([keepers(bench())[1]!]);
  expect(own.dispatcher.pick(own.book, suspect(1, { ranMs: 5000 }))).toBeGreaterThanOrEqual(0);
  expect(own.dispatcher.pick(own.book, suspect(1, { ranMs: null }))).toBeGreaterThanOrEqual(0);
  expect(own.dispatcher.pick(own.book, suspect(0, { isCounted: false }))).toBeGreaterThanOrEqual(0);
});

test("a task on probation goes to no node that has one, and waits while that may cost a quorum", () => {
  const own = bench();
  const { dispatcher, book } = own;
  const old = { atMs: WALL_MS - 60_000 };
  for (const no of [0, 1, 2]) dispatcher.tookOnProbation(no, () => true);
  expect(dispatcher.pick(book, suspect(2))).toBe(DECLINED);
  expect(dispatcher.pick(book, suspect(2, old))).toBe(3);
  dispatcher.tookOnProbation(3, () => true);
  expect(dispatcher.pick(book, suspect(2, old))).toBe(DECLINED);
  expect(dispatcher.why(book, suspect(2, old))).toContain("a node runs one such task at a time");
  expect(dispatcher.pick(book, suspect(1, old))).toBeGreaterThanOrEqual(0);
});
