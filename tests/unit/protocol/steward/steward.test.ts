/**
 * Claims about what an attach means to a steward, what it releases and what it leaves alone; and about when
 * it refuses a report.
 */
import { expect, test } from "bun:test";
import { Term } from "../../../../src/protocol/log/term.ts";
import { TimeFloor } from "../../../../src/protocol/log/cluster-time.ts";
import { Replica } from "../../../../src/protocol/log/replica.ts";
import type { AttachMessage } from "../../../../src/protocol/model/messages.ts";
import { Dispatcher } from "../../../../src/protocol/steward/dispatcher.ts";
import { Stewards } from "../../../../src/protocol/steward/steward.ts";
import { ballotBy, leaseOf, RoleStage, submitOf } from "../../../support/roles.ts";

const BALLOT = ballotBy(0, 1);

function termOf(
  stage: RoleStage,
  keepers: readonly number[],
): { term: Term; stewards: Stewards; replica: Replica } {
  const { context, liveness } = stage;
  const stewards = new Stewards(context, liveness, new Dispatcher(context, liveness));
  const replica = new Replica();
  const keeper = {
    p: 0,
    cfg: 1,
    voters: keepers,
    replica,
    silenceFloorMs: 0,
    timeFloorMs: 0,
    timeFloor: new TimeFloor(context),
  };
  const term = new Term(context, keeper, BALLOT, stewards.open);
  term.begin();
  return { term, stewards, replica };
}

/** A steward alone, whose task t member 1 holds since its first life. */
function stage(): { attach: (more: Partial<AttachMessage>) => void; stateOf: (id: string) => string } {
  const { term, stewards, replica } = termOf(new RoleStage({ chain: [{ epoch: 1, keepers: [0] }] }), [0]);
  term.propose(submitOf("t"));
  const fence = term.propose(leaseOf("t", 1, 1, 1));
  term.flush();
  const base = { type: "attach" as const, p: 0, ballot: BALLOT, node: 1, boot: 1, n: 1, attach: 1 };
  return {
    attach: (more) => {
      stewards.of(term).onAttach(1, { ...base, held: [{ id: "t", fence }], ...more });
      term.flush();
    },
    stateOf: (id) => replica.tasks.records.get(id)!.state,
  };
}

test("what a member holds stays with it", () => {
  const { attach, stateOf } = stage();
  attach({});
  expect(stateOf("t")).toBe("leased");
});

test("what a member does not hold any more is released", () => {
  const { attach, stateOf } = stage();
  attach({ held: [] });
  expect(stateOf("t")).toBe("pending");
});

test("a fence that is not the current one is no hold", () => {
  const { attach, stateOf } = stage();
  attach({ held: [{ id: "t", fence: 1 }] });
  expect(stateOf("t")).toBe("pending");
});

test("a new life's attach releases nothing of the earlier life, which may still run it", () => {
  const { attach, stateOf } = stage();
  attach({ boot: 2, held: [] });
  expect(stateOf("t")).toBe("leased");
});

test("an attach of an earlier life, or an earlier attach, changes nothing", () => {
  const { attach, stateOf } = stage();
  attach({ attach: 2 });
  attach({ attach: 1, held: [] });
  attach({ boot: 0, attach: 9, held: [] });
  expect(stateOf("t")).toBe("leased");
});

test("an attach under another ballot changes nothing", () => {
  const { attach, stateOf } = stage();
  attach({ ballot: ballotBy(0, 2), held: [] });
  expect(stateOf("t")).toBe("leased");
});

test("a report is refused after a round of the quorum, which a deposed steward never gets", () => {
  const stage = new RoleStage();
  const { term, stewards, replica } = termOf(stage, [0, 1, 2]);
  const matched = (): void => {
    const { lastIndex: index } = replica;
    term.onAppendReply(1, { type: "appendReply", p: 0, ballot: BALLOT, ok: true, index, silences: [] });
  };
  const refusals = (): readonly unknown[] => {
    stage.flush();
    return stage.take().of("settleReply").flatMap(({ items }) => items);
  };
  term.propose(submitOf("t"));
  matched();
  expect(refusals()).toEqual([]);
  expect(replica.commit).toBe(replica.lastIndex);
  // a fence that it never saw: of a lease by the next steward, if it is deposed
  const item = { id: "t", fence: 9, seq: 1, upTo: 0, settlement: { type: "release" } } as const;
  stewards.of(term).onSettle(2, { type: "settle", p: 0, items: [item] });
  expect(refusals()).toEqual([]);
  matched();
  expect(refusals()).toEqual([{ fence: 9, seq: 1, accepted: false }]);
});
