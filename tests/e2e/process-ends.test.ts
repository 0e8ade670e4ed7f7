/** A process ends by itself once everything in it has stopped; each way alone is in tests/long. */
import { expect, test } from "bun:test";
import type { Runtime } from "../../examples/demo/peer-process.ts";
import { endingOf, WAYS } from "../support/ending.ts";

const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];

test.each(RUNTIMES)(
  "%s: nothing keeps a process alive whose nodes and clients have stopped",
  async (runtime) => {
    const { code, hasStopped, output } = await endingOf(runtime, WAYS);
    expect([hasStopped, code, code === 0 ? "" : output]).toEqual([true, 0, ""]);
  },
);
