/** The profiles of tasks that end badly: they kill their nodes, or their time is over. See profiles.ts. */
import type { Rng } from "../testing/rng.ts";
import { founded, type Plan, SOUND_LINKS_AND_DISKS } from "./plan.ts";

/** Tasks that kill their nodes, alone or beside kills, cuts and nodes that stand still. */
export function poison(rng: Rng, plan: Plan): Plan {
  const { faults, work } = plan;
  const isPure = rng.chance(0.6);
  const leaseTtlMs = 2400;
  // three at once would leave no witness on three nodes, and then nothing counts
  const count = isPure ? rng.pick([1, 1, 2, 2]) : rng.pick([0, 1, 2]);
  const lapsesMax = rng.pick([1, 2, 2, 3, 5]);
  const awayMs = rng.pick([1000, 1000, 30_000]);
  const pausesMs = [95, 130, 165, 225, 525][lapsesMax - 1]! * 1000;
  const cut = !isPure && rng.chance(0.7);
  return {
    ...plan,
    ...founded(isPure ? 3 : rng.pick([3, 5])),
    ...leaseTimes(leaseTtlMs),
    partitionCount: rng.pick([1, 2, 3]),
    replication: 3,
    evictAfterMs: 120_000,
    eventsMax: 3_000_000,
    faultsMs: pausesMs * Math.max(1, count) + (lapsesMax + 2) * count * (6 * leaseTtlMs + awayMs) + 20_000,
    faults: {
      ...faults,
      ...SOUND_LINKS_AND_DISKS,
      everyMs: rng.range(3000, 12_000),
      crash: !isPure,
      pause: !isPure && rng.chance(0.5),
      partition: cut,
      oneWay: cut,
      isolate: cut,
      clockJumps: false,
      congestion: false,
      resign: false,
      early: false,
      drift: rng.chance(0.5) ? 0.01 : 0,
      // the system of a dead process says so
      notice: 1,
      resets: !isPure && rng.chance(0.5) ? 0.5 : 0,
    },
    work: {
      ...work,
      poison: count,
      lapsesMax,
      awayMs,
      isPure,
      placement: 0,
      decline: 0,
      command: 0,
      answers: 0,
      blocking: 0,
      uneven: false,
      long: rng.chance(0.7),
      slots: rng.pick([2, 4, 8]),
    },
  };
}

/** Tasks whose time is over some day, wherever they are then. */
export function expiry(rng: Rng, plan: Plan): Plan {
  const { faults, work } = plan;
  return {
    ...plan,
    faults: { ...faults, clockJumps: false, everyMs: Math.max(1500, faults.everyMs) },
    work: { ...work, expires: rng.range(0.4, 1), endless: rng.range(0.1, 0.5), error: rng.range(0, 0.3) },
  };
}

function leaseTimes(leaseTtlMs: number): Partial<Plan> {
  const quarterMs = leaseTtlMs / 4;
  return { leaseTtlMs, heartbeatMs: quarterMs, marginMs: quarterMs, electionMs: leaseTtlMs / 2 };
}
