/**
 * Handlers for the drill of balancers, loaded by `stolos peer --handlers`: `steady` reports its load and runs
 * until its signal aborts. SIGUSR2 asks the balancer.
 */
import { defineTask } from "../../mod.ts";
import type { Node, TaskDefinition } from "../../mod.ts";

export interface SteadyInput {
  readonly load: number;
}

export const steady: TaskDefinition<SteadyInput> = defineTask<SteadyInput>({ name: "steady" });

export function handlers(node: Node): void {
  process.on("SIGUSR2", () => node.balance());
  node.handle(steady, (task, ctx) => {
    ctx.load(task.input.load);
    return new Promise<void>((resolve) => ctx.signal.addEventListener("abort", () => resolve()));
  });
}
