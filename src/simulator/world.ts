/** What the parts of a virtual cluster know of each other. Put together by cluster.ts. */
import type { Oracle } from "./oracle.ts";
import type { Plan } from "./plan.ts";
import type { Schedule } from "../testing/schedule.ts";
import type { Trace } from "../testing/trace.ts";
import type { VirtualNetwork } from "./network.ts";
import type { VirtualNode } from "./node.ts";

export interface World {
  readonly plan: Plan;
  readonly schedule: Schedule;
  readonly trace: Trace;
  readonly oracle: Oracle;
  readonly network: VirtualNetwork;
  readonly nodes: readonly VirtualNode[];
  /** Faults are over. */
  readonly calm: boolean;
  readonly counts: RunCounts;
}

export interface RunCounts {
  events: number;
  steps: number;
  crashes: number;
  crowned: number;
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
    crowned: 0,
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
