/**
 * Turns a seed into a plan. `general` mixes everything (each run its own mix, so that faults do not drown
 * each other); the other profiles aim at holes that a uniform mix rarely meets.
 */
import { Rng } from "../testing/rng.ts";
import { type FaultPlan, founded, type Plan, SOUND_LINKS_AND_DISKS, type WorkPlan } from "./plan.ts";
import { expiry, poison } from "./profiles-of-endings.ts";
import { trapped } from "./trap-plans.ts";

const RATE_BOUND = 0.08;

/** What a profile makes of a plan that mixes everything. */
type Adjustment = (rng: Rng, plan: Plan) => Plan;

const ADJUSTMENT_BY_PROFILE: Readonly<Record<string, Adjustment>> = {
  general: asMixed,
  calm,
  crashy,
  partitions,
  stale,
  snapshots,
  purge,
  pauses,
  reconfiguration,
  rejoin,
  everything: reconfiguring,
  commands: asMixed,
  placement: asMixed,
  ambush,
  traps: (_rng, plan) => trapped(plan),
  large,
  executions,
  recover,
  clocks,
  answers,
  poison,
  expiry,
  pair,
  ends,
  departures,
};

/** Their names. */
export const PROFILES: readonly string[] = Object.keys(ADJUSTMENT_BY_PROFILE);

/** @throws RangeError when there is no such profile. */
export function planFor(seed: number, profile: string): Plan {
  if (!PROFILES.includes(profile)) {
    throw new RangeError(`Cannot plan a run: profile must be one of ${PROFILES.join(", ")}, got ${profile}`);
  }
  const rng = new Rng(seed, 1);
  const faults = mixedFaults(rng);
  const work = {
    ...mixedWork(rng),
    command: commandChance(seed, profile),
    answers: answersChance(seed, profile),
    ends: profile === "ends" ? new Rng(seed, 40).range(0.3, 0.9) : 0,
    ...placementWork(seed, profile),
    ...PLAIN_WORK,
  };
  const settings = mixedSettings(rng, seed, profile);
  return ADJUSTMENT_BY_PROFILE[profile]!(rng, { ...settings, faults, work });
}

/** However it ended. */
function alike(ms: number): Plan["retention"] {
  return { completedMs: ms, failedMs: ms };
}

// ---- the mix ----------------------------------------------------------------------------------------------

function mixedFaults(rng: Rng): FaultPlan {
  const some = (chance: number, from: number, to: number): number =>
    rng.chance(chance) ? rng.range(from, to) : 0;
  return {
    everyMs: rng.chance(0.4) ? 900 : rng.range(1200, 4000),
    loss: some(0.6, 0, 0.2),
    duplicate: some(0.5, 0, 0.2),
    slow: some(0.6, 0, 0.1),
    reorder: rng.chance(0.5),
    split: rng.chance(0.3),
    crash: rng.chance(0.7),
    boundaryCrash: some(0.5, 0.001, 0.02),
    pause: rng.chance(0.6),
    partition: rng.chance(0.7),
    oneWay: rng.chance(0.5),
    isolate: rng.chance(0.6),
    pair: false,
    drift: rng.chance(0.6) ? RATE_BOUND : 0,
    clockJumps: rng.chance(0.3),
    wrongClocks: false,
    congestion: rng.chance(0.2),
    resign: rng.chance(0.3),
    notice: rng.pick([0, 0.5, 1]),
    resets: 0,
    slowSync: some(0.4, 0, 0.03),
    blockingDisk: rng.chance(0.5),
    groupCommit: false,
    reconfigure: false,
    patience: 0,
    amnesia: false,
    ambush: false,
    trap: "",
    turnMs: rng.chance(0.5) ? 0 : rng.range(0.2, 3),
    early: rng.chance(0.3),
  };
}

const PLAIN_WORK = { poison: 0, lapsesMax: 5, awayMs: 0, isPure: false, expires: 0, endless: 0 } as const;

type PlacementWork = Pick<WorkPlan, "placement" | "decline" | "limit">;

function mixedWork(
  rng: Rng,
): Omit<WorkPlan, "command" | "answers" | "ends" | keyof PlacementWork | keyof typeof PLAIN_WORK> {
  const some = (chance: number, to: number): number => rng.chance(chance) ? rng.range(0, to) : 0;
  return {
    taskCount: 12 + rng.int(30),
    everyMs: rng.range(300, 1200),
    long: rng.chance(0.35),
    takesMs: 0,
    error: some(0.5, 0.3),
    release: some(0.4, 0.2),
    checkpoint: some(0.4, 0.5),
    stubborn: some(0.5, 0.6),
    blocking: 0,
    resubmit: some(0.6, 0.4),
    slots: rng.pick([1, 2, 4, 8]),
    uneven: rng.chance(0.3),
  };
}

/** Drawn apart: a run without commands is what it was before there were any. */
function commandChance(seed: number, profile: string): number {
  if (profile === "calm" || profile === "pauses") return 0;
  const rng = new Rng(seed, 6);
  if (profile === "commands") return rng.range(0.3, 1);
  return rng.chance(0.25) ? rng.range(0, 0.5) : 0;
}

/** Drawn apart: a run without such clients is what it was before there were any. */
function answersChance(seed: number, profile: string): number {
  if (profile === "calm" || profile === "pauses") return 0;
  const rng = new Rng(seed, 21);
  if (profile === "answers") return rng.range(0.2, 0.8);
  return rng.chance(0.2) ? rng.range(0, 0.3) : 0;
}

/** Drawn apart: a run without placement is what it was before there was any. */
function placementWork(seed: number, profile: string): PlacementWork {
  const none = { placement: 0, decline: 0, limit: 0 };
  if (profile === "calm" || profile === "pauses") return none;
  const rng = new Rng(seed, 7);
  const isMeant = profile === "placement";
  if (!isMeant && !rng.chance(0.2)) return none;
  return {
    placement: isMeant ? rng.range(0.4, 1) : rng.range(0.1, 0.6),
    decline: rng.chance(0.6) ? rng.range(0.05, 0.5) : 0,
    limit: rng.chance(0.4) ? 1 + rng.int(2) : 0,
  };
}

/**
 * Whether nodes do what real ones do: heartbeats go along with others', ticks are slow when nothing goes on.
 * Drawn apart, and in some profiles only: the seeds kept from before they did are what they were.
 */
function isThrifty(seed: number, profile: string): boolean {
  return ["calm", "purge", "everything"].includes(profile) && new Rng(seed, 9).chance(0.75);
}

function mixedSettings(rng: Rng, seed: number, profile: string): Omit<Plan, "faults" | "work"> {
  const nodeCount = rng.pick([3, 3, 4, 5, 5]);
  const leaseTtlMs = rng.pick([4000, 4000, 2400]);
  const thrifty = isThrifty(seed, profile);
  return {
    seed,
    profile,
    nodeCount,
    foundingCount: nodeCount,
    evictAfterMs: 30_000,
    partitionCount: rng.pick([2, 2, 3, 4]),
    replication: rng.chance(0.12) ? Math.min(5, nodeCount) : rng.chance(0.1) ? 2 : 3,
    leaseTtlMs,
    heartbeatMs: leaseTtlMs / 4,
    heartbeatAlongMs: thrifty ? leaseTtlMs / 8 : 0,
    marginMs: leaseTtlMs / 4,
    clockRateBound: RATE_BOUND,
    // 1500 may be shorter than two heartbeats: stewards step down for nothing
    electionMs: rng.pick([1500, leaseTtlMs / 2, leaseTtlMs / 2]),
    resendMs: rng.pick([300, 500]),
    tickMs: rng.pick([100, 250]),
    calmTickMs: leaseTtlMs / (thrifty ? 4 : 8),
    retention: alike(3_600_000),
    finishedPerPartitionMax: 2000,
    logEntriesMax: rng.chance(0.4) ? rng.pick([4, 8, 16, 32]) : 4096,
    appendBytesMax: rng.chance(0.3) ? rng.pick([1, 150, 600]) : 256 * 1024,
    snapshotChunkBytes: rng.chance(0.5) ? rng.pick([64, 300, 2000]) : 64 * 1024,
    compactBytes: rng.chance(0.5) ? rng.pick([200, 1000, 5000]) : Infinity,
    keepingMembersMax: 64,
    wantedCount: 16,
    eventsMax: 300_000,
    disastersMs: [],
    faultsMs: leaseTtlMs * rng.range(6, 11),
    healMs: leaseTtlMs * 40,
  };
}

// ---- what the profiles make of it -------------------------------------------------------------------------

function asMixed(_rng: Rng, plan: Plan): Plan {
  return plan;
}

/** What must be quick and complete when nothing goes wrong. */
function calm(_rng: Rng, plan: Plan): Plan {
  const faults = {
    ...plan.faults,
    ...SOUND_LINKS_AND_DISKS,
    crash: false,
    pause: false,
    drift: 0,
    clockJumps: false,
    congestion: false,
    turnMs: 0,
    early: false,
  };
  return { ...plan, faults };
}

/** Nothing but nodes that stand still: nobody else may lose a lease for it. */
function pauses(rng: Rng, plan: Plan): Plan {
  const faults = {
    ...plan.faults,
    ...SOUND_LINKS_AND_DISKS,
    everyMs: 3000,
    crash: false,
    pause: true,
    clockJumps: false,
    turnMs: 0,
    early: false,
  };
  return { ...plan, ...founded(5), faults, work: { ...plan.work, long: rng.chance(0.6) } };
}

/** Crashes between the records of one write, small appends, lost messages. */
function crashy(rng: Rng, plan: Plan): Plan {
  const { faults, work } = plan;
  return {
    ...plan,
    ...founded(rng.pick([3, 3, 5])),
    appendBytesMax: rng.pick([1, 1, 150]),
    faults: {
      ...faults,
      everyMs: 1200,
      crash: true,
      split: rng.chance(0.7),
      loss: rng.chance(0.5) ? rng.range(0.1, 0.35) : 0,
      boundaryCrash: rng.range(0.02, 0.08),
      pause: false,
      isolate: false,
      oneWay: rng.chance(0.3),
      partition: rng.chance(0.3),
      slowSync: 0.05,
    },
    work: { ...work, everyMs: rng.range(80, 300), taskCount: 40, long: rng.chance(0.4) },
  };
}

/** Cuts both and one way, isolation, long tasks. */
function partitions(rng: Rng, plan: Plan): Plan {
  const { faults, work } = plan;
  return {
    ...plan,
    ...founded(rng.pick([3, 5])),
    faults: {
      ...faults,
      everyMs: 1000,
      partition: true,
      oneWay: true,
      isolate: true,
      crash: rng.chance(0.3),
    },
    work: { ...work, everyMs: rng.range(100, 500), long: rng.chance(0.6) },
  };
}

/** Leases that are lost on every way, and loops that stand still at the worst moment. */
function executions(rng: Rng, plan: Plan): Plan {
  const cut = partitions(rng, plan);
  return {
    ...cut,
    faults: {
      ...cut.faults,
      pause: true,
      resign: rng.chance(0.5),
      clockJumps: rng.chance(0.5),
      slowSync: rng.chance(0.5) ? 0.05 : 0,
    },
    work: { ...cut.work, long: true, blocking: rng.chance(0.7) ? rng.range(0.02, 0.2) : 0 },
  };
}

/** The wall clock of one node is wrong, and so are those of clients. */
function clocks(rng: Rng, plan: Plan): Plan {
  const { faults, work, leaseTtlMs } = plan;
  return {
    ...plan,
    ...founded(rng.pick([3, 3, 5])),
    replication: 3,
    retention: alike(rng.pick([4 * leaseTtlMs, 3_600_000])),
    finishedPerPartitionMax: rng.pick([4, 2000, 2000]),
    faults: { ...faults, wrongClocks: true, clockJumps: false, drift: rng.chance(0.5) ? 0.01 : 0 },
    work: { ...work, error: 0.2, everyMs: rng.range(100, 500), taskCount: 40 },
  };
}

/** Tasks that end badly, and clients that have them run anew or forgotten. */
function ends(rng: Rng, plan: Plan): Plan {
  const { faults, work, leaseTtlMs } = plan;
  return {
    ...plan,
    ...founded(rng.pick([3, 3, 5])),
    partitionCount: rng.pick([1, 2]),
    retention: rng.chance(0.5) ? alike(leaseTtlMs * rng.range(2, 8)) : plan.retention,
    finishedPerPartitionMax: rng.chance(0.2) ? rng.pick([4, 8]) : plan.finishedPerPartitionMax,
    faults: { ...faults, loss: rng.chance(0.6) ? rng.range(0.02, 0.2) : 0, clockJumps: false },
    work: { ...work, everyMs: rng.range(100, 600), taskCount: 30, error: rng.range(0.2, 0.7), long: false },
  };
}

/** Clients that ask whom they should not ask any more, and many at once, while tasks are forgotten early. */
function answers(rng: Rng, plan: Plan): Plan {
  const { faults, work, leaseTtlMs } = plan;
  const forgets = rng.chance(0.4);
  return {
    ...plan,
    ...founded(rng.pick([3, 3, 5])),
    partitionCount: rng.pick([1, 2]),
    retention: forgets ? alike(leaseTtlMs * 3) : plan.retention,
    finishedPerPartitionMax: forgets ? rng.pick([3, 6]) : plan.finishedPerPartitionMax,
    faults: {
      ...faults,
      everyMs: rng.range(700, 1500),
      loss: rng.chance(0.7) ? rng.range(0.05, 0.3) : 0,
      duplicate: rng.chance(0.5) ? 0.2 : 0,
      slow: rng.chance(0.5) ? 0.1 : 0,
      pause: true,
      isolate: true,
      partition: rng.chance(0.5),
      crash: rng.chance(0.3),
      resign: rng.chance(0.5),
      clockJumps: false,
    },
    work: { ...work, everyMs: rng.range(100, 400), command: rng.range(0, 0.4), long: rng.chance(0.3) },
  };
}

/** Two members lose each other for long, and nothing else is wrong: their clients are served all the same. */
function pair(rng: Rng, plan: Plan): Plan {
  const { faults, work } = plan;
  return {
    ...plan,
    ...founded(rng.pick([3, 4, 5])),
    partitionCount: rng.pick([3, 4, 6]),
    replication: 3,
    faults: {
      ...faults,
      ...SOUND_LINKS_AND_DISKS,
      pair: true,
      notice: 1,
      crash: false,
      pause: false,
      resign: rng.chance(0.5),
      clockJumps: false,
      congestion: false,
      turnMs: 0,
      early: false,
    },
    work: { ...work, everyMs: rng.range(100, 300), taskCount: 40, command: 0.3, answers: 0 },
  };
}

/** Duplicates and late messages, stewards that resign, handlers that do not stop and report often. */
function stale(rng: Rng, plan: Plan): Plan {
  const { faults, work } = plan;
  return {
    ...plan,
    ...founded(3),
    partitionCount: 2,
    faults: {
      ...faults,
      everyMs: 1400,
      duplicate: 0.35,
      slow: 0.15,
      reorder: true,
      crash: false,
      boundaryCrash: 0,
      pause: rng.chance(0.5),
      partition: true,
      isolate: true,
      resign: rng.chance(0.7),
    },
    work: { ...work, long: true, stubborn: 0.5, error: 0.1, release: 0.2, checkpoint: 0.7 },
  };
}

/** Logs are cut early. */
function snapshots(rng: Rng, plan: Plan): Plan {
  const { faults, work, leaseTtlMs } = plan;
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
}

/** Finished tasks are forgotten early. */
function purge(rng: Rng, plan: Plan): Plan {
  const { faults, work, leaseTtlMs } = plan;
  return {
    ...plan,
    retention: alike(leaseTtlMs * 3),
    finishedPerPartitionMax: rng.pick([3, 6, 2000]),
    faults: { ...faults, clockJumps: false },
    work: { ...work, taskCount: 50, everyMs: rng.range(100, 300), long: false, resubmit: 0.4 },
  };
}

/** Clusters that grow and shrink while the rest goes on. */
function reconfiguring(rng: Rng, plan: Plan): Plan {
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

/** The roster is enough to do: links are cut and nodes crash in fewer runs than in the mix. */
function reconfiguration(rng: Rng, plan: Plan): Plan {
  const faults = {
    ...plan.faults,
    everyMs: rng.range(600, 1500),
    partition: rng.chance(0.4),
    oneWay: rng.chance(0.5),
    isolate: rng.chance(0.4),
    crash: rng.chance(0.5),
  };
  return reconfiguring(rng, { ...plan, faults });
}

/** Nodes leave for good, often several at once, and most of them wait for their turn. */
function departures(rng: Rng, plan: Plan): Plan {
  const next = reconfiguration(rng, plan);
  const nodeCount = rng.pick([5, 6, 7]);
  return { ...next, nodeCount, foundingCount: 5, faults: { ...next.faults, patience: 0.8 } };
}

/** Nodes that are evicted soon and come back at once, with late messages to what they were before. */
function rejoin(rng: Rng, plan: Plan): Plan {
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
function ambush(rng: Rng, plan: Plan): Plan {
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
function large(rng: Rng, plan: Plan): Plan {
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

/** All nodes stop, once or twice, some lose their disks for ever, and what is left is recovered. */
function recover(rng: Rng, plan: Plan): Plan {
  const { leaseTtlMs } = plan;
  const mixed = rng.chance(0.5) ? reconfiguring(rng, plan) : plan;
  const firstMs = leaseTtlMs * rng.range(2, 7);
  const secondMs = firstMs + leaseTtlMs * rng.range(2, 5);
  const disastersMs = rng.chance(0.25) ? [firstMs, secondMs] : [firstMs];
  return {
    ...mixed,
    disastersMs,
    faultsMs: disastersMs.at(-1)! + leaseTtlMs * rng.range(2, 5),
    work: { ...mixed.work, everyMs: rng.range(100, 700), taskCount: 40, uneven: false },
  };
}
