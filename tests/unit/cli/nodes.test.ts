/** What `stolos nodes` says about failures that the cluster survives. */
import { expect, test } from "bun:test";
import type { NodeInfo } from "../../../mod.ts";
import { quorumHealth } from "../../../src/cli/nodes.ts";

/** Members that share 10 partitions with `keepers` keepers each; the last `down` of them are down. */
function members(count: number, keepers: number, down = 0): NodeInfo[] {
  return Array.from({ length: count }, (_, at) => ({
    node: `n${at}`,
    name: `n${at}`,
    state: at < count - down ? "up" : "down",
    self: at === 0,
    frozen: false,
    tasks: 0,
    keeps: 10 * keepers / count,
    stewardOf: at < count - down ? 10 / (count - down) : 0,
    ringShare: 1 / count,
    labels: {},
    version: "0",
    addresses: [],
    load: 0,
    lastHeardMs: 0,
  }));
}

test("three members survive one failure, and none once one is down", () => {
  expect(quorumHealth(members(3, 3))).toContain("survives 1 more failure");
  expect(quorumHealth(members(3, 3, 1))).toContain("survives 0 more failures");
  expect(quorumHealth(members(3, 3, 2))).toContain("LOST: 1 of 3");
});

test("five members with three keepers a task survive one failure, with five keepers two", () => {
  expect(quorumHealth(members(5, 3))).toContain("survives 1 more failure");
  expect(quorumHealth(members(5, 3, 2))).toContain("LOST for tasks with too few keepers up");
  expect(quorumHealth(members(5, 5))).toContain("survives 2 more failures");
});

test("one or two members survive nothing, and it is said", () => {
  expect(quorumHealth(members(1, 1))).toContain("survives nothing");
  expect(quorumHealth(members(2, 2))).toContain("TWO NODES SURVIVE NO FAILURE");
});
