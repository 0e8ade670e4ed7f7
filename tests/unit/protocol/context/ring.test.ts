/** The ring's shares. */
import { expect, test } from "bun:test";
import { Ring } from "../../../../src/protocol/context/ring.ts";

test("the shares are the parts of the positions from which a walk comes to each member first", () => {
  const ring = new Ring(Array.from({ length: 5 }, (_, at) => ({ no: at + 1, id: `node-${at}` })));
  const shares = ring.shares();
  expect([...shares.values()].reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 12);
  const firsts: Map<number, number> = new Map();
  const samples = 20_000;
  for (let at = 0; at < samples; at++) {
    ring.walk(at / samples * 2 ** 32, (no) => {
      firsts.set(no, (firsts.get(no) ?? 0) + 1 / samples);
      return true;
    });
  }
  for (const [no, share] of shares) expect(firsts.get(no)).toBeCloseTo(share, 2);
});

test("who is alone has all of it, and of nobody there is nothing", () => {
  expect([...new Ring([{ no: 3, id: "a" }]).shares()]).toEqual([[3, 1]]);
  expect([...new Ring([]).shares()]).toEqual([]);
});
