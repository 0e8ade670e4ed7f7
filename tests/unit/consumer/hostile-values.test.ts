/** Whatever a handler throws or returns is one error of its task at most, and its texts are kept. */
import { expect, test } from "bun:test";
import { clippedSettlement } from "../../../src/protocol/holder/held-leases.ts";
import { LIMITS } from "../../../src/protocol/model/limits.ts";
import { Bench } from "../../support/fake-coordinator.ts";
import { HOSTILE } from "../../support/hostile-handlers.ts";

for (const [how, { run, message, cause }] of Object.entries(HOSTILE)) {
  test(`${how}: one end of the task`, async () => {
    const bench = new Bench();
    bench.handle(run);
    bench.start(7, { attemptsMax: 1 });
    const settlement = clippedSettlement((await bench.settlement()).settlement);
    if (message === null) expect(settlement.type).toBe("complete");
    else {
      expect(settlement).toMatchObject({ type: "fail", message });
      if (cause !== undefined) expect(settlement).toMatchObject({ trace: { cause } });
    }
    bench.record();
    expect(bench.eventTypes).toEqual(["task:start", message === null ? "task:done" : "task:error"]);
    expect(bench.settled).toHaveLength(1);
  });
}

test("message, causes and stack of an error have 4 KiB in all, the stack what the others leave", () => {
  const short = clippedSettlement({
    type: "fail",
    message: "m",
    because: "errors",
    trace: { cause: "c", stack: "s".repeat(9000) },
  });
  expect(short).toMatchObject({ trace: { stack: "s".repeat(LIMITS.errorBytesMax - 2) } });
  const [long, wide] = ["m".repeat(10_000), "\u20ac".repeat(10_000)];
  for (const text of [long, wide]) {
    const settlement = clippedSettlement({
      type: "fail",
      message: text,
      because: "errors",
      trace: { cause: text, stack: text },
    });
    const { message, trace } = settlement as Extract<typeof settlement, { type: "fail" }>;
    const bytes = [message, trace?.cause ?? "", trace?.stack ?? ""].map((each) => Buffer.byteLength(each));
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(LIMITS.errorBytesMax);
    expect(bytes.slice(0, 2).every((count) => count > 2000)).toBe(true);
  }
});
