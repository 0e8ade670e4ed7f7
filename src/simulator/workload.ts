/**
 * What clients do during a virtual run: mostly new tasks, some ids again, watches, reads, second thoughts.
 */
import type { TaskMessage, TaskSpec } from "../protocol/model/types.ts";
import { Rng } from "../testing/rng.ts";
import { drawnWallError } from "./clock.ts";
import { HANDLER_NAMES } from "./handlers.ts";
import type { VirtualNode } from "./node.ts";
import type { Oracle } from "./oracle.ts";
import { commandKey, submitKey } from "./oracle-times.ts";
import { drawnOptions, hasPlace } from "./placement.ts";
import type { World } from "./world.ts";

interface WorkloadWorld extends World {
  readonly nodes: readonly VirtualNode[];
  readonly oracle: Oracle;
}

export class Workload {
  readonly #world: WorkloadWorld;
  readonly #rng: Rng;
  /** Commands have their own, so that a run without them is the same as before. */
  readonly #commandRng: Rng;
  readonly #placementRng: Rng;
  readonly #specs: TaskSpec[] = [];
  #cid = 0;

  constructor(world: WorkloadWorld) {
    this.#world = world;
    this.#rng = new Rng(world.plan.seed, 4);
    this.#commandRng = new Rng(world.plan.seed, 5);
    this.#placementRng = new Rng(world.plan.seed, 8);
  }

  begin(): void {
    this.#world.schedule.after(this.#rng.range(0, 500), () => this.#act());
  }

  #act(): void {
    const { plan, calm, nodes, schedule } = this.#world;
    if (calm) return;
    const up = nodes.filter((node) => node.up);
    if (up.length > 0) {
      this.#actAt(this.#rng.pick(up));
      if (plan.work.command > 0 && this.#commandRng.chance(plan.work.command)) this.#command(up);
    }
    schedule.after(this.#rng.range(0.1, 1.9) * plan.work.everyMs, () => this.#act());
  }

  #actAt(node: VirtualNode): void {
    const { work } = this.#world.plan;
    const { client } = node;
    if (this.#specs.length < work.taskCount && this.#rng.chance(0.6)) {
      const spec = this.#placed(this.#newSpec(node));
      this.#specs.push(spec);
      return client.submit(spec, this.#rng.chance(0.6));
    }
    if (this.#specs.length === 0) return;
    const spec = this.#rng.pick(this.#specs);
    if (this.#rng.chance(work.resubmit)) {
      if (this.#rng.chance(0.1)) return client.submit({ ...spec, payload: new Uint8Array([1, 2, 3]) }, false);
      // a retry carries the time of the first try, another client's submit its own
      const firstSentAtMs = this.#rng.chance(0.6) ? spec.firstSentAtMs : this.#wallMsAt(node);
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

  /** As a client there sees it. */
  #wallMsAt(node: VirtualNode): number {
    const { plan, schedule } = this.#world;
    const errorMs = plan.faults.wrongClocks
      ? drawnWallError(new Rng(plan.seed, 600 + node.no), plan.retentionMs)
      : 0;
    return node.clock.read(schedule.nowMs).wallMs + errorMs;
  }

  #newSpec(node: VirtualNode): TaskSpec {
    const { plan } = this.#world;
    const rng = this.#rng;
    const number = this.#specs.length;
    const wallMs = this.#wallMsAt(node);
    const delayMs = rng.chance(0.15) ? rng.int(plan.leaseTtlMs * 2) : 0;
    this.#world.oracle.times.asked(submitKey(`t${number}`), delayMs);
    return {
      id: `t${number}`,
      name: rng.pick(HANDLER_NAMES),
      payload: new TextEncoder().encode(`payload ${number} ${"x".repeat(rng.int(120))}`),
      attemptsMax: rng.pick([0, 0, 3]),
      options: null,
      runAtMs: delayMs === 0 ? 0 : wallMs + delayMs,
      firstSentAtMs: wallMs,
    };
  }

  #placed(spec: TaskSpec): TaskSpec {
    const { plan } = this.#world;
    if (plan.work.placement === 0 || !this.#placementRng.chance(plan.work.placement)) return spec;
    return { ...spec, options: drawnOptions(this.#placementRng, plan) };
  }

  /** Some are sent twice, through two nodes. */
  #command(up: readonly VirtualNode[]): void {
    const rng = this.#commandRng;
    if (this.#specs.length === 0) return;
    const { id } = rng.pick(this.#specs.slice(-12));
    const cid = ++this.#cid;
    const node = rng.pick(up);
    const message = this.#message(node, commandKey(id, cid));
    node.client.command(id, cid, message);
    if (rng.chance(0.2)) rng.pick(up).client.command(id, cid, message);
  }

  #message(node: VirtualNode, key: string): TaskMessage {
    const rng = this.#commandRng;
    const type = rng.pick(
      ["run", "run", "sleep", "pause", "kill", "error", "complete", "checkpoint", "release"] as const,
    );
    if (type === "sleep") {
      const forMs = rng.int(this.#world.plan.leaseTtlMs * 2);
      this.#world.oracle.times.asked(key, forMs);
      return { type, untilMs: this.#wallMsAt(node) + forMs };
    }
    return type === "error" ? { type, message: "command" } : { type };
  }

  /**
   * After the faults: what was paused, or sleeps for long after an error, gets the command to run, until it
   * does; what no node that stays can run is killed.
   */
  #wakeUp(): void {
    const { nodes, oracle, schedule, plan } = this.#world;
    const up = nodes.filter((node) => node.up);
    for (const { id, state } of oracle.unfinished()) {
      if (up.length === 0) continue;
      if (!hasPlace(nodes, oracle.specOf(id)!)) {
        this.#commandRng.pick(up).client.command(id, ++this.#cid, { type: "kill" });
      }
      if (plan.work.command === 0 || (state !== "paused" && state !== "sleeping")) continue;
      this.#commandRng.pick(up).client.command(id, ++this.#cid, { type: "run" });
    }
    schedule.after(2000, () => this.#wakeUp());
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
    const { command, placement } = this.#world.plan.work;
    if (command > 0 || placement > 0) this.#wakeUp();
    for (const id of oracle.clients.acked) this.#rng.pick(up).client.watch(id);
  }
}
