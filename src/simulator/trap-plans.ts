/**
 * The profile `traps`: little goes wrong but one plot of traps.ts, in a cluster in which it can succeed.
 */
import { Rng } from "../testing/rng.ts";
import { founded, type Plan, SOUND_LINKS_AND_DISKS, type TrapName } from "./plan.ts";

/** Drawn apart: a run of another plot is what it was before there were these. */
const LATER: readonly TrapName[] = ["deposed", "held"];

/** Draws a plot for the plan's run. */
export function trapped(plan: Plan): Plan {
  const rng = new Rng(plan.seed, 30);
  const drawn = rng.pick((Object.keys(TRAPPED) as TrapName[]).filter((name) => !LATER.includes(name)));
  const later = new Rng(plan.seed, 36);
  const trap = later.chance(0.1) ? later.pick(LATER) : drawn;
  const faults = {
    ...plan.faults,
    ...SOUND_LINKS_AND_DISKS,
    everyMs: rng.range(2000, 6000),
    crash: false,
    pause: false,
    resign: rng.chance(0.2),
    clockJumps: false,
    congestion: false,
    early: false,
    trap,
  };
  const sound = { ...plan, replication: 3, faultsMs: plan.leaseTtlMs * rng.range(8, 14), faults };
  return TRAPPED[trap](rng, sound);
}

const TRAPPED: Readonly<Record<TrapName, (rng: Rng, plan: Plan) => Plan>> = {
  /** Tasks are forgotten as soon as two more have ended. */
  copy: (rng, plan) => ({
    ...plan,
    ...founded(3),
    partitionCount: rng.pick([1, 2]),
    finishedPerPartitionMax: rng.pick([1, 2]),
    work: { ...plan.work, command: 0.5, long: false, taskCount: 60, everyMs: rng.range(80, 250) },
  }),
  number: (rng, plan) => ({
    ...plan,
    ...founded(rng.pick([4, 5])),
    partitionCount: rng.pick([1, 2]),
    evictAfterMs: plan.leaseTtlMs * rng.range(0.8, 1.2),
    work: { ...plan.work, long: false, uneven: false, taskCount: 40 },
  }),
  older: (rng, plan) => ({
    ...plan,
    ...founded(rng.pick([4, 5])),
    partitionCount: rng.pick([1, 2]),
    evictAfterMs: plan.leaseTtlMs * rng.range(1, 1.5),
  }),
  decider: (rng, plan) => ({
    ...plan,
    ...leased(1200),
    nodeCount: rng.pick([5, 6, 7]),
    foundingCount: 1,
    partitionCount: 1,
    faultsMs: plan.leaseTtlMs * 5,
  }),
  unwanted: (rng, plan) => ({
    ...plan,
    nodeCount: rng.pick([5, 6, 7]),
    foundingCount: rng.pick([4, 5]),
    partitionCount: rng.pick([3, 4, 6]),
    keepingMembersMax: rng.pick([3, 4]),
    wantedCount: 1,
    faults: { ...plan.faults, everyMs: rng.range(1500, 3000), reconfigure: true },
    work: { ...plan.work, long: true, stubborn: 1, uneven: false, slots: 2, taskCount: 12, everyMs: 150 },
  }),
  delivery: (rng, plan) => ({
    ...plan,
    ...founded(rng.pick([3, 5])),
    work: { ...plan.work, long: true, stubborn: 0, slots: 4, taskCount: 20 },
  }),
  /** Logs keep nothing that is not needed for a moment. */
  acks: (rng, plan) => ({
    ...plan,
    ...founded(3),
    partitionCount: rng.pick([1, 2]),
    logEntriesMax: 2,
    snapshotChunkBytes: 65_536,
    appendBytesMax: 256 * 1024,
    work: { ...plan.work, long: false, taskCount: 60, everyMs: rng.range(300, 900) },
  }),
  /** Whoever is out of touch with a steward asks another keeper. */
  deposed: (rng, plan) => ({
    ...plan,
    ...founded(rng.pick([5, 6])),
    ...leased(4000),
    // the deposed one finds out late
    electionMs: 4000,
    partitionCount: 2,
    keepingMembersMax: rng.pick([3, 4]),
    wantedCount: 2,
    resendMs: 300,
    faultsMs: 4000 * rng.range(8, 14),
    faults: { ...plan.faults, notice: 1, everyMs: 1e9, drift: 0 },
    work: { ...plan.work, long: false, takesMs: 100, slots: 4, taskCount: 300, everyMs: 80, uneven: false },
  }),
  /** Of a few tasks all but the last few are forgotten, and all are submitted again and again. */
  held: (rng, plan) => ({
    ...plan,
    ...founded(3),
    ...leased(4000),
    partitionCount: 1,
    finishedPerPartitionMax: rng.pick([6, 10]),
    faultsMs: 4000 * 9,
    faults: { ...plan.faults, resign: false, everyMs: 1e9, drift: rng.chance(0.5) ? 0.01 : 0 },
    work: { ...plan.work, long: false, takesMs: 50, taskCount: 45, everyMs: 200, resubmit: 0.6 },
  }),
};

/** Times that go with a lease of so many ms. */
function leased(
  leaseTtlMs: number,
): Pick<Plan, "leaseTtlMs" | "heartbeatMs" | "heartbeatAlongMs" | "marginMs" | "electionMs" | "calmTickMs"> {
  return {
    leaseTtlMs,
    heartbeatMs: leaseTtlMs / 4,
    heartbeatAlongMs: 0,
    marginMs: leaseTtlMs / 4,
    electionMs: leaseTtlMs / 2,
    calmTickMs: leaseTtlMs / 8,
  };
}
