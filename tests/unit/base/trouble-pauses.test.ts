/** For how long a node leaves to others what it cannot start. */
import { expect, test } from "bun:test";
import { TroublePauses } from "../../../src/base/trouble-pauses.ts";

test("pauses double up to a minute, what goes wrong during one does not count, success ends it", () => {
  let nowMs = 0;
  const pauses = new TroublePauses(() => nowMs);
  expect(pauses.nextMs()).toBe(1000);
  nowMs += 400;
  expect([pauses.nextMs(), pauses.nextMs()]).toEqual([600, 600]);
  const next: number[] = [];
  for (let at = 0; at < 7; at++) {
    nowMs += 60_000;
    next.push(pauses.nextMs());
  }
  expect(next).toEqual([2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
  pauses.end();
  nowMs += 60_000;
  expect(pauses.nextMs()).toBe(1000);
});
