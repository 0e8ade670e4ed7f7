/** What a balancer sees: this node's tasks, and the members as hearsay has them. */
import type { KnownOffer, NodeInfo } from "../coordinator/coordinator.ts";
import { hashText } from "../protocol/ring.ts";
import type { Placement, TaskOptions } from "../protocol/types.ts";
import type { BalancerContext, ClusterNode, OfferedTask, RunningTask } from "./balancer.ts";
import type { BalancingOptions } from "./balancing.ts";

export class Surroundings implements BalancerContext {
  readonly #options: BalancingOptions;
  /** What tasks that were shown ask of a node, if they do. */
  readonly #placements: WeakMap<object, Placement> = new WeakMap();

  constructor(options: BalancingOptions) {
    this.#options = options;
  }

  now(): number {
    return this.#options.ambient.wallMs();
  }

  tasks(): readonly RunningTask[] {
    const { ambient, consumer } = this.#options;
    const wallAtZeroMs = ambient.wallMs() - ambient.monoMs();
    return [...consumer.running()].map(({ task, startedMs, abortReason, toldLoad }) => {
      const [load, stopping] = [toldLoad, abortReason !== null];
      const { id, name, options } = task;
      return this.know({ id, name, startedMs: wallAtZeroMs + startedMs, load, stopping }, options);
    });
  }

  /** So that canRun knows what it asks of a node. */
  know<T extends object>(task: T, options: TaskOptions | null): T {
    if (options?.placement) this.#placements.set(task, options.placement);
    return task;
  }

  cluster(): readonly ClusterNode[] {
    const { members, offerOf } = this.#options.coordinator;
    return members().map(({ node, name, state, self, load, labels, ...view }) => {
      // the view of a node that has just started misses tasks: what a member says itself is better
      const { slots = 0, tasks = view.tasks } = offerOf(node) ?? {};
      return { id: node, name, state, self, tasks, load, slots, labels };
    });
  }

  canRun(node: ClusterNode, task: OfferedTask | RunningTask): boolean {
    if (node.self || node.state !== "up" || node.tasks >= node.slots) return false;
    if (!hasHandler(this.#options.coordinator.offerOf(node.id), task.name)) return false;
    const placement = this.#placements.get(task);
    if (!placement) return true;
    const self = this.#options.coordinator.members().find((each) => each.self);
    return suits(placement, node) &&
      scoreOf(placement, node) >= (self ? scoreOf(placement, self) : -Infinity);
  }
}

function hasHandler(offer: KnownOffer | null, name: string): boolean {
  if (!offer || offer.slots === 0) return false;
  return offer.handlers.length === 0 || offer.handlers.includes(hashText(name));
}

/** What runs on a node besides, and must be apart, is not known here. */
function suits({ requires, node, apart }: Placement, { id, name, labels }: ClusterNode): boolean {
  if (apart !== "" || (node !== "" && node !== id && node !== name)) return false;
  return requires.every(({ key, value }) => labels[key] === value);
}

function scoreOf({ prefers }: Placement, { labels }: Pick<NodeInfo, "labels">): number {
  return prefers.reduce((sum, { key, value, weight }) => sum + (labels[key] === value ? weight : 0), 0);
}
