/** What keeps a member from leaving for good. */
import { expect, test } from "bun:test";
import { StateError } from "../../../src/base/errors.ts";
import { type ClusterHealth, clusterHealth } from "../../../src/coordinator/cluster-health.ts";
import type { NodeInfo } from "../../../src/coordinator/coordinator.ts";
import { departureRefusal } from "../../../src/coordinator/departure.ts";

type States = Readonly<Record<string, NodeInfo["state"] | "copying" | "leaving">>;

/** Members by name; all of them keep the one partition. */
function refusal(id: string, states: States): Error | null {
  const names = Object.keys(states);
  const stateOf = (name: string): NodeInfo["state"] => {
    const state = states[name]!;
    return state === "copying" || state === "leaving" ? "up" : state;
  };
  const members = names.map((name): NodeInfo => ({
    ...{ node: name, name, state: stateOf(name), self: false, frozen: false, tasks: 0, load: 0 },
    ...{ leaving: states[name] === "leaving", keeps: 1, serves: 1, stewardOf: 0, ringShare: 0, labels: {} },
    ...{ version: "", addresses: [], lastHeardMs: 12_300 },
  }));
  const absent = names.flatMap((name, no) => ["up", "leaving"].includes(states[name]!) ? [] : [no]);
  const spare = names.length - absent.length - (Math.floor(names.length / 2) + 1);
  const health: ClusterHealth = clusterHealth({
    groups: [{ p: 0, keepers: names.map((_, no) => no), absent, spare }],
    members: names.map((name, no) => ({ no, id: name, name, labels: {}, witness: false, leaving: false })),
    stateOf,
  });
  return departureRefusal(id, { members, health, evictAfterMs: 30_000 });
}

test("a member of a whole cluster may leave, and one that leaves already may be asked again", () => {
  expect(refusal("a", { a: "up", b: "up", c: "up" })).toBe(null);
  expect(refusal("a", { a: "leaving", b: "up", c: "down" })).toBe(null);
  // it makes the cluster one that survives nothing, which is its operator's choice
  expect(refusal("a", { a: "up", b: "up" })).toBe(null);
});

test("copies on their way are waited for; those of a member that is gone are not", () => {
  expect(refusal("a", { a: "up", b: "copying", c: "up" })).toBe(null);
  expect(refusal("a", { a: "up", b: "down", c: "up" })).toBeInstanceOf(StateError);
  expect(refusal("a", { a: "up", b: "stopped", c: "up" })?.message).toBe(
    'Cannot have node "a" leave now: one more loss would cost 1 of 1 partitions their quorum: b (stopped) ' +
      "does not serve. Nothing was done: try again when they are back",
  );
  // of five keepers one may be missing
  expect(refusal("a", { a: "up", b: "down", c: "up", d: "up", e: "up" })).toBe(null);
});

test("a dead member cannot be asked: what becomes of it is said", () => {
  const refused = refusal("b", { a: "up", b: "down", c: "up" });
  expect(refused).toBeInstanceOf(StateError);
  expect(refused?.message).toContain("it is down, last heard 12 s ago. 30 s after they last heard it");
});

test("the last member is to be stopped, and who is in no cluster cannot leave one", () => {
  expect(refusal("a", { a: "up" })).toBeInstanceOf(StateError);
  expect(refusal("a", { a: "up", b: "leaving" })?.message).toContain("it is the last member");
  expect(refusal("x", { a: "up" })?.message).toContain("it is in no cluster");
});
