/**
 * What a steward node hands out in which order, when it looks again at what nobody took, and to whom it
 * announces demand. Who is given a task: dispatcher.test.ts.
 */
import { expect, test } from "bun:test";
import { NOBODY } from "../../../../src/protocol/steward/task-queues.ts";
import { DispatcherBench, FakeBook, pending } from "../../../support/dispatcher-bench.ts";
import { expectEach, HEARTBEAT_MS } from "../../../support/roles.ts";

test("the highest priority of all partitions goes first, until the credit is used up", () => {
  const bench = new DispatcherBench().join(1, { free: 3 });
  const other = new FakeBook(bench.dispatcher, bench.given);
  other.bootByNo.set(1, 1);
  bench.book.add(
    pending("a", { priority: 1 }),
    pending("b", { priority: 5 }),
    pending("e", { priority: -1 }),
  );
  other.add(pending("c", { priority: 3 }), pending("d", { priority: 0 }));
  bench.dispatcher.run();
  expect(bench.given).toEqual(["b@1", "c@1", "a@1"]);
  expect([...bench.book.tasks, ...other.tasks].map(({ spec }) => spec.id)).toEqual(["e", "d"]);
  // for each of three priorities, and the last one not any more
  expect(bench.book.rounds.length + other.rounds.length).toBe(5);
  expect(bench.dispatcher.waiting).toEqual(new Set([bench.book, other]));
});

test("who has nothing left that waits is asked no more", () => {
  const bench = new DispatcherBench().join(1);
  bench.book.add(pending("a"));
  bench.dispatcher.run();
  expect(bench.given).toEqual(["a@1"]);
  expect(bench.dispatcher.waiting.size).toBe(0);
});

test("without any credit nothing is looked at", () => {
  const bench = new DispatcherBench().join(1, { free: 0 });
  bench.book.add(pending("a"));
  bench.dispatcher.run();
  expect([bench.book.rounds, bench.book.reviews]).toEqual([[], []]);
});

test("whatever may make somebody take what nobody took begins another round", () => {
  const bench = new DispatcherBench().join(1, { handlers: ["other"] });
  bench.book.add(pending("a"));
  const { dispatcher } = bench;
  dispatcher.run();
  const rounds = [bench.book.rounds.at(-1)!];
  for (
    const news of [
      () => dispatcher.tick(),
      () => bench.credit(1, { handlers: ["other"] }),
      () => dispatcher.reviewDeclined(),
    ]
  ) {
    expect(dispatcher.isDirty).toBe(false);
    news();
    expect(dispatcher.isDirty).toBe(true);
    dispatcher.run();
    rounds.push(bench.book.rounds.at(-1)!);
  }
  expect(new Set(rounds).size).toBe(4);
});

test("what everybody declined is looked at again when somebody's mind may have changed, once", () => {
  const bench = new DispatcherBench().join(1, { handlers: ["other"] });
  bench.book.add(pending("a"));
  const { dispatcher, stage } = bench;
  dispatcher.run();
  for (
    const [news, count] of [
      [() => bench.credit(1, { handlers: ["other"] }), 0],
      [() => bench.credit(1, { handlers: ["other"], changes: 1 }), 1],
      [() => bench.credit(1, { handlers: ["other"], changes: 1 }), 0],
      [() => bench.join(2, { handlers: ["other"] }), 1],
      [() => dispatcher.reviewDeclined(), 1],
      [() => stage.context.adoptRoster({ ...stage.context.roster!, epoch: 2 }), 1],
      [() => dispatcher.tick(), 0],
    ] as const
  ) {
    bench.book.reviews.length = 0;
    news();
    dispatcher.run();
    dispatcher.run();
    expect([news.toString(), bench.book.reviews.length]).toEqual([news.toString(), count]);
  }
});

test("credit that was asked for is offered what the others declined", () => {
  const bench = new DispatcherBench().join(1, { free: 0 }).join(2, { handlers: ["other"] });
  bench.book.add(pending("a"));
  bench.dispatcher.run();
  bench.book.reviews.length = 0;
  bench.credit(1, { free: 1 });
  bench.dispatcher.run();
  expect(bench.book.reviews).toHaveLength(1);
});

// ---- demand -----------------------------------------------------------------------------------------------

/** Member 1 has no credit left, and two tasks wait. */
function starved(): DispatcherBench {
  const bench = new DispatcherBench({ options: { boot: 7 } }).join(1, { free: 0, stewardBoot: 7 });
  bench.book.add(pending("a", { priority: 4 }), pending("b"));
  return bench;
}

test("a member without credit hears how much waits that it could run, and how urgent it is", () => {
  const bench = starved();
  bench.book.add(pending("c", { name: "unknown", priority: 9 }));
  bench.dispatcher.run();
  expect(bench.stage.take().of("demand")).toEqual([
    { type: "demand", boot: 7, backlog: 2, priority: 4, to: 1 },
  ]);
});

test("demand is announced again with every heartbeat, not with every step", () => {
  const bench = starved();
  bench.dispatcher.run();
  bench.stage.take();
  bench.stage.pass(HEARTBEAT_MS - 1);
  bench.dispatcher.run();
  expect(bench.stage.take().isSilent).toBe(true);
  bench.stage.pass(1);
  bench.dispatcher.run();
  expectEach(bench.stage.take().of("demand"), [{ backlog: 2 }]);
});

test("a higher priority is announced at once, and so is that nothing waits any more", () => {
  const bench = starved();
  bench.dispatcher.run();
  bench.stage.take();
  bench.book.add(pending("c", { priority: 6 }));
  bench.dispatcher.run();
  expectEach(bench.stage.take().of("demand"), [{ backlog: 3, priority: 6 }]);
  bench.book.tasks.length = 0;
  bench.dispatcher.waiting.clear();
  bench.dispatcher.run();
  expectEach(bench.stage.take().of("demand"), [{ backlog: 0, priority: 0 }]);
});

test("a member with credit, or that takes nothing, hears of no demand", () => {
  const bench = new DispatcherBench().join(1).join(2, { standing: "draining", free: 0 });
  bench.book.add(pending("a"));
  bench.book.declined.add("a@1");
  bench.dispatcher.run();
  expect(bench.stage.take().of("demand")).toEqual([]);
});

test("in a large cluster those who are not attached are asked in rounds, nobody twice in one", () => {
  // half as many again as are asked at first, so that the second round could ask for more than there are
  const bench = new DispatcherBench({ memberCount: 96 });
  bench.book.add(pending("a"));
  bench.dispatcher.run();
  const asked: number[][] = [];
  for (let round = 0; round < 2; round++) {
    bench.stage.pass(300);
    bench.dispatcher.run();
    asked.push(bench.stage.take().of("demand").map(({ to }) => to));
  }
  expect(asked.map((each) => [each.length, new Set(each).size])).toEqual([[64, 64], [96, 96]]);
});

test("while tasks wait ticks come as often as they may", () => {
  const bench = new DispatcherBench({ options: { tickMs: 100, calmTickMs: 1000 } });
  bench.dispatcher.tick();
  expect(bench.stage.context.tickGapMs).toBe(1000);
  bench.book.add(pending("a"));
  bench.dispatcher.tick();
  expect(bench.stage.context.tickGapMs).toBe(100);
});

test("in no cluster any more nobody has credit and nothing waits", () => {
  const bench = new DispatcherBench().join(1);
  bench.book.add(pending("a"));
  bench.dispatcher.tookApart("db", 1, () => true);
  bench.dispatcher.reset();
  expect(bench.pick()).toBe(NOBODY);
  expect(bench.dispatcher.waiting.size).toBe(0);
  bench.credit(1);
  expect(bench.pick("t", { apart: "db" })).toBe(1);
});
