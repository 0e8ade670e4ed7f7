/**
 * The simulator is only as good as what it catches: each broken protocol must fail at its remembered seed.
 * That the protocol as it is passes there is looked at by tests/long/seeds.test.ts.
 */
import { expect, test } from "bun:test";
import { MUTANTS } from "./broken/index.ts";
import { withMutant } from "./mutant.ts";

/** Seed 0: no seed that catches it is known yet. */
for (const mutant of MUTANTS.filter((mutant) => mutant.seed === 0)) {
  test.todo(`the simulator catches "${mutant.name}"`);
}

for (const mutant of MUTANTS.filter((mutant) => mutant.seed > 0)) {
  test(`the simulator catches "${mutant.name}"`, async () => {
    const broken = await withMutant(mutant, (simulateBroken) => simulateBroken(mutant.seed, mutant.profile));
    expect(broken.invariant).not.toBe("");
  });
}
