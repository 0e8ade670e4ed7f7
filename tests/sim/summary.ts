/** What came of many virtual runs, added up. */
import type { RunReport } from "../../src/simulator/simulate.ts";

export interface Summary {
  runs: number;
  violations: { seed: number; profile: string; invariant: string; message: string }[];
  totals: Record<string, number>;
  virtualMs: number;
  /** User and system time of the processes that ran them. */
  cpuMs: number;
}

export function emptySummary(): Summary {
  return { runs: 0, violations: [], totals: {}, virtualMs: 0, cpuMs: 0 };
}

export function note(summary: Summary, report: RunReport): void {
  const { seed, profile, invariant, message, virtualMs, counts } = report;
  const violations = invariant === "" ? [] : [{ seed, profile, invariant, message }];
  addUp(summary, { runs: 1, violations, totals: { ...counts }, virtualMs, cpuMs: 0 });
}

export function addUp(all: Summary, part: Summary): void {
  all.runs += part.runs;
  all.virtualMs += part.virtualMs;
  all.cpuMs += part.cpuMs;
  all.violations.push(...part.violations);
  for (const [name, count] of Object.entries(part.totals)) {
    all.totals[name] = (all.totals[name] ?? 0) + count;
  }
}

export function replayCommand(report: { readonly seed: number; readonly profile: string }): string {
  return `node tests/sim/main.ts --seeds ${report.seed} --profile ${report.profile} --trace`;
}
