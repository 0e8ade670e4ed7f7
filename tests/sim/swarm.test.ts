/**
 * A swarm of virtual runs in every profile. SEEDS=1-5000 runs more of them, tests/sim/main.ts is faster at
 * it.
 */
import { expect, test } from "bun:test";
import { PROFILES } from "../../src/simulator/profiles.ts";
import { simulate } from "../../src/simulator/simulate.ts";
import { seedsOf } from "./options.ts";

const BUDGET_MS = 60_000 / PROFILES.length;
const { SEEDS } = process.env;
const { first, last } = seedsOf(SEEDS ?? "1-100");

for (const profile of PROFILES) {
  test(`every invariant holds in every run of the profile ${profile}`, () => {
    const startedMs = performance.now();
    for (let seed = first; seed <= last; seed++) {
      const report = simulate(seed, profile);
      const replay = `node tests/sim/main.ts --seeds ${seed} --profile ${profile} --trace`;
      expect(report.invariant === "" ? "" : `${report.message} (replay: ${replay})`).toBe("");
      if (SEEDS === undefined && performance.now() - startedMs > BUDGET_MS) break;
    }
  }, 3_600_000);
}
