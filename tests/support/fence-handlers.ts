/**
 * Handlers for fence-pause.test.ts, loaded by `stolos peer --handlers`: `effect` writes once, under its
 * fence, to one of the places in $FENCE_PLACES. On the peer named `old` it waits for a file `go` first and
 * does not look at its signal: the writer that comes too late. What became of it is noted in $FENCE_NOTES.
 */
import { appendFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { defineTask } from "../../mod.ts";
import type { Node, TaskDefinition } from "../../mod.ts";
import { connectTarget, type Kind, type Target } from "./fence-targets.ts";
import { valueOf } from "./fence-value.ts";

export interface EffectInput {
  readonly kind: Kind;
}

export const effect: TaskDefinition<EffectInput, string> = defineTask<EffectInput, string>({
  name: "effect",
});

const LOOK_EVERY_MS = 20;

export function handlers(node: Node): void {
  const directory = process.env["FENCE_NOTES"] ?? ".";
  const addresses = JSON.parse(process.env["FENCE_PLACES"] ?? "{}") as Readonly<Record<Kind, string>>;
  const targets = new Map<Kind, Target>();
  const targetOf = (kind: Kind): Target => {
    const target = targets.get(kind) ?? connectTarget(kind, addresses[kind]);
    targets.set(kind, target);
    return target;
  };
  node.handle(effect, async (task, ctx) => {
    const { kind } = task.input;
    const note = (what: string): void =>
      appendFileSync(join(directory, "notes"), `${node.name} ${task.id} ${ctx.fence} ${what}\n`);
    const target = targetOf(kind);
    // connected before it is stopped, as a writer is
    await target.read(task.id);
    note("started");
    if (node.name === "old") await fileIsThere(join(directory, "go"));
    const verdict = await target.write({ key: task.id, fence: ctx.fence, value: valueOf(ctx.fence) });
    note(verdict);
    return verdict;
  });
}

async function fileIsThere(path: string): Promise<void> {
  while (!existsSync(path)) await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
}
