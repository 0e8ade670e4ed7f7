/**
 * Handlers for the drills of lists and retries, loaded by `stolos peer --handlers`: tasks with results,
 * progress and errors of a given size, and tasks that fail as long as a file is not there. Each start of
 * these is a line in a file in $STOLOS_BEATS.
 */
import { existsSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { defineTask, FatalError } from "../../mod.ts";
import type { Node, TaskDefinition } from "../../mod.ts";

export interface SizedInput {
  /** How it ends; one that is held does not. */
  readonly end: "completed" | "failed" | "held";
  /** Of its result, its progress and each of its errors, in characters; each is cut at what is allowed. */
  readonly chars: number;
}

export const sized: TaskDefinition<SizedInput, string> = defineTask<SizedInput, string>({ name: "sized" });
export const flaky: TaskDefinition<null, string> = defineTask<null, string>({ name: "flaky" });

const PROGRESS_CHARS_MAX = 4000;

/** While there is none, every attempt of `flaky` fails. */
export function switchIn(directory: string): string {
  return join(directory, "switch");
}

export function handlers(node: Node): void {
  const directory = process.env.STOLOS_BEATS ?? ".";
  const file = openSync(join(directory, `${node.name}-${process.pid}.starts`), "a");
  node.handle(sized, (task, ctx) => {
    const { end, chars } = task.input;
    ctx.progress("p".repeat(Math.min(chars, PROGRESS_CHARS_MAX)));
    if (end === "completed") return "r".repeat(chars);
    if (end === "failed") throw new Error("e".repeat(chars));
    return new Promise((_, reject) =>
      ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason), { once: true })
    );
  });
  node.handle(flaky, (task, ctx) => {
    const isOn = existsSync(switchIn(directory));
    writeSync(file, `${task.id} ${ctx.attempt} ${isOn ? "on" : "off"}\n`);
    if (!isOn) throw new FatalError("the switch is off");
    return "on";
  });
}
