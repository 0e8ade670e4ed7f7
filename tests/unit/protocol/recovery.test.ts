/** What is made of the disks that are left, and what is said of the rest. */
import { expect, test } from "bun:test";
import { Engine } from "../../../src/protocol/engine.ts";
import { originOf } from "../../../src/protocol/model/cluster-name.ts";
import type { PersistRecord } from "../../../src/protocol/model/contract.ts";
import type { Entry, Roster } from "../../../src/protocol/model/types.ts";
import { recordsOf, type Recovery, recoveryOf, survivorOf } from "../../../src/protocol/recovery.ts";
import { decodeRecord, encodeRecord } from "../../../src/protocol/wire/records.ts";
import { decodeState } from "../../../src/protocol/wire/snapshots.ts";
import { optionsOf } from "../../../src/simulator/node.ts";
import { planFor } from "../../../src/simulator/profiles.ts";
import { Rng } from "../../../src/testing/rng.ts";
import { diskOf, entryOf, keptBy, memberOf, rosterOf, submitOf } from "../../support/survivors.ts";

type Disk = readonly PersistRecord[];

/** `disks` by the numbers of their members. */
function recovered(disks: Readonly<Record<number, Disk>>, nonce = "x"): Recovery {
  const survivors = Object.entries(disks).map(([no, records]) => survivorOf(`id-${no}`, records)!);
  return recoveryOf(survivors, nonce);
}

function idsIn({ records }: Recovery, p: number): readonly string[] {
  const snapshot = records.find((record) => record.type === "snapshot" && record.p === p);
  if (snapshot?.type !== "snapshot") throw new Error(`Cannot find the snapshot of partition ${p}`);
  return decodeState(snapshot.state).records.map(({ spec }) => spec.id);
}

const three = rosterOf(3, [keptBy(1, 2, 3)]);
const [a, b] = [submitOf("a"), submitOf("b")];

test("two recoveries of one cluster have different names, and both say of which one", () => {
  const disk = diskOf(three, { 0: [a] });
  const names = ["x", "y"].map((nonce, at) => recovered({ [at + 1]: disk }, nonce).roster.cluster);
  expect(names[0]).not.toBe(names[1]);
  expect(names.map(originOf)).toEqual(["c", "c"]);
  const again = recovered({ 1: diskOf({ ...three, cluster: names[0]! }, {}) }, "z").roster.cluster;
  expect(originOf(again)).toBe("c");
  expect(again.length).toBe(names[0]!.length);
});

test("the members are those that are left, and nothing of the lost ones' numbers is given again", () => {
  const { roster } = recovered({ 2: diskOf(three, {}), 3: diskOf(three, {}) });
  expect(roster.members.map(({ no, name, leaving }) => ({ no, name, leaving }))).toEqual([
    { no: 2, name: "n2", leaving: false },
    { no: 3, name: "n3", leaving: false },
  ]);
  expect(roster.nextNo).toBeGreaterThan(1000);
  expect(roster.epoch).toBeGreaterThan(three.epoch);
  expect(roster.chains.map((chain) => chain.map(({ keepers }) => [...keepers].sort()))).toEqual([[[2, 3]]]);
});

test("the copy that goes on is the one that was in touch last, not the longest", () => {
  const lagging = diskOf(three, { 0: [a, submitOf("gone"), submitOf("gone too")] });
  const newest = diskOf(three, { 0: [a, submitOf("b", 2)] });
  for (const disks of [{ 1: lagging, 2: newest }, { 1: newest, 2: lagging }]) {
    expect(idsIn(recovered(disks), 0)).toEqual(["a", "b"]);
  }
});

test("a majority of a partition's copies has everything: nothing of it is in doubt", () => {
  const disk = diskOf(three, { 0: [a, b] });
  expect(recovered({ 1: disk, 2: disk })).toMatchObject({ doubtful: [], lost: [], stale: [], taskCount: 2 });
});

test("of a partition without a majority the tasks that had not ended are named", () => {
  const lease = { type: "lease", id: "a", session: { node: 1, boot: 1, n: 1 }, atMs: 2 } as const;
  const settlement = { type: "complete", result: null } as const;
  const settle = { type: "settle", id: "a", fence: 2, seq: 1, upTo: 0, settlement, atMs: 3 } as const;
  const entries = [a, entryOf(lease), entryOf(settle), b];
  expect(recovered({ 1: diskOf(three, { 0: entries }) })).toMatchObject({
    doubtful: [0],
    lost: [],
    stale: ["b"],
    taskCount: 2,
    isNeeded: true,
  });
});

test("partitions without any copy are named, begin empty, and can be written", () => {
  const roster = rosterOf(4, [keptBy(1, 2, 3), keptBy(2, 3, 4)]);
  const recovery = recovered({ 1: diskOf(roster, { 0: [a] }) });
  expect(recovery).toMatchObject({ doubtful: [0], lost: [1], stale: ["a"] });
  expect(idsIn(recovery, 1)).toEqual([]);
  for (const record of recovery.records) {
    expect(encodeRecord(decodeRecord(encodeRecord(record)))).toEqual(encodeRecord(record));
  }
});

/** Partition 0 moved from 1, 2, 3 to 2, 3, 4 in epoch 5. */
function moved(): Roster {
  return rosterOf(4, [[{ epoch: 1, keepers: [1, 2, 3] }, { epoch: 5, keepers: [2, 3, 4] }]], 5);
}

function kept(cfg: number, entries: readonly Entry[], ...more: readonly PersistRecord[]): PersistRecord[] {
  const append: PersistRecord = { type: "append", p: 0, cfg, prevIndex: 0, entries };
  return [...more, ...(entries.length > 0 ? [append] : [])];
}

test("a majority that a newer configuration has sealed may not have everything", () => {
  const seal: PersistRecord = { type: "seal", p: 0, cfg: 1, by: [5] };
  const old: Disk = [{ type: "roster", roster: rosterOf(3, [keptBy(1, 2, 3)]) }, ...kept(1, [a], seal)];
  expect(recovered({ 1: old, 2: old }).doubtful).toEqual([0]);
  const unsealed: Disk = [{ type: "roster", roster: moved() }, ...kept(1, [a])];
  expect(recovered({ 1: unsealed, 2: unsealed }).doubtful).toEqual([]);
});

test("a copy that is not whole yet goes on when nothing newer is left", () => {
  const partial: Disk = [{ type: "roster", roster: moved() }, ...kept(5, [a, b])];
  const lagging: Disk = [{ type: "roster", roster: moved() }, ...kept(1, [a])];
  const recovery = recovered({ 1: lagging, 4: partial });
  expect(idsIn(recovery, 0)).toEqual(["a", "b"]);
  expect(recovery).toMatchObject({ doubtful: [0], lost: [] });
  const nothing: Disk = [{ type: "roster", roster: moved() }, ...kept(5, [])];
  expect(recovered({ 4: nothing })).toMatchObject({ doubtful: [], lost: [0] });
});

test("fences leap over whatever the lost ones gave, also after several recoveries and without a copy", () => {
  const roster = rosterOf(4, [keptBy(1, 2, 3)]);
  const first = recovered({ 1: diskOf(roster, { 0: [a, b] }) });
  // the second time nobody is left who has a copy: only a member that keeps nothing
  const later = { ...first.roster, members: [...first.roster.members, memberOf(4)] };
  const second = recovered({ 4: [{ type: "roster", roster: later }] }, "y");
  const indices = [first, second].map(({ records }) => {
    const snapshot = records.find((record) => record.type === "snapshot");
    return snapshot?.type === "snapshot" ? snapshot.end.index : 0;
  });
  expect(indices[0]).toBeGreaterThan(1e11);
  expect(indices[1]! - indices[0]!).toBeGreaterThan(1e11);
});

test("a node that had been put out is no member, but what it kept is looked at", () => {
  const before = rosterOf(3, [keptBy(1, 2, 3)]);
  const after = { ...before, epoch: 4, members: before.members.slice(0, 2) };
  const recovery = recovered({ 2: diskOf(after, { 0: [a] }), 3: diskOf(before, { 0: [a, b] }) });
  expect(recovery.roster.members.map(({ no }) => no)).toEqual([2]);
  expect(idsIn(recovery, 0)).toEqual(["a", "b"]);
  expect(recordsOf("id-3", recovery.records)).toEqual([]);
});

test("disks of two clusters, and none, are refused", () => {
  const other = { ...three, cluster: "d" };
  expect(() => recovered({ 1: diskOf(three, {}), 2: diskOf(other, {}) })).toThrow("must be of one cluster");
  expect(() => recovered({})).toThrow("there must be a survivor");
  expect(survivorOf("id-9", diskOf(three, {}))).toBeNull();
  expect(survivorOf("id-1", [])).toBeNull();
});

test("what is enough as it is needs no recovery", () => {
  const disk = diskOf(three, { 0: [a] });
  expect(recovered({ 1: disk, 2: disk }).isNeeded).toBe(false);
  expect(recovered({ 3: disk }).isNeeded).toBe(true);
  // everything is there, but nobody can decide the next roster
  const few = rosterOf(4, [keptBy(4)]);
  expect(recovered({ 4: diskOf(few, { 0: [a] }) })).toMatchObject({ doubtful: [], lost: [], isNeeded: true });
});

test("an engine that starts on what it is given has its partitions, whole, and no others", () => {
  const roster = rosterOf(5, Array.from({ length: 8 }, () => keptBy(1, 2, 3)));
  const disk = diskOf(roster, { 0: [a, b] });
  const recovery = recovered({ 1: disk, 2: disk, 4: diskOf(roster, {}), 5: diskOf(roster, {}) });
  for (const no of [1, 2, 4, 5]) {
    const records = recordsOf(`id-${no}`, recovery.records).map((each) => decodeRecord(encodeRecord(each)));
    const node = { no, id: `id-${no}`, boot: 7, candidate: { ...memberOf(no), expect: 1 } };
    const plan = { ...planFor(1, "calm"), partitionCount: 8 };
    const engine = new Engine(optionsOf(plan, node, { isAnother: true, rng: new Rng(1, 1) }));
    engine.restore(records);
    engine.step([], { monoMs: 0, leaseMs: 0, wallMs: 0 });
    for (let p = 0; p < 8; p++) {
      const isKeeper = recovery.roster.chains[p]![0]!.keepers.includes(no);
      expect(engine.isServing(p)).toBe(isKeeper);
      if (isKeeper && p === 0) expect(engine.record(0, "b")?.state).toBe("pending");
    }
  }
});
