/**
 * A handler for the drain's show, loaded by `stolos peer --handlers`: it counts, keeps the count in memory
 * alone, and hands it over. What it does it writes as JSON lines to a file in $STOLOS_BEATS.
 */
import { openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { defineTask } from "../../mod.ts";
import type { Node, TaskDefinition } from "../../mod.ts";

export interface CountLine {
  readonly task: string;
  readonly fence: number;
  readonly attempt: number;
  readonly kind: "start" | "stop" | "end";
  /** The count then. */
  readonly count: number;
  /** Wall clock, ms with fractions. */
  readonly atMs: number;
}

const COUNT_EVERY_MS = 20;

export const count: TaskDefinition<{ readonly upTo: number }, number> = defineTask<
  { readonly upTo: number },
  number
>({ name: "count" });

export function handlers(node: Node): void {
  const file = openSync(join(process.env.STOLOS_BEATS ?? ".", `${node.name}-${process.pid}.jsonl`), "a");
  node.handle(count, async (task, ctx) => {
    let counted = typeof task.state === "number" ? task.state : 0;
    const { fence, attempt } = ctx;
    const write = (kind: CountLine["kind"]): void => {
      const atMs = performance.timeOrigin + performance.now();
      const line: CountLine = { task: task.id, fence: Number(fence), attempt, kind, count: counted, atMs };
      writeSync(file, `${JSON.stringify(line)}\n`);
    };
    ctx.onHandOff(() => counted);
    write("start");
    while (counted < task.input.upTo && !ctx.signal.aborted) {
      await new Promise((resolve) => setTimeout(resolve, COUNT_EVERY_MS));
      counted++;
    }
    write(ctx.signal.aborted ? "stop" : "end");
    return ctx.signal.aborted ? undefined as never : counted;
  });
}
