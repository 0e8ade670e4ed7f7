/** A steward and how tasks end: nodes that live after all, attempts that prove themselves, expiry. */
import { expect, test } from "bun:test";
import { TimeFloor } from "../../../../src/protocol/log/cluster-time.ts";
import { Replica } from "../../../../src/protocol/log/replica.ts";
import { Term } from "../../../../src/protocol/log/term.ts";
import type { Settlement, TaskRecord } from "../../../../src/protocol/model/types.ts";
import { Dispatcher } from "../../../../src/protocol/steward/dispatcher.ts";
import { type Steward, Stewards } from "../../../../src/protocol/steward/steward.ts";
import { ballotBy, RoleStage, specOf } from "../../../support/roles.ts";

const BALLOT = ballotBy(0, 1);
const PLAIN = { priority: 0, retry: null, placement: null, lapsesMax: 5, tags: [], retention: null };

/** A steward alone, with one task; member 1 takes tasks. */
class Bench {
  readonly stage: RoleStage = new RoleStage({ chain: [{ epoch: 1, keepers: [0] }] });
  readonly replica: Replica = new Replica();
  readonly term: Term;
  readonly steward: Steward;
  #attach = 0;

  constructor(expiresMs = 0) {
    const { context, liveness } = this.stage;
    const stewards = new Stewards(context, liveness, new Dispatcher(context, liveness));
    const keeper = {
      p: 0,
      cfg: 1,
      voters: [0],
      replica: this.replica,
      silenceFloorMs: 0,
      timeFloorMs: 0,
      timeFloor: new TimeFloor(context),
    };
    this.term = new Term(context, keeper, BALLOT, stewards.open);
    this.term.begin();
    this.steward = stewards.of(this.term);
    const spec = specOf("t", { ...PLAIN, expiresMs });
    this.term.propose({ type: "submit", spec, atMs: this.term.time.nowMs });
    this.term.flush();
    this.steward.requeue();
  }

  get record(): TaskRecord {
    return this.replica.tasks.records.get("t")!;
  }

  lease(n = 1): number {
    this.stage.liveness.heard(1, 1);
    const session = { node: 1, boot: 1, n };
    const fence = this.term.propose({ type: "lease", id: "t", session, atMs: this.term.time.nowMs });
    this.term.flush();
    this.steward.requeue();
    return fence;
  }

  /** The process of member 1 is taken for dead. */
  die(): void {
    const session = { node: 1, boot: 1, n: 1 };
    const atMs = this.term.time.nowMs;
    this.term.propose({ type: "condemn", session });
    this.term.propose({ type: "revert", session, atMs, heardAtMs: atMs, isDead: true });
    this.term.flush();
  }

  attach(boot: number, n: number): void {
    const attach = ++this.#attach;
    const message = { p: 0, ballot: BALLOT, node: 1, boot, n, attach, held: [] };
    this.steward.onAttach(1, { type: "attach", ...message });
    this.term.flush();
  }

  pass(ms: number): void {
    this.stage.pass(ms);
    this.stage.liveness.heard(1, 1);
    this.steward.tick();
    this.term.flush();
  }

  /** What the steward answers to a report. */
  settle(fence: number, settlement: Settlement): readonly unknown[] {
    this.stage.take();
    this.steward.onSettle(1, {
      type: "settle",
      p: 0,
      items: [{ id: "t", fence, seq: 1, upTo: 0, settlement }],
    });
    this.term.flush();
    this.stage.flush();
    return this.stage.take().of("settleReply").flatMap(({ items }) => items);
  }
}

test("a life that attaches after it was taken for dead had not died: its lapse does not count", () => {
  const bench = new Bench();
  bench.lease();
  bench.die();
  expect(bench.record).toMatchObject({ lapsesInSuccession: 1, lapses: [{ isCounted: true }] });
  bench.attach(1, 2);
  expect(bench.record).toMatchObject({ lapsesInSuccession: 0, lapses: [{ isCounted: false }] });
});

test("another life of the same node takes no lapse back", () => {
  const bench = new Bench();
  bench.lease();
  bench.die();
  bench.attach(2, 1);
  expect(bench.record).toMatchObject({ lapsesInSuccession: 1, lapses: [{ isCounted: true }] });
});

test("an attempt that has run for half a minute proves itself, by an entry of its steward", () => {
  const bench = new Bench();
  bench.lease();
  bench.die();
  bench.lease(2);
  for (let s = 0; s < 29; s++) bench.pass(1000);
  expect(bench.record).toMatchObject({ state: "leased", lapsesInSuccession: 1 });
  for (let s = 0; s < 3; s++) bench.pass(1000);
  expect(bench.record).toMatchObject({ state: "leased", lapsesInSuccession: 0 });
});

test("a task that waits fails within a tick of its time, and not before", () => {
  const bench = new Bench(5000);
  bench.pass(4900);
  expect(bench.record.state).toBe("pending");
  bench.pass(200);
  expect(bench.record).toMatchObject({ state: "failed", failedBecause: "expired" });
});

test("a holder is told that the time is over, again and again, and a late completion is refused", () => {
  const bench = new Bench(5000);
  const fence = bench.lease();
  const told = (): number => {
    bench.stage.flush();
    return bench.stage.take().of("deliver").filter(({ items }) =>
      items.some(({ commands }) => commands.some(({ message }) => message.type === "expire"))
    ).length;
  };
  bench.pass(4900);
  expect(told()).toBe(0);
  for (let at = 0; at < 6; at++) bench.pass(500);
  expect(told()).toBeGreaterThan(1);
  expect(bench.record.state).toBe("leased");
  const late = { type: "complete", result: null } as const;
  expect(bench.settle(fence, late)).toEqual([{ fence, seq: 1, accepted: false }]);
  expect(bench.record).toMatchObject({ state: "failed", failedBecause: "expired" });
});
