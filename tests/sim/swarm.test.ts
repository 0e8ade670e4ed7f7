/**
 * Some virtual runs in every profile, the first of them twice. tests/long/seeds.test.ts has more of them, and
 * SEEDS=1-5000 runs those seeds; tests/sim/main.ts is faster at it.
 */
import { expect, test } from "bun:test";
import { PROFILES } from "../../src/simulator/profiles.ts";
import { simulate } from "../../src/simulator/simulate.ts";
import { seedsOf } from "./options.ts";

const { first, last } = seedsOf(process.env.SEEDS ?? "1-2");

for (const profile of PROFILES) {
  test(`every invariant holds in every run of the profile ${profile}, and a run is the same again`, () => {
    for (let seed = first; seed <= last; seed++) {
      const report = simulate(seed, profile, { trace: seed === first, keep: 0 });
      const replay = `node tests/sim/main.ts --seeds ${seed} --profile ${profile} --trace`;
      expect(report.invariant === "" ? "" : `${report.message} (replay: ${replay})`).toBe("");
      if (seed !== first) continue;
      expect(simulate(seed, profile, { trace: true, keep: 0 }).hash).toBe(report.hash);
    }
  }, 3_600_000);
}
