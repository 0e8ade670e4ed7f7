/** Claims about what an attach means to a steward: what it releases, and what it leaves alone. */
import { expect, test } from "bun:test";
import { Term } from "../../../../src/protocol/log/term.ts";
import { Replica } from "../../../../src/protocol/log/replica.ts";
import type { AttachMessage } from "../../../../src/protocol/model/messages.ts";
import { Dispatcher } from "../../../../src/protocol/steward/dispatcher.ts";
import { Stewards } from "../../../../src/protocol/steward/steward.ts";
import { ballotBy, leaseOf, RoleStage, submitOf } from "../../../support/roles.ts";

const BALLOT = ballotBy(0, 1);

/** A steward alone, whose task t member 1 holds since its first life. */
function stage(): { attach: (more: Partial<AttachMessage>) => void; stateOf: (id: string) => string } {
  const { context, liveness } = new RoleStage({ chain: [{ epoch: 1, keepers: [0] }] });
  const stewards = new Stewards(context, liveness, new Dispatcher(context, liveness));
  const replica = new Replica();
  const keeper = { p: 0, cfg: 1, voters: [0], replica, silenceFloorMs: 0, timeFloorMs: 0 };
  const term = new Term(context, keeper, BALLOT, stewards.open);
  term.begin();
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
