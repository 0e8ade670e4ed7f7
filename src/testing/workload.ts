/**
 * What clients do during a virtual run: mostly new tasks, some ids again, watches, reads, second thoughts.
 */
import type { TaskSpec } from "../protocol/types.ts";
import { Rng } from "./rng.ts";
import { newSpec } from "./virtual-client.ts";
import type { VirtualNode } from "./virtual-node.ts";
import type { World } from "./world.ts";

export class Workload {
  readonly #world: World;
  readonly #rng: Rng;
  readonly #specs: TaskSpec[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#rng = new Rng(world.plan.seed, 4);
  }

  begin(): void {
    this.#world.schedule.after(this.#rng.range(0, 500), () => this.#act());
  }

  #act(): void {
    const { plan, calm, nodes, schedule } = this.#world;
    if (calm) return;
    const up = nodes.filter((node) => node.up);
    if (up.length > 0) this.#actAt(this.#rng.pick(up));
    schedule.after(this.#rng.range(0.1, 1.9) * plan.work.everyMs, () => this.#act());
  }

  #actAt(node: VirtualNode): void {
    const { work } = this.#world.plan;
    const { client } = node;
    if (this.#specs.length < work.taskCount && this.#rng.chance(0.6)) {
      const spec = newSpec(this.#world, this.#rng, node, this.#specs.length);
      this.#specs.push(spec);
      return client.submit(spec, this.#rng.chance(0.6));
    }
    if (this.#specs.length === 0) return;
    const spec = this.#rng.pick(this.#specs);
    if (this.#rng.chance(work.resubmit)) {
      if (this.#rng.chance(0.1)) return client.submit({ ...spec, payload: new Uint8Array([1, 2, 3]) }, false);
      // a retry carries the time of the first try, another client's submit its own
      const { wallMs } = node.clock.read(this.#world.schedule.nowMs);
      const firstSentAtMs = this.#rng.chance(0.6) ? spec.firstSentAtMs : wallMs;
      return client.submit({ ...spec, firstSentAtMs }, this.#rng.chance(0.5));
    }
    const choice = this.#rng.int(20);
    if (choice < 6) client.watch(spec.id);
    else if (choice < 7) client.unwatch();
    else if (choice < 12) client.get(spec.id);
    else if (choice < 14) client.list(this.#rng.int(this.#world.plan.partitionCount));
    else if (choice < 16) client.cancelOne();
    else if (choice < 17) this.#drain(node);
  }

  #drain(node: VirtualNode): void {
    node.handlers.drain();
    node.later(this.#rng.range(100, this.#world.plan.leaseTtlMs), () => node.handlers.offerAgain());
    if (this.#rng.chance(0.3)) node.receive([{ type: "resign" }]);
  }

  /** After the faults: nobody drains any more, and everybody who was promised something asks once more. */
  askAgain(): void {
    const { nodes, oracle } = this.#world;
    const up = nodes.filter((node) => node.up);
    for (const node of up) node.handlers.offerAgain();
    for (const id of oracle.clients.acked) this.#rng.pick(up).client.watch(id);
  }
}
