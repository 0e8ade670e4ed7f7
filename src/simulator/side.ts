/**
 * One cluster of a virtual run, with those who use it, strike it and watch it. A run has one, until what is
 * left of it after a disaster is recovered (disaster.ts): then one or two others, which never merge.
 */
import type { NodeId } from "../protocol/model/types.ts";
import type { Schedule } from "../testing/schedule.ts";
import type { Trace } from "../testing/trace.ts";
import { Chaos } from "./chaos.ts";
import type { VirtualNetwork } from "./network.ts";
import type { VirtualNode } from "./node.ts";
import { type Heritage, Oracle } from "./oracle.ts";
import type { Plan } from "./plan.ts";
import { Workload } from "./workload.ts";
import type { RunCounts, World } from "./world.ts";

/** The run that it is part of. */
export interface Run extends World {
  readonly network: VirtualNetwork;
  /** By their numbers. */
  readonly nodes: VirtualNode[];
  readonly sides: readonly Side[];
  /** When the faults were over. */
  readonly healedMs: number;
}

/** Of what it was recovered. */
interface Origin {
  readonly earlier: Side;
  readonly heritage: Heritage;
}

export class Side implements World {
  readonly plan: Plan;
  readonly nodes: VirtualNode[] = [];
  readonly oracle: Oracle;
  readonly chaos: Chaos;
  readonly workload: Workload;
  readonly #run: Run;
  #isOver = false;

  /** `plan`: the run's, or for a recovered cluster the same with another seed. */
  constructor(run: Run, plan: Plan, origin: Origin | null = null) {
    this.#run = run;
    this.plan = plan;
    this.oracle = new Oracle(this, origin?.heritage ?? null);
    this.chaos = new Chaos(this);
    this.workload = new Workload(this, origin?.earlier.workload ?? null);
    run.network.onSend((from, messages) => {
      const node = run.nodes[from];
      if (node?.world !== this) return;
      const isMember = (no: number): boolean =>
        node.engine?.roster?.members.some((member) => member.no === no) ?? false;
      this.oracle.clients.leaves(from, messages, isMember);
      this.oracle.departures.sent(node.id, messages);
    });
  }

  get schedule(): Schedule {
    return this.#run.schedule;
  }

  get trace(): Trace {
    return this.#run.trace;
  }

  get counts(): RunCounts {
    return this.#run.counts;
  }

  get network(): VirtualNetwork {
    return this.#run.network;
  }

  get healedMs(): number {
    return this.#run.healedMs;
  }

  get calm(): boolean {
    return this.#run.calm || this.#isOver;
  }

  /** Its nodes are others' from now on. */
  end(): void {
    this.#isOver = true;
  }

  isForeign(id: NodeId): boolean {
    const { sides } = this.#run;
    return sides.length > 1 &&
      sides.some((side) => side !== this && side.nodes.some((node) => node.id === id));
  }
}
