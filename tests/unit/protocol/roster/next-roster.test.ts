/** What the next roster is, from the present one and what is wished. */
import { expect, test } from "bun:test";
import { assignKeepers } from "../../../../src/protocol/context/ring.ts";
import { type Changes, firstDeciders, nextRoster } from "../../../../src/protocol/roster/next-roster.ts";
import type { Candidate, Member, Roster } from "../../../../src/protocol/model/types.ts";

const PARTITIONS = 128;

function candidate(name: string, labels: Record<string, string> = {}): Candidate {
  return { id: `id-${name}`, name, labels, witness: false };
}

function founded(...candidates: readonly Candidate[]): Roster {
  const members = candidates.map((each, at): Member => ({ no: at + 1, ...each, leaving: false }));
  return {
    cluster: "c",
    epoch: 1,
    replication: 3,
    members,
    nextNo: members.length + 1,
    deciders: firstDeciders(members),
    chains: assignKeepers(members, { partitionCount: PARTITIONS, replication: 3, epoch: 1 }),
  };
}

const quiet: Changes = { joins: [], leaves: [], isActive: () => true, isLive: () => true };

/** Epoch after epoch until nothing is left to do. */
function settle(roster: Roster, changes: Partial<Changes>): Roster {
  let next = nextRoster(roster, { ...quiet, ...changes });
  let last = roster;
  while (next) {
    last = next;
    next = nextRoster(last, quiet);
  }
  return last;
}

const abc = [candidate("a"), candidate("b"), candidate("c")];

test("nothing wished, nothing changed", () => {
  expect(nextRoster(founded(...abc), quiet)).toBe(null);
});

test("a join moves only what the new member keeps, and no more than its share", () => {
  const before = founded(...abc);
  const after = settle(before, { joins: [candidate("d")] });
  let moved = 0;
  after.chains.forEach((chain, p) => {
    const old = before.chains[p]![0]!.keepers;
    const fresh = chain[0]!.keepers.filter((no) => !old.includes(no));
    expect(fresh.every((no) => no === 4)).toBe(true);
    moved += fresh.length;
  });
  expect(moved).toBeGreaterThan(PARTITIONS / 2);
  expect(moved).toBeLessThan(PARTITIONS);
});

test("keepers follow the size: 1, 2, 3, and back", () => {
  let roster = founded(candidate("a"));
  const keeperCounts = (): number[] => [...new Set(roster.chains.map((chain) => chain[0]!.keepers.length))];
  expect(keeperCounts()).toEqual([1]);
  roster = settle(roster, { joins: [candidate("b")] });
  expect(keeperCounts()).toEqual([2]);
  roster = settle(roster, { joins: [candidate("c"), candidate("d")] });
  expect(keeperCounts()).toEqual([3]);
  roster = settle(roster, { leaves: [2, 3] });
  expect(keeperCounts()).toEqual([2]);
  roster = settle(roster, { leaves: [1] });
  expect(keeperCounts()).toEqual([1]);
  expect(roster.members.map((member) => member.name)).toEqual(["d"]);
});

test("who leaves is marked first and dropped when no configuration names it", () => {
  const marked = nextRoster(founded(...abc, candidate("d")), { ...quiet, leaves: [1] })!;
  expect(marked.members.find((member) => member.no === 1)?.leaving).toBe(true);
  expect(marked.deciders).not.toContain(1);
  const waiting = nextRoster(marked, { ...quiet, isActive: (_p, cfg) => cfg === 1 });
  expect(waiting).toBe(null);
  const after = settle(marked, {});
  expect(after.members.map((member) => member.no)).toEqual([2, 3, 4]);
});

test("one configuration of a partition is pending at a time, unless it lost its keepers", () => {
  const pending = nextRoster(founded(candidate("a")), { ...quiet, joins: [candidate("b")] })!;
  expect(pending.chains.every((chain) => chain.length === 2)).toBe(true);
  const isActive = (_p: number, cfg: number): boolean => cfg === 1;
  const later = nextRoster(pending, { ...quiet, isActive, joins: [candidate("c")] })!;
  expect(later.chains.every((chain) => chain.length === 2)).toBe(true);
  const lost = nextRoster(pending, { ...quiet, isActive, leaves: [2] })!;
  expect(lost.chains.every((chain) => chain.length === 3)).toBe(true);
  expect(lost.chains[0]!.at(-1)!.keepers).toEqual([1]);
});

test("the last member that is known to be there is not let go", () => {
  const roster = founded(candidate("a"), candidate("b"));
  const isLive = (no: number): boolean => no === 1;
  expect(nextRoster(roster, { ...quiet, isLive, leaves: [1] })).toBe(null);
  expect(nextRoster(founded(candidate("a")), { ...quiet, leaves: [1] })).toBe(null);
});

test("a number is never given twice", () => {
  const roster = settle(settle(founded(...abc), { joins: [candidate("d")] }), { leaves: [4] });
  const again = settle(roster, { joins: [candidate("d")] });
  expect(again.members.find((member) => member.name === "d")?.no).toBe(5);
});

test("keepers are spread over zones as far as there are some", () => {
  const zoned = ["a", "b", "c"].flatMap((zone) =>
    [1, 2].map((at) => candidate(`${zone}${at}`, { zone: `zone-${zone}` }))
  );
  const roster = founded(...zoned);
  for (const [configuration] of roster.chains) {
    const zones = configuration!.keepers.map((no) => roster.members[no - 1]!.labels["zone"]);
    expect(new Set(zones).size).toBe(3);
  }
  const two = founded(...zoned.slice(0, 4));
  for (const [configuration] of two.chains) {
    const zones = configuration!.keepers.map((no) => two.members[no - 1]!.labels["zone"]);
    expect(configuration!.keepers.length).toBe(3);
    expect(new Set(zones).size).toBe(2);
  }
});

test("who is let in decides in a later epoch only", () => {
  const next = nextRoster(founded(...abc), { ...quiet, joins: [candidate("d"), candidate("e")] })!;
  expect(next.deciders).toEqual([1, 2, 3]);
  expect(settle(next, {}).deciders).toEqual([1, 2, 3, 4, 5]);
});

test("two that are there are not outvoted by newcomers that may never come", () => {
  const joins = [candidate("c"), candidate("d"), candidate("e")];
  const next = nextRoster(founded(candidate("a"), candidate("b")), { ...quiet, joins })!;
  // a majority of these is there; with all five deciding two would be none
  expect(next.deciders).toEqual([1, 2, 3]);
});
