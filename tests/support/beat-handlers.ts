/**
 * Handlers for the shows, loaded by `stolos peer --handlers`: they write what they do under their fences to
 * a file in $STOLOS_BEATS (the form that examples/demo/tally.ts reads). `beat` obeys its signal and its
 * deadline; `lasting` does so until there is a file `finish`; `stubborn` ignores both, and says so in another
 * file.
 */
import { existsSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { defineTask } from "../../mod.ts";
import type { Context, Node, TaskDefinition } from "../../mod.ts";

export interface BeatInput {
  /** How long the task takes. */
  readonly ms: number;
}

const BEAT_MS = 100;

export const beat: TaskDefinition<BeatInput, string> = defineTask<BeatInput, string>({ name: "beat" });
export const lasting: TaskDefinition<Record<never, never>, string> = defineTask<
  Record<never, never>,
  string
>({ name: "lasting" });
export const stubborn: TaskDefinition<BeatInput, string> = defineTask<BeatInput, string>({
  name: "stubborn",
});

export function handlers(node: Node): void {
  const directory = process.env.STOLOS_BEATS ?? ".";
  const log = openSync(join(directory, `${node.name}-${process.pid}.log`), "a");
  const notes = openSync(join(directory, `${node.name}-${process.pid}.notes`), "a");
  const write = (fd: number, task: string, kind: string, ctx: Context): void => {
    writeSync(fd, `${task} ${kind} ${ctx.fence} ${ctx.attempt} ${Date.now()}000000\n`);
  };
  let isFinishing = false;
  setInterval(() => isFinishing = existsSync(join(directory, "finish")), 1000).unref();
  node.handle(beat, (task, ctx) => {
    const endMs = performance.now() + task.input.ms;
    return runBeat(ctx, () => performance.now() >= endMs, (kind) => write(log, task.id, kind, ctx));
  });
  node.handle(
    lasting,
    (task, ctx) => runBeat(ctx, () => isFinishing, (kind) => write(log, task.id, kind, ctx)),
  );
  node.handle(stubborn, async (task, ctx) => {
    const note = (kind: string): void => write(notes, task.id, kind, ctx);
    note("start");
    ctx.signal.addEventListener("abort", () => note("aborted"), { once: true });
    await new Promise((resolve) => setTimeout(resolve, task.input.ms));
    note(ctx.signal.aborted ? "returned-aborted" : "returned");
    return `finished on ${node.name}`;
  });
}

/**
 * A process that was stopped wakes with its timers due: the deadline says at once what the signal soon
 * will.
 */
function runBeat(ctx: Context, isOver: () => boolean, say: (kind: string) => void): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const mayAct = (): boolean => !ctx.signal.aborted && Date.now() < ctx.deadline;
  say("start");
  const timer = setInterval(() => {
    if (!mayAct()) return;
    const isEnd = isOver();
    say(isEnd ? "end" : "beat");
    if (isEnd) resolve("done");
  }, BEAT_MS);
  ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason), { once: true });
  return promise.finally(() => clearInterval(timer));
}
