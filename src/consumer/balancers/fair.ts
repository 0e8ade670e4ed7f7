/**
 * The fair balancer, Metafora's by count: a node that runs more than its share and a fifth gives back what is
 * too much. Begins whatever is offered: where a task begins is its steward's business
 * (protocol/steward/dispatcher.ts), and a steward offers what was given back to others first.
 */
import type { Balancer, BalancerContext, ClusterNode, RunningTask } from "./balancer.ts";
import { Departures } from "./departures.ts";

const THRESHOLD = 1.2;
/** What runs for less may well be a short task, which ends sooner than it is moved. */
const AGE_MS_MIN = 1000;
/** Members publish how many tasks they run every two seconds. */
const UNSEEN_MS = 5000;

export interface FairBalancerOptions {
  /** Of the share: from here on a node has too much. >= 1. @default 1.2 */
  readonly threshold?: number;
  /** Which nodes count. A node that does not count gives nothing back. @default all */
  readonly nodes?: (node: ClusterNode) => boolean;
}

/**
 * Levels the counts of tasks: a node gives back what it has above `ceil(floor(total / nodes) x threshold)`,
 * and above the share itself, rounded up. Counted are nodes that are up and take tasks of the names that run
 * here. The tasks that began last go first, and only such as another of these nodes could take.
 *
 * @throws TypeError, RangeError
 */
export function fairBalancer(options: FairBalancerOptions = {}): Balancer {
  const { threshold = THRESHOLD, nodes = () => true } = options;
  if (typeof threshold !== "number" || !(threshold >= 1 && threshold < Infinity)) {
    throw new RangeError(`Cannot make a fair balancer: threshold must be >= 1, got ${String(threshold)}`);
  }
  if (typeof nodes !== "function") {
    throw new TypeError(`Cannot make a fair balancer: nodes must be a function, got ${typeof nodes}`);
  }
  return new FairBalancer(threshold, nodes);
}

class FairBalancer implements Balancer {
  readonly #threshold: number;
  readonly #counts: (node: ClusterNode) => boolean;
  readonly #departures: Departures = new Departures(UNSEEN_MS);
  #context: BalancerContext | null = null;

  constructor(threshold: number, counts: (node: ClusterNode) => boolean) {
    this.#threshold = threshold;
    this.#counts = counts;
  }

  init(context: BalancerContext): void {
    this.#context = context;
    this.#departures.reset();
  }

  balance(): string[] {
    const context = this.#context;
    if (!context) return [];
    const running = context.tasks();
    const tasks = running.filter(({ stopping }) => !stopping);
    const all = context.cluster();
    const self = all.find((node) => node.self);
    if (!self || self.state !== "up" || !this.#counts(self)) return [];
    const others = takers(context, all, tasks).filter((node) => this.#counts(node));
    if (others.length === 0) return [];
    // what is stopping here, or on its way, will run somewhere
    const own = running.length + this.#departures.amount(running, context.now());
    const total = others.reduce((sum, node) => sum + node.tasks, own);
    const share = total / (others.length + 1);
    const most = Math.max(Math.ceil(share), Math.ceil(Math.floor(share) * this.#threshold));
    const ids = pick(context, tasks, { others, count: tasks.length - most, most });
    for (const id of ids) this.#departures.name(id, 1);
    return ids;
  }
}

/** Members that take tasks of a name that runs here, whether they have room or not. */
function takers(
  context: BalancerContext,
  all: readonly ClusterNode[],
  tasks: readonly RunningTask[],
): readonly ClusterNode[] {
  const oneOfEach = [...new Map(tasks.map((task) => [task.name, task])).values()];
  return all.filter((node) =>
    oneOfEach.some(({ id, name, ...rest }) => {
      // a task of its name that asks for nothing else
      const plain = { id, name, ...rest };
      return context.canRun({ ...node, tasks: 0 }, plain);
    })
  );
}

/** The newest first, each for a node that has room. */
function pick(
  context: BalancerContext,
  tasks: readonly RunningTask[],
  { others, count, most }: {
    readonly others: readonly ClusterNode[];
    readonly count: number;
    /** On one node. */
    readonly most: number;
  },
): string[] {
  const ids: string[] = [];
  const rooms = others.map((node) => ({ node, tasks: node.tasks }));
  for (const task of tasks.toReversed()) {
    if (ids.length >= count) break;
    if (context.now() - task.startedMs < AGE_MS_MIN) continue;
    const room = rooms.find(({ node, tasks }) => tasks < most && context.canRun({ ...node, tasks }, task));
    if (!room) continue;
    room.tasks++;
    ids.push(task.id);
  }
  return ids;
}
