/**
 * Show: one of three peers is drained by SIGTERM while 300 tasks run. How long is each of its tasks without a
 * handler, and does the state that was in its memory alone go with it?
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { connectClient } from "../../mod.ts";
import { Cluster } from "../support/cluster.ts";
import { count, type CountLine } from "../support/count-handlers.ts";
import { delay, eventually, runShow, seconds } from "../support/drill.ts";
import type { Report } from "../support/drill.ts";

const TASK_COUNT = 300;
/** At 20 ms each: some 12 s. */
const UP_TO = 600;
const GAP_MS_MAX = 1000;

await runShow(`SIGTERM to one of three peers while ${TASK_COUNT} tasks run`, async (report, directory) => {
  await using cluster = await Cluster.start({
    namespace: `show-drain-${process.pid}`,
    runtimes: ["node", "node", "node"],
    args: ["--handlers", join(import.meta.dirname, "../support/count-handlers.ts"), "--capacity", "400"],
    env: { STOLOS_BEATS: directory },
  });
  await using client = await connectClient(await cluster.reach());
  const inputs = Array.from({ length: TASK_COUNT }, (_, i) => ({ id: `c${i}`, input: { upTo: UP_TO } }));
  await client.submitMany(count, inputs);
  const running = (): number => linesOf(directory).filter(({ kind }) => kind === "start").length;
  report.check("all tasks run", await eventually(() => running() >= TASK_COUNT, 15_000), `${running()}`);
  await delay(1500);

  const [, victim] = cluster.peers;
  const startedMs = performance.now();
  victim!.signal("SIGTERM");
  await victim!.exited;
  report.check("the drained peer says that it stopped", victim!.events.at(-1)?.event === "stopped");
  report.say(`SIGTERM -> exit: ${seconds(performance.now() - startedMs)}`);
  const ended = (): number => linesOf(directory).filter(({ kind }) => kind === "end").length;
  const isDone = await eventually(() => ended() >= TASK_COUNT, 60_000, 200);
  report.check("all tasks end", isDone, `${ended()} of ${TASK_COUNT}`);
  judge(report, linesOf(directory));
});

function linesOf(directory: string): CountLine[] {
  return readdirSync(directory).filter((name) => name.endsWith(".jsonl")).flatMap((name) =>
    readFileSync(join(directory, name), "utf8").split("\n").filter((line) => line.endsWith("}"))
      .map((line) => JSON.parse(line) as CountLine)
  );
}

/** The smallest that so large a share is not above; 0 of none. */
function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0;
}

function judge(report: Report, lines: readonly CountLine[]): void {
  const gapsMs: number[] = [];
  let wrongCount = 0;
  let overlapCount = 0;
  for (const start of lines.filter(({ kind, attempt }) => kind === "start" && attempt > 1)) {
    const stop = lines.find((line) =>
      line.task === start.task && line.kind === "stop" && line.attempt === start.attempt - 1
    );
    if (!stop) continue;
    gapsMs.push(start.atMs - stop.atMs);
    if (stop.count !== start.count) wrongCount++;
    if (stop.atMs > start.atMs) overlapCount++;
  }
  const ends = lines.filter(({ kind }) => kind === "end");
  const again = lines.filter(({ kind, attempt }) => kind === "start" && attempt > 1).length;
  const at = (share: number): string => `${percentile(gapsMs, share).toFixed(1)} ms`;
  report.say(
    `${gapsMs.length} tasks were handed over; without a handler: p50 ${at(0.5)}, p99 ${at(0.99)}, max ${
      at(1)
    }`,
  );
  report.check("tasks were handed over", gapsMs.length > 50, `${gapsMs.length}`);
  report.check("each attempt but the first follows one that stopped", again === gapsMs.length, `${again}`);
  report.check("each went on from the count of the one before", wrongCount === 0, `${wrongCount} did not`);
  report.check("none ran twice at once", overlapCount === 0, `${overlapCount} did`);
  report.check(`no gap is longer than ${seconds(GAP_MS_MAX)}`, percentile(gapsMs, 1) <= GAP_MS_MAX, at(1));
  report.check("each task ended once", new Set(ends.map(({ task }) => task)).size === ends.length);
  report.check("and counted to its end", ends.every((end) => end.count === UP_TO));
}
