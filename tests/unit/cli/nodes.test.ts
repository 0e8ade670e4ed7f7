/** What `stolos nodes` says about failures that the cluster survives. */
import { expect, test } from "bun:test";
import type { NodeInfo } from "../../../mod.ts";
import { quorumHealth } from "../../../src/cli/nodes.ts";
import { clusterHealth } from "../../../src/coordinator/cluster-health.ts";
import type { GroupHealth } from "../../../src/protocol/keeper-health.ts";

/** Ten partitions, each kept by `keepers` of `count` members in turn; `gone` do not serve. */
function sentence(count: number, keepers: number, gone: Readonly<Record<number, NodeInfo["state"]>> = {}) {
  const stateOf = (no: number): NodeInfo["state"] => gone[no] ?? "up";
  const groups = Array.from({ length: 10 }, (_, p): GroupHealth => {
    const kept = Array.from({ length: keepers }, (_, at) => (p + at) % count);
    const absent = kept.filter((no) => no in gone);
    const spare = kept.length - absent.length - (Math.floor(kept.length / 2) + 1);
    return { p, keepers: kept, absent, spare };
  });
  const members = Array.from({ length: count }, (_, no) => {
    return { no, id: `id-${no}`, name: `n${no}`, labels: {}, witness: false, leaving: false };
  });
  const infos = members.map(({ no, id, name }): NodeInfo => ({
    ...{
      node: id,
      name,
      state: stateOf(no),
      self: no === 0,
      frozen: false,
      leaving: false,
      tasks: 0,
      load: 0,
    },
    ...{ keeps: 10, serves: no in gone ? 0 : 10, stewardOf: 0, ringShare: 0, labels: {}, version: "0" },
    ...{ addresses: [], lastHeardMs: 0 },
  }));
  const health = clusterHealth({ groups, members, stateOf: (id) => stateOf(Number(id.slice(3))) });
  return quorumHealth(infos, health);
}

test("three members survive one failure, and none once one is down", () => {
  expect(sentence(3, 3)).toBe("quorum: held (3 of 3 members up, 3 keepers a task); survives 1 more failure");
  expect(sentence(3, 3, { 2: "down" })).toBe(
    "quorum: held (2 of 3 members up, 3 keepers a task); survives 0 more failures: one more loss would " +
      "cost 10 of 10 partitions their quorum: n2 (down) does not serve",
  );
  expect(sentence(3, 3, { 1: "down", 2: "down" })).toContain("LOST (1 of 3 members up");
});

test("health is counted by partition: of two that stopped, some were both keepers of one", () => {
  const seen = sentence(5, 3, { 3: "stopped", 4: "stopped" });
  expect(seen).toContain(
    "LOST in part (3 of 5 members up, 3 keepers a task): 4 of 10 partitions have no",
  );
  expect(seen).toContain(": n3 (stopped), n4 (stopped) do not serve; tasks there wait until they are back");
  expect(sentence(5, 5)).toContain("survives 2 more failures");
  expect(sentence(5, 5, { 3: "stopped" })).toContain(
    "(4 of 5 members up, 5 keepers a task); survives 1 more",
  );
});

test("a member that is there and copies what it keeps does not count", () => {
  expect(sentence(3, 3, { 1: "up" })).toContain(
    "survives 0 more failures: one more loss would cost 10 of 10",
  );
  expect(sentence(3, 3, { 1: "up" })).toContain("n1 (copying) does not serve");
});

test("one or two members survive nothing, and it is said", () => {
  expect(sentence(1, 1)).toContain("survives nothing");
  expect(sentence(2, 2)).toContain("TWO NODES SURVIVE NO FAILURE");
});
