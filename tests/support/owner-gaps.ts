/** For how long tasks were without an owner, from what their attempts wrote. */
import type { Attempt } from "../../examples/demo/tally.ts";
import { type Report, seconds } from "./drill.ts";

/** From the last sign of one attempt to the first of the next. */
export function judgeGaps(
  report: Report,
  ids: readonly string[],
  attempts: readonly Attempt[],
  gapMsMax: number,
): void {
  const byTask = Map.groupBy(attempts, (attempt) => attempt.task);
  const gapsOf = (id: string): number[] => {
    const own = (byTask.get(id) ?? []).toSorted((a, b) => a.fence < b.fence ? -1 : 1);
    return own.slice(1).map((attempt, at) => Number(attempt.firstNs - own[at]!.lastNs) / 1e6);
  };
  const gaps = ids.map(gapsOf);
  const longest = gaps.filter((each) => each.length > 0).map((each) => Math.max(...each)).sort((a, b) =>
    a - b
  );
  const at = (share: number): number =>
    longest[Math.min(longest.length - 1, Math.floor(share * longest.length))] ?? 0;
  report.say(
    `${longest.length} of ${ids.length} tasks changed their owner, ${gaps.flat().length} times; longest ` +
      `time without one: p50 ${seconds(at(0.5))}, p99 ${seconds(at(0.99))}, max ${seconds(at(1))}`,
  );
  report.check(`no task was without an owner for more than ${seconds(gapMsMax)}`, at(1) <= gapMsMax);
}
