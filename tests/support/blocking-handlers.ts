/**
 * The handlers of beat-handlers.ts, and two that let go of nothing: one in the peer's loop, one in a thread.
 * Their names end with the runtime, so that a drill can say where they run.
 */
import { defineTask } from "../../mod.ts";
import type { Node, TaskDefinition } from "../../mod.ts";
import type { Runtime } from "../../examples/demo/peer-process.ts";
import type { Instruction } from "./thread-handler.ts";
import { handlers as beatHandlers } from "./beat-handlers.ts";

export interface BlockInput {
  readonly ms: number;
}

export const SPIN_BEAT_MS = 1500;

/** Blocks the loop in its first attempt, and returns the number of the attempt. */
export function blockOn(runtime: Runtime): TaskDefinition<BlockInput, number> {
  return defineTask<BlockInput, number>({ name: `block-${runtime}` });
}

export function spinOn(runtime: Runtime): TaskDefinition<Instruction, unknown> {
  return defineTask<Instruction, unknown>({ name: `spin-${runtime}` });
}

export function handlers(node: Node): void {
  beatHandlers(node);
  const runtime: Runtime = "bun" in process.versions ? "bun" : "deno" in process.versions ? "deno" : "node";
  node.handle(blockOn(runtime), (task, ctx) => {
    const endMs = performance.now() + task.input.ms;
    while (ctx.attempt === 1 && performance.now() < endMs);
    return ctx.attempt;
  });
  const module = new URL("./thread-handler.ts", import.meta.url);
  node.handle(spinOn(runtime), module, {
    isolation: "thread",
    beatTimeoutMs: SPIN_BEAT_MS,
    graceMs: 300,
  });
}
