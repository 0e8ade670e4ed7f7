/** Deadlines, and words for a partition without a quorum. */
import { expect, test } from "bun:test";
import { noQuorumError, quorumTrouble } from "../../../src/coordinator/diagnosis.ts";
import type { Roster } from "../../../src/protocol/model/types.ts";

const members = ["a", "b", "c"].map((name, at) => ({
  no: at + 1,
  id: `id-${name}`,
  name,
  labels: {},
  witness: false,
  leaving: false,
}));
const roster: Roster = {
  cluster: "x",
  epoch: 1,
  replication: 3,
  members,
  nextNo: 4,
  deciders: [1],
  chains: [[{ epoch: 1, keepers: [1, 2, 3] }]],
};
const view = (up: readonly string[]): Parameters<typeof quorumTrouble>[0] => ({
  roster,
  isOut: false,
  expect: 3,
  connectedNames: ["a"],
  isUp: (node) => up.includes(node),
  healthOf: () => undefined,
});

test("a missing quorum is said with its keepers", () => {
  const error = noQuorumError(view(["id-a"]), 0, 'submit task "t"');
  expect(error.message).toBe(
    'Cannot submit task "t": no quorum: partition 0 needs 2 of 3 keepers, a (up), b (down), c (down)',
  );
  expect(error.keepers.map((keeper) => keeper.up)).toEqual([true, false, false]);
});

test("with a majority up there is no trouble", () => {
  expect(quorumTrouble(view(["id-a", "id-c"]), 0)).toBe("");
});

test("a keeper that is there and has no whole copy yet does not count", () => {
  const copying = { ...view(["id-a", "id-c"]), healthOf: () => ({ keepers: [1, 2, 3], absent: [3] }) };
  expect(quorumTrouble(copying, 0)).toBe(
    "no quorum: partition 0 needs 2 of 3 keepers, a (up), b (down), c (copying)",
  );
});

test("before the founding the nodes that are missing are counted", () => {
  const trouble = quorumTrouble({ ...view([]), roster: null, connectedNames: ["a", "b"] }, 0);
  expect(trouble).toBe(
    "this node is in no cluster yet: a cluster is founded by 3 nodes, of which 2 are connected: a, b",
  );
});
