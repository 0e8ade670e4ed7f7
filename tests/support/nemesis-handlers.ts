/**
 * A handler that obeys, for the nemesis: each start, beat and end is a line in a file of $STOLOS_LINES, and
 * none is written outside its lease. Its result tells the input and the fence.
 */
import { openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { defineTask } from "../../mod.ts";
import type { Context, Node, TaskDefinition } from "../../mod.ts";
import type { ExecutionLine, Result } from "./history.ts";

export interface Work {
  /** What another submit of the same id may differ in. */
  readonly input: string;
  readonly ms: number;
}

const BEAT_MS = 100;

export const work: TaskDefinition<Work, Result> = defineTask<Work, Result>({ name: "work" });

export function handlers(node: Node): void {
  const log = openSync(join(process.env.STOLOS_LINES ?? ".", `${node.name}-${process.pid}.lines`), "a");
  node.handle(work, ({ id, input: { input, ms } }, ctx) => {
    const fence = Number(ctx.fence);
    const write = (kind: ExecutionLine["kind"]): void => {
      const line: ExecutionLine = { id, kind, fence, attempt: ctx.attempt, atMs: Date.now(), input };
      writeSync(log, `${JSON.stringify(line)}\n`);
    };
    return obey(ctx, ms, write).then(() => ({ input, fence }));
  });
}

/**
 * A process that was stopped wakes with its timers due: the deadline says at once what the signal soon will.
 * The time is the wall clock's, the only one that all processes on all runtimes share.
 */
function obey(ctx: Context, ms: number, write: (kind: ExecutionLine["kind"]) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const endMs = performance.now() + ms;
  let hasStarted = false;
  const beat = (): void => {
    if (ctx.signal.aborted || Date.now() >= ctx.deadline) return;
    const isEnd = hasStarted && performance.now() >= endMs;
    write(isEnd ? "end" : hasStarted ? "beat" : "start");
    hasStarted = true;
    if (!isEnd) return;
    clearInterval(timer);
    resolve();
  };
  const timer = setInterval(beat, BEAT_MS);
  ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason), { once: true });
  beat();
  return promise.finally(() => clearInterval(timer));
}

/** What all lives wrote; a half-written last line is left out. */
export function readLines(directory: string): ExecutionLine[] {
  return readdirSync(directory).flatMap((file) =>
    readFileSync(join(directory, file), "utf8").split("\n").slice(0, -1).map((line) =>
      JSON.parse(line) as ExecutionLine
    )
  );
}
