/** Profiles in which the roster changes; the others: profiles.ts. */
import type { Plan } from "./plan.ts";
import type { Rng } from "./rng.ts";

/** Clusters that grow and shrink while the rest goes on. */
export function reconfiguring(rng: Rng, plan: Plan): Plan {
  const { leaseTtlMs, work, faults } = plan;
  const nodeCount = rng.pick([3, 5, 5, 6, 7]);
  return {
    ...plan,
    nodeCount,
    foundingCount: rng.chance(0.3) ? 1 : rng.pick([2, 3, 3, Math.min(5, nodeCount)]),
    partitionCount: rng.pick([1, 2, 3]),
    replication: rng.chance(0.15) ? 5 : 3,
    evictAfterMs: leaseTtlMs * rng.range(1.5, 4),
    faultsMs: leaseTtlMs * rng.range(8, 14),
    faults: { ...faults, reconfigure: true, amnesia: rng.chance(0.5), early: rng.chance(0.2) },
    work: { ...work, uneven: false, long: rng.chance(0.6) },
  };
}

/** Nodes that are evicted soon and come back at once, with late messages to what they were before. */
export function rejoining(rng: Rng, plan: Plan): Plan {
  const { faults, leaseTtlMs } = plan;
  return {
    ...reconfiguring(rng, plan),
    nodeCount: 4,
    foundingCount: rng.pick([1, 3, 3]),
    partitionCount: 2,
    evictAfterMs: leaseTtlMs * rng.range(0.6, 1.3),
    faults: {
      ...faults,
      everyMs: rng.range(1000, 2500),
      duplicate: 0.35,
      slow: 0.2,
      reorder: true,
      crash: rng.chance(0.5),
      boundaryCrash: 0,
      partition: true,
      isolate: true,
      pause: rng.chance(0.5),
      reconfigure: true,
      amnesia: false,
    },
  };
}

/** Little goes wrong, but at the worst moment: votes and take-overs. */
export function ambushed(rng: Rng, plan: Plan): Plan {
  const { faults, leaseTtlMs } = plan;
  const calmer = reconfiguring(rng, plan);
  return {
    ...calmer,
    nodeCount: rng.pick([4, 5, 6]),
    foundingCount: 3,
    replication: 3,
    evictAfterMs: leaseTtlMs * rng.range(0.6, 1.3),
    faultsMs: leaseTtlMs * rng.range(10, 16),
    faults: {
      ...faults,
      everyMs: rng.range(800, 2500),
      loss: rng.chance(0.5) ? rng.range(0, 0.1) : 0,
      crash: rng.chance(0.3),
      pause: false,
      partition: false,
      oneWay: false,
      isolate: false,
      resign: false,
      boundaryCrash: 0,
      early: false,
      reconfigure: true,
      amnesia: rng.chance(0.3),
      ambush: true,
      groupCommit: rng.chance(0.5),
    },
  };
}

/** More members than keep partitions: the others run tasks of some only, unless they are called. */
export function large(rng: Rng, plan: Plan): Plan {
  const { faults, work } = plan;
  const changing = rng.chance(0.5) ? reconfiguring(rng, plan) : plan;
  return {
    ...changing,
    nodeCount: rng.pick([5, 6, 7]),
    foundingCount: 3,
    partitionCount: rng.pick([3, 4, 6]),
    replication: 3,
    keepingMembersMax: rng.pick([3, 4]),
    wantedCount: 1,
    faults: { ...changing.faults, reconfigure: true, everyMs: Math.max(1200, faults.everyMs) },
    work: { ...work, uneven: false, slots: rng.pick([1, 2]), taskCount: 40 },
  };
}
