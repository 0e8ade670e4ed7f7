/**
 * A process ends by itself, each way alone, and says how long that took: what keeps one alive may be hidden
 * by what ends another in tests/e2e/process-ends.test.ts.
 */
import { expect, test } from "bun:test";
import type { Runtime } from "../../examples/demo/peer-process.ts";
import { endingOf, type Way, WAYS } from "../support/ending.ts";

const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];
const CELLS: [Way, Runtime][] = WAYS.flatMap((way) =>
  RUNTIMES.map((runtime): [Way, Runtime] => [way, runtime])
);

test.each(CELLS)("%s on %s: the process ends by itself", async (way, runtime) => {
  const { code, hasStopped, hasLeft, output, tookMs } = await endingOf(runtime, [way]);
  console.log(`${way} on ${runtime}: exit code ${code}, ${tookMs} ms after all had stopped`);
  expect({ code, hasStopped, output: code === 0 && !hasLeft ? "" : output })
    .toEqual({ code: 0, hasStopped: true, output: "" });
});
