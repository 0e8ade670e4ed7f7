/**
 * Who is given which task by one steward node: credit, standing, loads, labels, and what was declined. In
 * which order tasks are handed out: dispatcher-run.test.ts.
 */
import { expect, test } from "bun:test";
import { ringPosition } from "../../../../src/protocol/context/ring.ts";
import type { MemberNo } from "../../../../src/protocol/model/types.ts";
import { DECLINED, NOBODY } from "../../../../src/protocol/steward/task-queues.ts";
import { DispatcherBench, IDS } from "../../../support/dispatcher-bench.ts";
import { expectEach, HEARTBEAT_MS } from "../../../support/roles.ts";

// ---- credit -----------------------------------------------------------------------------------------------

test("nobody is given a task that it did not ask for", () => {
  const bench = new DispatcherBench();
  expect(bench.pick()).toBe(NOBODY);
  bench.join(1, { free: 0 });
  expect(bench.pick()).toBe(NOBODY);
  bench.credit(1, { free: 1 });
  expect(bench.pick()).toBe(1);
});

test("grants have consecutive numbers, and when credit is used up there are no more", () => {
  const bench = new DispatcherBench().join(1, { free: 2 });
  expect([bench.dispatcher.charge(1, "h"), bench.pick(), bench.dispatcher.charge(1, "h")]).toEqual([1, 1, 2]);
  expect(bench.pick()).toBe(NOBODY);
});

test("credit counts after the grants that the member has received: those on their way use it up", () => {
  const bench = new DispatcherBench().join(1, { free: 5 });
  bench.charge(1, 3);
  bench.credit(1, { free: 2, upTo: 1 });
  expect(bench.pick()).toBe(NOBODY);
  bench.credit(1, { free: 2, upTo: 2 });
  expect(bench.pick()).toBe(1);
});

test("a credit message that comes late, or once more, changes nothing", () => {
  const bench = new DispatcherBench().join(1, { free: 1, seq: 7 });
  bench.charge(1);
  bench.credit(1, { free: 9, seq: 6 });
  bench.credit(1, { free: 9, seq: 7 });
  expect(bench.pick()).toBe(NOBODY);
  bench.credit(1, { free: 9, seq: 8 });
  expect(bench.pick()).toBe(1);
});

test("credit for an earlier life of this node is none", () => {
  const bench = new DispatcherBench({ options: { boot: 3 } }).join(1, { stewardBoot: 2 });
  expect(bench.pick()).toBe(NOBODY);
  bench.credit(1, { stewardBoot: 3 });
  expect(bench.pick()).toBe(1);
});

test("a member's new life begins anew, and its earlier life is not listened to any more", () => {
  const bench = new DispatcherBench().join(1, { free: 3, seq: 40 });
  bench.charge(1, 3);
  bench.join(1, { boot: 2, free: 1, seq: 1 });
  expect(bench.pick()).toBe(1);
  expect(bench.dispatcher.charge(1, "h")).toBe(1);
  bench.credit(1, { boot: 1, free: 9, seq: 41 });
  expect(bench.pick()).toBe(NOBODY);
});

test("a member whose connection closed gets nothing until it speaks again", () => {
  const bench = new DispatcherBench().join(1);
  bench.charge(1);
  bench.dispatcher.forget(1);
  expect(bench.pick()).toBe(NOBODY);
  bench.credit(1, { upTo: 1 });
  expect(bench.pick()).toBe(1);
});

test("a recall is answered at once with the number of the last grant", () => {
  const bench = new DispatcherBench().join(1);
  bench.charge(1, 4);
  for (const seq of [8, 9]) bench.credit(1, { free: 0, upTo: 4, recall: true, seq });
  expect(bench.stage.take().of("creditReply")).toEqual([
    { type: "creditReply", seq: 8, issued: 4, to: 1 },
    { type: "creditReply", seq: 9, issued: 4, to: 1 },
  ]);
});

test("a member that has not received all its grants hears their number now and then", () => {
  const bench = new DispatcherBench().join(1);
  bench.charge(1, 2);
  bench.credit(1, { upTo: 1 });
  expectEach(bench.stage.take().of("creditReply"), [{ to: 1, issued: 2 }]);
  bench.stage.pass(HEARTBEAT_MS);
  bench.credit(1, { upTo: 1 });
  expect(bench.stage.take().of("creditReply")).toEqual([]);
  bench.stage.pass(1);
  bench.credit(1, { upTo: 1 });
  expect(bench.stage.take().of("creditReply")).toHaveLength(1);
  bench.stage.pass(10 * HEARTBEAT_MS);
  bench.credit(1, { upTo: 2 });
  expect(bench.stage.take().of("creditReply")).toEqual([]);
});

// ---- who may ----------------------------------------------------------------------------------------------

test.each(["draining", "frozen"] as const)(
  "a member that is %s gets nothing, whatever its credit",
  (standing) => {
    const bench = new DispatcherBench().join(1, { standing });
    expect(bench.pick()).toBe(NOBODY);
  },
);

test("a member that is not attached here, or was in an earlier life, gets nothing", () => {
  const bench = new DispatcherBench().join(1);
  bench.book.bootByNo.delete(1);
  expect(bench.pick()).toBe(NOBODY);
  bench.book.bootByNo.set(1, 1);
  expect(bench.pick()).toBe(1);
  bench.credit(1, { boot: 2, seq: 1 });
  bench.stage.liveness.heard(1, 2);
  expect(bench.pick()).toBe(NOBODY);
});

test("a member that has not been heard for 2.5 heartbeats gets nothing, this node itself does", () => {
  const bench = new DispatcherBench().join(1);
  bench.stage.pass(2.5 * HEARTBEAT_MS - 1);
  expect(bench.pick()).toBe(1);
  bench.stage.pass(1);
  expect(bench.pick()).toBe(NOBODY);
  bench.credit(0);
  bench.book.bootByNo.set(0, 1);
  expect(bench.pick()).toBe(0);
});

test("a member without the handler gets nothing of that name", () => {
  const bench = new DispatcherBench().join(1, { handlers: ["other"] });
  expect(bench.pick()).toBe(NOBODY);
  expect(bench.pick("t", { name: "other" })).toBe(1);
});

test("of a handler with a limit a member gets no more than it has room for, of others it does", () => {
  const bench = new DispatcherBench().join(1, { limits: [{ name: "h", free: 1 }] });
  bench.charge(1, 1, "other");
  expect(bench.pick()).toBe(1);
  bench.charge(1);
  expect(bench.pick()).toBe(NOBODY);
  expect(bench.pick("t", { name: "other" })).toBe(1);
  bench.credit(1, { upTo: 1, limits: [{ name: "h", free: 1 }] });
  expect(bench.pick()).toBe(NOBODY);
  bench.credit(1, { upTo: 2, limits: [{ name: "h", free: 1 }] });
  expect(bench.pick()).toBe(1);
});

test("a task goes only where all the labels are that it requires", () => {
  const labels = { 1: { zone: "a" }, 2: { zone: "a", disk: "ssd" }, 3: { disk: "ssd" } };
  const bench = new DispatcherBench({ labels }).join(0).join(1).join(2).join(3);
  const requires = [{ key: "zone", value: "a" }, { key: "disk", value: "ssd" }];
  expect(bench.pickMany({ requires })).toEqual([2]);
  expect(bench.pickMany({ requires: [{ key: "zone", value: "b" }] })).toEqual([NOBODY]);
});

test("a task for one node goes there and waits for it", () => {
  const bench = new DispatcherBench().join(0).join(1).join(2);
  expect(bench.pickMany({ node: "m2" })).toEqual([2]);
  bench.credit(2, { free: 0 });
  expect(bench.pickMany({ node: "m2" })).toEqual([NOBODY]);
});

// ---- declined, apart, avoided -----------------------------------------------------------------------------

test("who declined a task is not offered it, the others are", () => {
  const bench = new DispatcherBench().join(1).join(2);
  for (const id of IDS) bench.book.declined.add(`${id}@1`);
  expect(bench.pickMany()).toEqual([2]);
  expect(bench.pickMany({ node: "m1" })).toEqual([DECLINED]);
  expect(bench.pick("another", { node: "m1" })).toBe(1);
});

test("a task that all who have room declined is declined; it waits if one is only full", () => {
  const bench = new DispatcherBench().join(1).join(2);
  bench.book.declined.add("t@1").add("t@2");
  expect(bench.pick()).toBe(DECLINED);
  bench.credit(1, { free: 0 });
  expect(bench.pick()).toBe(DECLINED);
  bench.credit(2, { free: 0 });
  expect(bench.pick()).toBe(NOBODY);
});

test("a second task with one apart key is not offered to who runs the first, as long as that stands", () => {
  const bench = new DispatcherBench().join(1);
  let stands = true;
  bench.dispatcher.tookApart("db", 1, () => stands);
  expect(bench.pick("t", { apart: "db" })).toBe(DECLINED);
  expect(bench.pick("t", { apart: "cache" })).toBe(1);
  expect(bench.pick("t")).toBe(1);
  bench.join(2);
  expect(bench.pickMany({ apart: "db" })).toEqual([2]);
  stands = false;
  expect(bench.pickMany({ apart: "db" })).toEqual([1, 2]);
});

test("who just gave a task up comes last, and gets it when there is nobody else", () => {
  const bench = new DispatcherBench().join(1).join(2, { load: 8 });
  expect(bench.pickMany({ avoid: 1 })).toEqual([2]);
  bench.credit(2, { free: 0 });
  expect(bench.pickMany({ avoid: 1 })).toEqual([1]);
  const own = new DispatcherBench().join(0).join(1, { load: 8 });
  expect(own.pickMany({ avoid: 0 })).toEqual([1]);
});

test("a task that was given up goes to the least loaded of the others", () => {
  for (const load of [0, 8]) {
    const bench = new DispatcherBench().join(1, { load }).join(2, { load: 5 }).join(3, { load: 4 });
    expect(bench.pickMany({ avoid: 1 })).toEqual([3]);
  }
});

// ---- of those who may -------------------------------------------------------------------------------------

test("the first clockwise from the task's place on the ring gets it", () => {
  const bench = new DispatcherBench().join(1).join(2).join(3);
  const first = (id: string): MemberNo => {
    let found = -1;
    bench.stage.context.ring.walk(ringPosition(id), (no) => {
      if (no !== 0) found = no;
      return found >= 0;
    });
    return found;
  };
  expect(IDS.map((id) => bench.pick(id))).toEqual(IDS.map(first));
  expect(bench.pickMany()).toEqual([1, 2, 3]);
});

test("this node itself comes first, up to 1.25 times the average load", () => {
  const bench = new DispatcherBench().join(0, { free: 99 }).join(1, { free: 99 });
  const count = IDS.filter((id) => {
    const no = bench.pick(id);
    bench.charge(no);
    return no === 0;
  }).length;
  expect(count).toBe(Math.ceil(1.25 * IDS.length / 2));
});

test("who is loaded with 1.25 times the average is passed over, below it is not", () => {
  // for one more of 7 or 8 tasks at two members the bound is 5
  expect(new DispatcherBench().join(1, { load: 4 }).join(2, { load: 2 }).pickMany()).toEqual([1, 2]);
  expect(new DispatcherBench().join(1, { load: 5 }).join(2, { load: 2 }).pickMany()).toEqual([2]);
});

test("grants on their way count as load", () => {
  const bench = new DispatcherBench().join(1, { free: 20 }).join(2, { load: 2 });
  bench.charge(1, 5);
  expect(bench.pickMany()).toEqual([2]);
  bench.credit(1, { free: 20, upTo: 5, load: 1 });
  expect(bench.pickMany()).toEqual([1, 2]);
});

test("the load of those who may not run a task does not count for it", () => {
  const bench = new DispatcherBench().join(1, { load: 5 }).join(2, { load: 2 });
  bench.join(3, { load: 100, handlers: ["other"] });
  expect(bench.pickMany()).toEqual([2]);
});

test("whose preferred labels weigh most gets the task, and not who is first on the ring or this node", () => {
  const labels = { 1: { disk: "ssd" }, 2: { disk: "ssd", zone: "a" }, 3: { zone: "a" } };
  const bench = new DispatcherBench({ labels }).join(0).join(1).join(2).join(3);
  const prefers = [{ key: "disk", value: "ssd", weight: 2 }, { key: "zone", value: "a", weight: 1 }];
  expect(bench.pickMany({ prefers })).toEqual([2]);
  bench.credit(2, { free: 0 });
  expect(bench.pickMany({ prefers })).toEqual([1]);
});

test("a negative weight keeps a task away, but not for ever", () => {
  const bench = new DispatcherBench({ labels: { 0: { disk: "slow" }, 1: { disk: "slow" } } }).join(0).join(1)
    .join(2);
  const prefers = [{ key: "disk", value: "slow", weight: -1 }];
  expect(bench.pickMany({ prefers })).toEqual([2]);
  bench.credit(2, { free: 0 });
  expect(bench.pickMany({ prefers })).toEqual([0]);
});

test("a preference yields to the bound on loads, to the heaviest of those who are below it", () => {
  const labels = { 1: { zone: "a" }, 2: { zone: "b" } };
  const bench = new DispatcherBench({ labels }).join(1, { load: 30 }).join(2).join(3);
  const prefers = [{ key: "zone", value: "a", weight: 9 }, { key: "zone", value: "b", weight: 1 }];
  expect(bench.pickMany({ prefers })).toEqual([2]);
});

test("a preference for who just gave the task up does not count", () => {
  const labels = { 1: { zone: "a" }, 3: { zone: "b" } };
  const bench = new DispatcherBench({ labels }).join(1).join(2).join(3, { load: 3 });
  const prefers = [{ key: "zone", value: "a", weight: 9 }, { key: "zone", value: "b", weight: 5 }];
  expect(bench.pickMany({ prefers, avoid: 1 })).toEqual([2]);
});
