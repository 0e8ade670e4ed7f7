/**
 * Sessions over memberships: what was sent to an earlier one must not count for the next. Until when a lease
 * may begin.
 */
import { expect, test } from "bun:test";
import { SessionTable } from "../../../../src/protocol/holder/lease-holder.ts";
import { beginAttach } from "../../../../src/protocol/holder/session.ts";
import { EngineBench } from "../../../support/engine-bench.ts";

const CHAINS = [[{ epoch: 1, keepers: [1, 2, 3] }], [{ epoch: 1, keepers: [2, 3, 4] }]];

test("attach numbers go on, and heartbeats from before do not count", () => {
  const table = new SessionTable();
  table.adopt(CHAINS);
  for (let i = 0; i < 5; i++) beginAttach(table.all[0]!);
  table.forget(1234);
  expect(table.all).toHaveLength(0);
  table.adopt(CHAINS);
  for (const session of table.all) {
    expect(session.attach).toBeGreaterThanOrEqual(5);
    expect(session.minSentMs).toBe(1234);
    expect(session.n).toBe(1);
  }
});

test("vouches of configurations that stay are kept, others begin anew", () => {
  const table = new SessionTable();
  table.adopt(CHAINS);
  table.all[0]!.vouchers[0]!.vouchedMs[1] = 99;
  table.adopt([[CHAINS[0]![0]!, { epoch: 2, keepers: [1, 2, 4] }], CHAINS[1]!]);
  const [old, fresh] = table.all[0]!.vouchers;
  expect(old!.vouchedMs[1]).toBe(99);
  expect([...fresh!.vouchedMs]).toEqual([-Infinity, -Infinity, -Infinity]);
});

test("a handler may be called until a margin before its lease ends, and under no other lease", () => {
  const bench = new EngineBench([{ name: "a", slots: 1, handlers: ["h"] }], 1, { marginMs: 700 });
  bench.submit("t");
  bench.run(1000);
  const { p, task } = bench.running.get("t")!;
  const { holder } = bench.engineOf("a");
  const endMs = holder.validUntilMs(p);
  expect([-701, -700, -1, 0].map((ms) => holder.mayBegin(p, task.fence, endMs + ms))).toEqual([
    true,
    false,
    false,
    false,
  ]);
  expect([holder.mayBegin(p, task.fence + 1, 0), holder.mayBegin(p + 1, task.fence, 0)]).toEqual([
    false,
    false,
  ]);
});
