/** The view is mended by digests when gossip loses messages. */
import { expect, test } from "bun:test";
import { OwnershipSync } from "../../../src/coordinator/ownership-sync.ts";
import type { OwnershipChange } from "../../../src/protocol/model/contract.ts";

const leased = (id: string, fence: number): OwnershipChange => ({
  id,
  fence,
  state: "leased",
  owner: "steward",
});

interface Pair {
  readonly steward: OwnershipSync;
  readonly other: OwnershipSync;
  readonly reads: number[];
  readonly news: OwnershipChange[];
  lossy: boolean;
  log: OwnershipChange[];
}

/** A steward of partition 3, and a member that hears it when the gossip is not lossy. */
function pair(): Pair {
  const none = (): Promise<readonly OwnershipChange[]> => Promise.resolve([]);
  const reads: number[] = [];
  const news: OwnershipChange[] = [];
  const state = { lossy: false, log: [] as OwnershipChange[] };
  const other = new OwnershipSync({
    self: "other",
    publish: () => {},
    readLeased: (p) => (reads.push(p), Promise.resolve(state.log)),
    onNews: (each) => news.push(...each),
  });
  const steward = new OwnershipSync({
    self: "steward",
    publish: (topic, data) => {
      if (topic === "digest") other.onDigests("steward", data, 20_000);
      else if (!state.lossy) other.onOwnership(data, 20_000);
    },
    readLeased: none,
    onNews: () => {},
  });
  for (const keeper of [steward, other]) keeper.stewardIs(3, "steward", 0);
  return Object.assign(state, { steward, other, reads, news });
}

test("what a steward publishes is merged by the others", () => {
  const { steward, other, news } = pair();
  steward.own(3, [leased("a", 5)], 100);
  steward.flush();
  expect(news).toEqual([leased("a", 5)]);
  expect(other.view.digestOf(3)).toEqual(steward.view.digestOf(3));
});

test("lost gossip is noticed by the digest and read from the log", async () => {
  const both = pair();
  const { steward, other, reads, news } = both;
  both.lossy = true;
  both.log = [leased("a", 5)];
  steward.own(3, both.log, 100);
  steward.flush();
  steward.tick(20_000);
  other.tick(20_500);
  expect(reads).toEqual([]);
  other.tick(22_000);
  await Promise.resolve();
  await Promise.resolve();
  expect(reads).toEqual([3]);
  expect(news).toEqual([leased("a", 5)]);
  expect(other.view.digestOf(3)).toEqual(steward.view.digestOf(3));
});

test("as many tasks of other fences are a difference too", async () => {
  const both = pair();
  const { steward, other, reads } = both;
  steward.own(3, [leased("a", 5)], 100);
  steward.flush();
  both.lossy = true;
  both.log = [leased("a", 6)];
  steward.own(3, both.log, 200);
  steward.flush();
  steward.tick(20_000);
  other.tick(22_000);
  await Promise.resolve();
  await Promise.resolve();
  expect(reads).toEqual([3]);
  expect(other.view.digestOf(3)).toEqual(steward.view.digestOf(3));
});

test("a difference that late gossip explains is not read", () => {
  const both = pair();
  const { steward, other, reads } = both;
  both.lossy = true;
  steward.own(3, [leased("a", 5)], 100);
  steward.flush();
  steward.tick(20_000);
  both.lossy = false;
  steward.own(3, [leased("a", 5)], 200);
  steward.flush();
  other.tick(22_000);
  expect(reads).toEqual([]);
});

test("a new steward drops what it did not find leased", () => {
  const { steward } = pair();
  steward.own(3, [leased("left over", 2), leased("kept", 3)], 100);
  steward.stewardIs(3, "steward", 1000);
  steward.own(3, [leased("kept", 3)], 1500);
  steward.tick(20_000);
  expect([...steward.view.all()].map((change) => change.id)).toEqual(["kept"]);
});

test("digests of whoever is not the steward are ignored", () => {
  const both = pair();
  both.lossy = true;
  both.other.stewardIs(3, "somebody else", 50);
  both.steward.own(3, [leased("a", 5)], 100);
  both.steward.tick(20_000);
  both.other.tick(30_000);
  expect(both.reads).toEqual([]);
});

test("digests come every 30 s, but 10 s after the last one when there is news or a young term", () => {
  const digestsAtMs: number[] = [];
  let nowMs = 0;
  const steward = new OwnershipSync({
    self: "steward",
    publish: (topic) => topic === "digest" && digestsAtMs.push(nowMs),
    readLeased: () => Promise.resolve([]),
    onNews: () => {},
  });
  const runUntil = (endMs: number): void => {
    for (; nowMs < endMs; nowMs += 500) steward.tick(nowMs);
  };
  runUntil(39_000);
  expect(digestsAtMs).toEqual([]);
  // at 40 s, when the first one is due, its term is only one second old
  steward.stewardIs(3, "steward", nowMs);
  runUntil(100_000);
  expect(digestsAtMs).toEqual([50_000, 80_000]);
  steward.own(3, [leased("a", 5)], nowMs);
  runUntil(150_000);
  expect(digestsAtMs).toEqual([50_000, 80_000, 100_000, 130_000]);
});
