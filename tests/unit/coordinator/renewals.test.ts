/** Listeners for renewed leases. */
import { expect, test } from "bun:test";
import { Renewals } from "../../../src/coordinator/renewals.ts";

test("listeners hear of renewals only, no finer than the heartbeat needs", () => {
  let validUntilMs = 100;
  const renewals = new Renewals({
    everyMs: 10,
    validUntilMs: () => validUntilMs,
  });
  const heard: number[] = [];
  const end = renewals.on(3, () => heard.push(validUntilMs));
  renewals.poll(0);
  validUntilMs = 200;
  renewals.poll(5);
  expect(heard).toEqual([]);
  renewals.poll(10);
  validUntilMs = -Infinity;
  renewals.poll(20);
  validUntilMs = 150;
  renewals.poll(30);
  end();
  validUntilMs = 300;
  renewals.poll(40);
  expect(heard).toEqual([200, 150]);
});
