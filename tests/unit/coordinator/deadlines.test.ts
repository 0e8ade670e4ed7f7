/** Listeners for renewed leases. */
import { expect, test } from "bun:test";
import { Deadlines } from "../../../src/coordinator/deadlines.ts";

test("listeners hear of renewals only, no finer than the heartbeat needs", () => {
  let validUntilMs = 100;
  const deadlines = new Deadlines({
    everyMs: 10,
    validUntilMs: () => validUntilMs,
    deadlineMs: () => validUntilMs + 1000,
  });
  const heard: number[] = [];
  const end = deadlines.on(3, (deadlineMs) => heard.push(deadlineMs));
  deadlines.poll(0);
  validUntilMs = 200;
  deadlines.poll(5);
  expect(heard).toEqual([]);
  deadlines.poll(10);
  validUntilMs = -Infinity;
  deadlines.poll(20);
  validUntilMs = 150;
  deadlines.poll(30);
  end();
  validUntilMs = 300;
  deadlines.poll(40);
  expect(heard).toEqual([1200, 1150]);
});
