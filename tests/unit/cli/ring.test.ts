/** What `stolos ring` makes of the members, and `stolos watch` of an event. */
import { expect, test } from "bun:test";
import type { NodeInfo } from "../../../mod.ts";
import { ringShares } from "../../../src/cli/ring.ts";
import { watchText } from "../../../src/cli/watch.ts";

const info = (name: string, more: Partial<NodeInfo>): NodeInfo => ({
  ...{
    node: `id-${name}`,
    name,
    state: "up",
    self: false,
    frozen: false,
    leaving: false,
    serves: 0,
    tasks: 0,
    load: 0,
    keeps: 0,
    stewardOf: 0,
  },
  ...{ ringShare: 0, labels: {}, version: "0", addresses: [], lastHeardMs: 0, ...more },
});

test("shares are parts of all that is kept and stewarded, by name", () => {
  const shares = ringShares([
    info("b", { ringShare: 1, keeps: 16, stewardOf: 12, tasks: 7 }),
    info("a", { keeps: 16, stewardOf: 4 }),
  ]);
  expect(
    shares.map((
      { name, ringShare, keepsShare, stewardShare, tasks },
    ) => [name, ringShare, keepsShare, stewardShare, tasks]),
  ).toEqual([["a", 0, 0.5, 0.25, 0], ["b", 1, 0.5, 0.75, 7]]);
});

test("before anything is kept there are no shares, and no division by zero", () => {
  expect(ringShares([info("a", {})])).toMatchObject([{ keepsShare: 0, stewardShare: 0 }]);
});

test("an event is one line, and control characters of an id do not reach the terminal", () => {
  const at = new Date("2030-01-01T10:11:12.345Z");
  const event = { id: "a\u001b[2J", state: "leased", owner: "id-a", ownerName: "a", fence: "12" };
  expect(watchText(event, at)).toBe("10:11:12.345 leased    a\\u001b[2J  fence 12  on a");
  expect(watchText({ ...event, id: "b", state: "completed", owner: null, ownerName: null }, at)).toBe(
    "10:11:12.345 completed b  fence 12",
  );
});
