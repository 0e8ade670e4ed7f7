/** L5: after the faults, whoever runs a task is soon told of every command that waits for it. */
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

export class ToldWatch {
  readonly #world: World;
  /** Since when a command waits although its task runs on. */
  #sinceMs: Map<string, number> = new Map();

  constructor(world: World) {
    this.#world = world;
  }

  /** To be called now and then once the faults are over. @throws Violation */
  check(): void {
    const { nodes, oracle, plan, schedule } = this.#world;
    const sinceMs: Map<string, number> = new Map();
    for (const { p, id, state } of oracle.unfinished()) {
      if (state !== "leased") continue;
      const { line, fence } = oracle.stateOf(p).tasks.get(id)!;
      const no = line.at(-1)?.no ?? 0;
      const isUntold = nodes.some((node) => (node.handlers.toldNo(p, id, fence) ?? Infinity) < no);
      if (!isUntold) continue;
      const key = `${p}/${id}/${no}`;
      const thenMs = this.#sinceMs.get(key) ?? schedule.nowMs;
      sinceMs.set(key, thenMs);
      // a steward is elected anew, and everybody attaches to it
      if (schedule.nowMs - thenMs < plan.leaseTtlMs + 4 * plan.electionMs) continue;
      const waitMs = Math.round(schedule.nowMs - thenMs);
      throw new Violation("L5", `p${p} ${id} runs on and was not told command ${no} in ${waitMs} ms`);
    }
    this.#sinceMs = sinceMs;
  }
}
