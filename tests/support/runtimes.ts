/**
 * Which runtimes a test is for that need not run on each of them every time: `npm test` runs it on one, in
 * turn, and FURTHER_RUNTIMES=1 on the others: `npm run test:long` does so for FURTHER of tests/run.ts.
 */
import type { Runtime } from "../../examples/demo/peer-process.ts";

export const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];

export const IS_FURTHER: boolean = process.env["FURTHER_RUNTIMES"] !== undefined;

/** Those of the test with this number. */
export function runtimesOf(no: number): readonly Runtime[] {
  return RUNTIMES.filter((_, at) => (at === no % RUNTIMES.length) !== IS_FURTHER);
}
