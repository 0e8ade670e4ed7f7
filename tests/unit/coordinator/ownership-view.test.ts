/** The gossiped view: merged by the higher fence, in whatever order the news comes. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { OwnershipView } from "../../../src/coordinator/ownership-view.ts";
import type { OwnershipChange } from "../../../src/protocol/model/contract.ts";

const leased = (id: string, fence: number, owner: string): OwnershipChange => ({
  id,
  fence,
  state: "leased",
  owner,
});
const ended = (id: string, fence: number): OwnershipChange => ({ id, fence, state: "completed", owner: "" });

test("a higher fence wins, a lower one is no news", () => {
  const view = new OwnershipView();
  expect(view.merge(1, [leased("t", 5, "a")], 0)).toHaveLength(1);
  expect(view.merge(1, [leased("t", 3, "b")], 0)).toEqual([]);
  expect(view.merge(1, [leased("t", 9, "b")], 0)).toHaveLength(1);
  expect([view.countOf("a"), view.countOf("b")]).toEqual([0, 1]);
});

test("late news of a lease does not bring back a task that has ended", () => {
  const view = new OwnershipView();
  view.merge(1, [ended("t", 5)], 0);
  expect(view.merge(1, [leased("t", 5, "a")], 0)).toEqual([]);
  expect(view.countOf("a")).toBe(0);
});

test("views that heard the same in any order agree, and so do their digests", () => {
  const change = fc.record({
    id: fc.constantFrom("x", "y", "z"),
    fence: fc.integer({ min: 1, max: 4 }),
    ends: fc.boolean(),
  });
  fc.assert(fc.property(fc.array(change), fc.infiniteStream(fc.nat()), (changes, order) => {
    // a fence belongs to one owner
    const news = changes.map(({ id, fence, ends }) =>
      ends ? ended(id, fence) : leased(id, fence, `owner ${fence}`)
    );
    const shuffled = news.map((each) => ({ each, at: order.next().value })).sort((a, b) => a.at - b.at);
    const [one, other] = [new OwnershipView(), new OwnershipView()];
    for (const each of news) one.merge(7, [each], 0);
    for (const { each } of shuffled) other.merge(7, [each], 0);
    expect(other.digestOf(7)).toEqual(one.digestOf(7));
    expect([...other.all()].toSorted(byId)).toEqual([...one.all()].toSorted(byId));
  }));
});

function byId(a: OwnershipChange, b: OwnershipChange): number {
  return a.id < b.id ? -1 : 1;
}

test("a partition that was read whole replaces what the view had of it", () => {
  const view = new OwnershipView();
  view.merge(1, [leased("gone", 2, "a"), leased("moved", 3, "a"), leased("same", 4, "a")], 0);
  view.replace(1, [leased("moved", 6, "b"), leased("same", 4, "a")], 0);
  expect([...view.all()].map(({ id, owner }) => `${id} ${owner}`).sort()).toEqual(["moved b", "same a"]);
});

test("what a new steward did not confirm is found", () => {
  const view = new OwnershipView();
  view.merge(1, [leased("old", 2, "a"), leased("kept", 3, "a")], 100);
  view.merge(1, [leased("kept", 3, "a")], 200);
  expect(view.unconfirmed(1, 150).map((change) => change.id)).toEqual(["old"]);
});
