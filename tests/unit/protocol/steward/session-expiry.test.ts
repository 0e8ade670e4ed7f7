/**
 * CONDEMN, wait out, REVERT: when a steward ends the session of a silent node, and when it does not yet. The
 * other keepers, 1 and 2, are played by the test, and so is the node that holds the leases, member 3.
 */
import { expect, test } from "bun:test";
import { Replica } from "../../../../src/protocol/log/replica.ts";
import { Term } from "../../../../src/protocol/log/term.ts";
import type { EngineOptions } from "../../../../src/protocol/model/contract.ts";
import type { Fate, MemberNo, Operation, SessionId, Silence } from "../../../../src/protocol/model/types.ts";
import { SessionExpiry } from "../../../../src/protocol/steward/session-expiry.ts";
import {
  ballotBy,
  expectFields,
  FakeOffice,
  HEARTBEAT_MS,
  leaseOf,
  RoleStage,
  submitOf,
  TTL_MS,
} from "../../../support/roles.ts";
import { termKeeper } from "../../../support/term-bench.ts";

const HOLDER: MemberNo = 3;
/** Clocks that may err by a half: a lease of 4 s may live for 12 s, seen from a fast clock. */
const CLOCK_RATE_BOUND = 0.5;
const WAIT_MS = 3 * TTL_MS;
const SESSION: SessionId = { node: HOLDER, boot: 1, n: 1 };

class Bench {
  readonly stage: RoleStage;
  readonly replica: Replica = new Replica();
  readonly term: Term;
  readonly expiry: SessionExpiry;
  readonly keeper: ReturnType<typeof termKeeper>;
  /** The calls of the port, in order. */
  readonly calls: string[] = [];

  constructor({ voters = [0, 1, 2], options = {} }: {
    readonly voters?: readonly MemberNo[];
    readonly options?: Partial<EngineOptions>;
  } = {}) {
    this.stage = new RoleStage({
      memberCount: 5,
      options: { clockRateBound: CLOCK_RATE_BOUND, ...options },
    });
    this.keeper = termKeeper(this.stage.context, voters, this.replica);
    this.term = new Term(this.stage.context, this.keeper, ballotBy(0, 1), () => new FakeOffice());
    this.expiry = new SessionExpiry(this.stage.context, this.stage.liveness, this.term, {
      reverted: () => this.calls.push("reverted"),
      announceAll: () => this.calls.push("announceAll"),
    });
  }

  /** Member 3 was just heard and holds a lease of a task, which all keepers have. */
  static leased(setting: ConstructorParameters<typeof Bench>[0] = {}): Bench {
    const bench = new Bench(setting);
    bench.lease("t");
    return bench;
  }

  lease(id: string, n = 1, boot = 1): void {
    this.stage.liveness.heard(HOLDER, boot);
    this.leaseUnheard(id, n, boot);
  }

  leaseUnheard(id: string, n = 1, boot = 1): void {
    this.term.propose(submitOf(id));
    this.term.propose(leaseOf(id, HOLDER, n, boot));
    this.ack(1, 2);
  }

  /** These keepers have the whole log. */
  ack(...keepers: readonly MemberNo[]): void {
    this.stage.flush();
    for (const from of keepers) {
      const index = this.replica.lastIndex;
      const { ballot } = this.term;
      this.term.onAppendReply(from, { type: "appendReply", p: 0, ballot, ok: true, index, silences: [] });
    }
    this.stage.flush();
  }

  /** Time passes, tick by tick; what was proposed in it. */
  pass(ms: number): readonly Operation[] {
    const before = this.replica.lastIndex;
    this.stage.pass(ms);
    this.expiry.tick();
    this.stage.flush();
    const ops: Operation[] = [];
    for (let at = before + 1; at <= this.replica.lastIndex; at++) ops.push(this.replica.entryAt(at)!.op);
    return ops;
  }

  /** The session is condemned at the first instant at which that may be; the index of the entry. */
  condemn(): number {
    expect(this.pass(TTL_MS + 1).map(({ type }) => type)).toEqual(["condemn"]);
    return this.replica.lastIndex;
  }

  /** A keeper reports that the session had been silent there. */
  report(keeper: MemberNo, elapsedMs: number, silence: Partial<Silence> = {}, matchIndex?: number): void {
    const index = this.replica.tasks.condemnationOf(HOLDER, 1)?.index ?? 0;
    const silences = [{ session: SESSION, index, elapsedMs, fate: "silent" as const, ...silence }];
    this.expiry.note(keeper, silences, matchIndex ?? this.replica.lastIndex);
  }

  stateOf(id: string): string {
    return this.replica.tasks.records.get(id)!.state;
  }
}

// ---- CONDEMN ----------------------------------------------------------------------------------------------

test("a session with leases is condemned when its node has not been heard for more than a TTL", () => {
  const bench = Bench.leased();
  expect(bench.pass(TTL_MS)).toEqual([]);
  expect(bench.pass(1)).toEqual([{ type: "condemn", session: SESSION }]);
  expect(bench.stage.take().events).toEqual([{ type: "condemned", p: 0, node: "m3" }]);
});

test("a node that is heard is not condemned, whatever time passes", () => {
  const bench = Bench.leased();
  for (let i = 0; i < 20; i++) {
    expect(bench.pass(TTL_MS)).toEqual([]);
    bench.stage.liveness.heard(HOLDER, 1);
  }
});

test("a silent node without leases here is left alone", () => {
  const bench = new Bench();
  bench.stage.liveness.heard(HOLDER, 1);
  bench.term.propose(submitOf("t"));
  bench.ack(1, 2);
  expect(bench.pass(100 * TTL_MS)).toEqual([]);
});

test("a session is condemned once", () => {
  const bench = Bench.leased();
  bench.condemn();
  expect(bench.pass(1)).toEqual([]);
  expect(bench.pass(TTL_MS)).toEqual([]);
});

test("an earlier life of a node is silent, however often the present one is heard", () => {
  const bench = Bench.leased();
  for (let passedMs = 0; passedMs < TTL_MS; passedMs += HEARTBEAT_MS) {
    bench.stage.liveness.heard(HOLDER, 2);
    expect(bench.pass(HEARTBEAT_MS)).toEqual([]);
  }
  expect(bench.pass(1)).toEqual([{ type: "condemn", session: SESSION }]);
});

test("the session of a later life is condemned as that of a later life", () => {
  const bench = new Bench();
  bench.lease("t", 5, 2);
  expect(bench.pass(TTL_MS + 1)).toEqual([{ type: "condemn", session: { node: HOLDER, boot: 2, n: 5 } }]);
});

test("of several sessions of one life the newest that holds something is condemned, and so are all", () => {
  const bench = Bench.leased();
  bench.lease("u", 3);
  expect(bench.pass(TTL_MS + 1)).toEqual([{ type: "condemn", session: { ...SESSION, n: 3 } }]);
});

test("who was never heard counts as heard when this node began", () => {
  const bench = new Bench();
  bench.leaseUnheard("t");
  expect(bench.pass(TTL_MS)).toEqual([]);
  expect(bench.pass(1)).toHaveLength(1);
});

test("no silence counts from before this keeper's copy was whole", () => {
  const bench = Bench.leased();
  bench.stage.pass(TTL_MS);
  bench.keeper.silenceFloorMs = bench.stage.nowMs;
  expect(bench.pass(TTL_MS)).toEqual([]);
  expect(bench.pass(1)).toHaveLength(1);
});

test("while a silent session is waited for, ticks come as often as they may", () => {
  const bench = Bench.leased({ options: { tickMs: 100, calmTickMs: 1000 } });
  const { context, liveness } = bench.stage;
  bench.pass(2 * HEARTBEAT_MS);
  expect(context.tickGapMs).toBe(1000);
  bench.pass(1);
  expect(context.tickGapMs).toBe(100);
  bench.pass(TTL_MS);
  liveness.heard(HOLDER, 1);
  bench.stage.pass(2 * HEARTBEAT_MS);
  expect(context.tickGapMs).toBe(1000);
  bench.pass(0);
  expect(context.tickGapMs).toBe(100);
});

// ---- wait out ---------------------------------------------------------------------------------------------

test("the wait covers a TTL on the slowest clock, seen from the fastest", () => {
  expect(new Bench().expiry.waitMs).toBe(WAIT_MS);
  expect(new Bench({ options: { clockRateBound: 0 } }).expiry.waitMs).toBe(TTL_MS);
});

test("a session is reverted when the silences of a majority cover the wait, and not before", () => {
  const bench = Bench.leased();
  bench.condemn();
  bench.ack(1, 2);
  bench.report(1, TTL_MS + 1);
  expect(bench.pass(WAIT_MS - TTL_MS - 2)).toEqual([]);
  expect(bench.stateOf("t")).toBe("leased");
  const [revert, ...more] = bench.pass(1);
  expectFields(revert, { type: "revert", session: SESSION });
  expect(more).toEqual([]);
  expect(bench.stateOf("t")).toBe("pending");
});

test("the silence of this keeper alone is no majority's, however long it is", () => {
  const bench = Bench.leased();
  bench.condemn();
  bench.ack(1, 2);
  expect(bench.pass(100 * WAIT_MS)).toEqual([]);
});

test("of five keepers three must have been without a sign of life for that long", () => {
  const bench = Bench.leased({ voters: [0, 1, 2, 3, 4] });
  bench.condemn();
  bench.ack(1, 2, 3, 4);
  bench.report(1, 0);
  bench.report(4, TTL_MS);
  expect(bench.pass(WAIT_MS - 1)).toEqual([]);
  expect(bench.pass(1)).toHaveLength(1);
});

test("a report is one of that keeper's: two of them are no majority", () => {
  const bench = Bench.leased({ voters: [0, 1, 2, 3, 4] });
  bench.condemn();
  bench.ack(1, 2, 3, 4);
  for (let i = 0; i < 3; i++) bench.report(1, WAIT_MS);
  expect(bench.pass(WAIT_MS)).toEqual([]);
});

test("what a keeper reported goes on here: the rest of the wait is the steward's own time", () => {
  const bench = Bench.leased();
  bench.condemn();
  bench.ack(1, 2);
  bench.report(2, 1000);
  expect(bench.pass(WAIT_MS - 1001)).toEqual([]);
  expect(bench.pass(1)).toHaveLength(1);
});

test("a keeper that reports less later, having started again, takes nothing back", () => {
  const bench = Bench.leased();
  bench.condemn();
  bench.ack(1, 2);
  bench.report(1, 1000);
  bench.pass(WAIT_MS - 1001);
  bench.report(1, 0);
  expect(bench.pass(1)).toHaveLength(1);
});

test("the silence of a keeper that is not known to have the condemnation does not count", () => {
  const bench = Bench.leased();
  const index = bench.condemn();
  bench.ack(2);
  bench.report(1, 10 * WAIT_MS, {}, index - 1);
  expect(bench.pass(10 * WAIT_MS)).toEqual([]);
  bench.report(1, 10 * WAIT_MS, {}, index);
  expect(bench.pass(0)).toHaveLength(1);
});

test("before the condemnation is chosen nothing is reverted, however long the silences", () => {
  const bench = Bench.leased();
  bench.condemn();
  bench.report(1, WAIT_MS);
  bench.report(2, WAIT_MS);
  expect(bench.pass(WAIT_MS)).toEqual([]);
  bench.ack(1);
  expect(bench.pass(0)).toHaveLength(1);
});

test("who keeps nothing here has no say in it", () => {
  const bench = Bench.leased();
  bench.condemn();
  bench.ack(1, 2);
  bench.report(4, 10 * WAIT_MS);
  expect(bench.pass(10 * WAIT_MS)).toEqual([]);
});

test("a report from before the condemnation does not count", () => {
  const bench = Bench.leased();
  bench.report(1, 10 * WAIT_MS);
  bench.condemn();
  bench.ack(1, 2);
  expect(bench.pass(10 * WAIT_MS)).toEqual([]);
});

test("a report about an older session than the condemned one does not count for that", () => {
  const bench = Bench.leased();
  bench.lease("u", 2);
  expect(bench.pass(TTL_MS + 1)).toEqual([{ type: "condemn", session: { ...SESSION, n: 2 } }]);
  bench.ack(1, 2);
  bench.report(1, 10 * WAIT_MS);
  expect(bench.pass(10 * WAIT_MS)).toEqual([]);
  bench.report(1, 10 * WAIT_MS, { session: { ...SESSION, n: 2 } });
  expect(bench.pass(0)).toHaveLength(1);
  expect([bench.stateOf("t"), bench.stateOf("u")]).toEqual(["pending", "pending"]);
});

test("a newer session that is condemned, too, is waited out by itself", () => {
  const bench = Bench.leased();
  bench.condemn();
  bench.ack(1, 2);
  bench.report(1, 10 * WAIT_MS);
  bench.lease("u", 2);
  expect(bench.pass(TTL_MS + 1)).toHaveLength(1);
  bench.ack(1, 2);
  expect(bench.pass(10 * WAIT_MS)).toEqual([]);
  bench.report(1, 0, { session: { ...SESSION, n: 2 } });
  expect(bench.pass(WAIT_MS - 1)).toEqual([]);
  const [revert] = bench.pass(1);
  expectFields(revert, { type: "revert", session: { ...SESSION, n: 2 } });
});

test("a keeper that has the condemnation from a snapshot names it by another index, and counts", () => {
  const bench = Bench.leased();
  const index = bench.condemn();
  bench.ack(1, 2);
  bench.term.propose({ type: "noop" });
  bench.ack(1, 2);
  bench.pass(0);
  bench.report(1, WAIT_MS, { index: index + 1 });
  expect(bench.pass(WAIT_MS)).toHaveLength(1);
});

test("a condemned session that is heard again is reverted all the same", () => {
  const bench = Bench.leased();
  bench.condemn();
  bench.ack(1, 2);
  bench.pass(0);
  bench.stage.liveness.heard(HOLDER, 1);
  bench.report(1, TTL_MS);
  expect(bench.pass(WAIT_MS - TTL_MS)).toHaveLength(1);
});

// ---- REVERT -----------------------------------------------------------------------------------------------

/** Condemned, waited out, reverted; nobody but the steward has the last entry. */
function reverted(bench: Bench): void {
  bench.condemn();
  bench.ack(1, 2);
  bench.report(1, TTL_MS);
  expect(bench.pass(WAIT_MS).map(({ type }) => type)).toEqual(["revert"]);
}

test("a newer session of the same life is not reverted with the condemned one", () => {
  const bench = Bench.leased();
  bench.condemn();
  bench.ack(1, 2);
  bench.lease("u", 2);
  bench.report(1, TTL_MS);
  for (let passedMs = 0; passedMs < WAIT_MS; passedMs += HEARTBEAT_MS) {
    bench.stage.liveness.heard(HOLDER, 1);
    bench.pass(HEARTBEAT_MS);
  }
  expect([bench.stateOf("t"), bench.stateOf("u")]).toEqual(["pending", "leased"]);
});

test("the leases of another life of the node stay as they are", () => {
  const bench = Bench.leased();
  bench.condemn();
  bench.ack(1, 2);
  bench.lease("u", 1, 2);
  bench.report(1, TTL_MS);
  for (let passedMs = 0; passedMs < WAIT_MS; passedMs += HEARTBEAT_MS) {
    bench.stage.liveness.heard(HOLDER, 2);
    bench.pass(HEARTBEAT_MS);
  }
  expect([bench.stateOf("t"), bench.stateOf("u")]).toEqual(["pending", "leased"]);
});

test("a session is reverted once, however long another one is waited out", () => {
  const bench = Bench.leased();
  bench.term.propose(submitOf("other"));
  bench.term.propose(leaseOf("other", 4));
  bench.ack(1, 2);
  expect(bench.pass(TTL_MS + 1).map(({ type }) => type)).toEqual(["condemn", "condemn"]);
  bench.ack(1, 2);
  bench.report(1, WAIT_MS);
  const ops = [...bench.pass(WAIT_MS), ...bench.pass(WAIT_MS), ...bench.pass(WAIT_MS)];
  expect(ops.map(({ type }) => type)).toEqual(["revert"]);
});

test("tasks wait again at once, their ends are announced when the revert is chosen", () => {
  const bench = Bench.leased();
  reverted(bench);
  expect(bench.calls).toEqual(["reverted"]);
  bench.ack(1);
  expect(bench.calls).toEqual(["reverted", "announceAll"]);
});

// ---- who died ---------------------------------------------------------------------------------------------

/** The session ends after these words of keepers about its process; what the REVERT says. */
function revertOf(bench: Bench, fates: readonly Fate[]): Operation | undefined {
  bench.condemn();
  bench.ack(1, 2);
  fates.forEach((fate, at) => bench.report(at + 1, WAIT_MS, { fate }));
  return bench.pass(WAIT_MS).find(({ type }) => type === "revert");
}

test("a node that only falls silent has not died", () => {
  expectFields(revertOf(Bench.leased(), ["silent", "silent"]), { isDead: false });
});

test("a node whose connections closed has died then, as most of those saw who knew it", () => {
  const bench = Bench.leased();
  bench.stage.pass(100);
  bench.stage.liveness.disconnected(HOLDER, true);
  const closedMs = bench.term.time.nowMs;
  const revert = revertOf(bench, ["unknown", "dead"]);
  expectFields(revert, { isDead: true });
  expect((revert as { heardAtMs: number }).heardAtMs).toBeCloseTo(closedMs, -1);
});

test("one connection that closed is no death, if another keeper only heard silence", () => {
  const bench = Bench.leased();
  bench.stage.liveness.disconnected(HOLDER, true);
  expectFields(revertOf(bench, ["silent"]), { isDead: false });
});

test("what a process said before its connection closed, and comes later, does not bring it back", () => {
  const bench = Bench.leased();
  bench.stage.liveness.disconnected(HOLDER, true);
  bench.stage.liveness.heard(HOLDER, 1);
  expectFields(revertOf(bench, ["unknown"]), { isDead: true });
});

test("a connection that this end gave up is no death, and neither is one that is there again", () => {
  const gaveUp = Bench.leased();
  gaveUp.stage.liveness.disconnected(HOLDER, false);
  expectFields(revertOf(gaveUp, ["unknown"]), { isDead: false });
  const back = Bench.leased();
  back.stage.liveness.disconnected(HOLDER, true);
  back.stage.liveness.connectedTo(HOLDER);
  expectFields(revertOf(back, ["unknown"]), { isDead: false });
});

test("a later life proves that the earlier one died, to those who had heard it", () => {
  const witness = Bench.leased();
  witness.stage.liveness.heard(HOLDER, 2);
  expectFields(revertOf(witness, ["unknown"]), { isDead: true });
  const stranger = new Bench();
  stranger.leaseUnheard("t");
  stranger.stage.liveness.heard(HOLDER, 2);
  expectFields(revertOf(stranger, ["unknown"]), { isDead: false, heardAtMs: 0 });
});
