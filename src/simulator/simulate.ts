/** One virtual run from a seed and a profile: what came of it, and how to see it again. */
import { Trace } from "../testing/trace.ts";
import { VirtualCluster } from "./cluster.ts";
import { planFor } from "./profiles.ts";
import { Violation } from "./violation.ts";
import type { RunCounts } from "./world.ts";

export interface RunReport {
  readonly seed: number;
  readonly profile: string;
  /** What was broken, e.g. "I1"; "" when nothing was. */
  readonly invariant: string;
  readonly message: string;
  readonly counts: RunCounts;
  /** Hash of the whole trace; "" when it was not traced. */
  readonly hash: string;
  readonly lines: readonly string[];
  readonly virtualMs: number;
}

export interface SimulateOptions {
  /** @default false */
  readonly trace?: boolean;
  /** How many of the last lines of the trace to keep. @default 60 */
  readonly keep?: number;
}

/** Runs `seed` to its end or to the first violation. Same seed, same profile, same run. */
export function simulate(seed: number, profile: string, options: SimulateOptions = {}): RunReport {
  const trace = new Trace(options.trace ?? false, options.keep ?? 60);
  const cluster = new VirtualCluster(planFor(seed, profile), trace);
  let violation: Violation | null = null;
  try {
    cluster.run();
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = error;
  }
  return {
    seed,
    profile,
    invariant: violation?.invariant ?? "",
    message: violation?.message ?? "",
    counts: cluster.counts,
    hash: trace.on ? trace.hash : "",
    lines: trace.lines,
    virtualMs: cluster.schedule.nowMs,
  };
}
