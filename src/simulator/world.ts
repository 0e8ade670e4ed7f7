/**
 * What all parts of a virtual run share: its plan, its time, its trace, its counts. What a part needs of
 * nodes, network or oracle it declares itself, as a view; cluster.ts makes the world that fits them all.
 */
import type { Schedule } from "../testing/schedule.ts";
import type { Trace } from "../testing/trace.ts";
import type { Plan } from "./plan.ts";

export interface World {
  readonly plan: Plan;
  readonly schedule: Schedule;
  readonly trace: Trace;
  readonly counts: RunCounts;
  /** Faults are over. */
  readonly calm: boolean;
}

export interface RunCounts {
  events: number;
  steps: number;
  crashes: number;
  elected: number;
  chosen: number;
  starts: number;
  lapses: number;
  reverts: number;
  completions: number;
  snapshots: number;
  purged: number;
  epochs: number;
}

export function newCounts(): RunCounts {
  return {
    events: 0,
    steps: 0,
    crashes: 0,
    elected: 0,
    chosen: 0,
    starts: 0,
    lapses: 0,
    reverts: 0,
    completions: 0,
    snapshots: 0,
    purged: 0,
    epochs: 0,
  };
}
