/** What a balancer counts as gone: for a while, whatever the wall clock does. */
import { expect, test } from "bun:test";
import type { RunningTask } from "../../../../src/consumer/balancers/balancer.ts";
import { Departures } from "../../../../src/consumer/balancers/departures.ts";

const running: RunningTask = { id: "a", name: "n", startedMs: 0, load: 3, stopping: true };

test("what was given back counts for a while after its end, no longer if the clock is set back", () => {
  const nowMs = 1_800_000_000_000;
  for (const laterMs of [nowMs + 5000, nowMs - 3_600_000]) {
    const departures = new Departures(5000);
    departures.name("a", 3);
    expect(departures.amount([running], nowMs)).toBe(0);
    expect(departures.amount([], nowMs)).toBe(3);
    expect(departures.amount([], nowMs + 4999)).toBe(3);
    expect(departures.amount([], laterMs)).toBe(0);
  }
});
