/** Profiles in which logs and tasks are forgotten early; the others: profiles.ts. */
import type { Plan } from "./plan.ts";
import type { Rng } from "./rng.ts";

/** Logs are cut early, finished tasks are forgotten early. */
export function forgetful(rng: Rng, profile: "snapshots" | "purge", plan: Plan): Plan {
  const { faults, work, leaseTtlMs } = plan;
  switch (profile) {
    case "snapshots":
      return {
        ...plan,
        logEntriesMax: rng.pick([4, 6, 10]),
        snapshotChunkBytes: rng.pick([40, 900, 65_536]),
        faultsMs: leaseTtlMs * 8,
        faults: {
          ...faults,
          everyMs: 1200,
          isolate: true,
          crash: true,
          duplicate: 0.2,
          slow: 0.1,
          split: true,
        },
        work: { ...work, taskCount: 60, everyMs: rng.range(80, 250), long: false },
      };
    case "purge":
      return {
        ...plan,
        retentionMs: leaseTtlMs * 3,
        finishedPerPartitionMax: rng.pick([3, 6, 2000]),
        faults: { ...faults, clockJumps: false },
        work: { ...work, taskCount: 50, everyMs: rng.range(100, 300), long: false, resubmit: 0.4 },
      };
    default:
      return profile satisfies never;
  }
}
