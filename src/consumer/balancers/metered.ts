/**
 * The metered balancer, Ordasity's: levels the loads that tasks report instead of their count. A node whose
 * load is above the even share gives tasks back, the heaviest first, but none without which it would be below
 * the share. It takes no task while a less loaded node could take it.
 */
import type { Balancer, BalancerContext, ClaimRefusal, ClusterNode, OfferedTask } from "./balancer.ts";
import { Departures } from "./departures.ts";

const INTERVAL_MS = 60_000;
const THRESHOLD = 1.1;
const RETRY_MS = 1000;
/** For this time a task that has reported nothing yet counts as an average one. */
const YOUNG_MS = 60_000;
/** At worst it takes so long until what was given back is in anybody's news. */
const UNSEEN_MS = 15_000;
/** For offers the members' news is looked at this often at most. */
const LOOK_MS = 250;

export interface MeteredBalancerOptions {
  /** How often it looks. @default 60_000 */
  readonly intervalMs?: number;
  /** Of the even share: a node that is above gives tasks back. >= 1. @default 1.1 */
  readonly threshold?: number;
}

/**
 * Levels the loads that handlers report with `ctx.load` or count with `ctx.meter`. Tasks of load 0 are never
 * moved.
 *
 * @throws RangeError
 */
export function meteredBalancer(options: MeteredBalancerOptions = {}): Balancer {
  const { intervalMs = INTERVAL_MS, threshold = THRESHOLD } = options;
  if (typeof intervalMs !== "number" || !(intervalMs >= 10 && intervalMs <= 86_400_000)) {
    throw new RangeError(
      `Cannot make a metered balancer: intervalMs must be from 10 to 86400000, got ${String(intervalMs)}`,
    );
  }
  if (typeof threshold !== "number" || !(threshold >= 1 && threshold < Infinity)) {
    throw new RangeError(`Cannot make a metered balancer: threshold must be >= 1, got ${String(threshold)}`);
  }
  return new MeteredBalancer(intervalMs, threshold);
}

interface View {
  readonly others: readonly ClusterNode[];
  /** Of this node, with what young tasks are taken for. */
  readonly expected: number;
  readonly share: number;
  /** Of one task. */
  readonly average: number;
}

class MeteredBalancer implements Balancer {
  readonly everyMs: number;
  readonly #threshold: number;
  #context: BalancerContext | null = null;
  #view: View | null = null;
  #viewMs = -Infinity;
  /** Begun since the view. */
  #begunCount = 0;
  readonly #departures: Departures = new Departures(UNSEEN_MS);

  constructor(intervalMs: number, threshold: number) {
    this.everyMs = intervalMs;
    this.#threshold = threshold;
  }

  init(context: BalancerContext): void {
    this.#context = context;
    this.#viewMs = -Infinity;
    this.#departures.reset();
  }

  canClaim(task: OfferedTask): true | ClaimRefusal {
    const context = this.#context;
    if (!context) return true;
    const nowMs = context.now();
    if (!this.#view || Math.abs(nowMs - this.#viewMs) >= LOOK_MS) {
      this.#view = viewOf(context);
      this.#viewMs = nowMs;
      this.#begunCount = 0;
    }
    const { others, expected, share, average } = this.#view;
    const isBusy = expected + this.#begunCount * average > share;
    if (isBusy && others.some((node) => node.load < share && context.canRun(node, task))) {
      return { ignoreUntil: new Date(nowMs + RETRY_MS) };
    }
    this.#begunCount++;
    return true;
  }

  balance(): string[] {
    const context = this.#context;
    if (!context) return [];
    const gone = this.#departures.amount(context.tasks(), context.now());
    const { others, share } = viewOf(context, gone);
    const tasks = context.tasks().filter(({ stopping }) => !stopping);
    let load = tasks.reduce((sum, task) => sum + task.load, 0);
    const ids: string[] = [];
    if (load <= share * this.#threshold) return ids;
    for (const task of tasks.toSorted((a, b) => b.load - a.load)) {
      if (task.load === 0 || load <= share) break;
      if (load - task.load < share) continue;
      if (!others.some((node) => node.load < share && context.canRun(node, task))) continue;
      load -= task.load;
      ids.push(task.id);
      this.#departures.name(task.id, task.load);
    }
    return ids;
  }
}

/** Counted are this node and those that are up and take tasks. */
function viewOf(context: BalancerContext, goneLoad = 0): View {
  const others = context.cluster().filter(({ self, state, slots }) => !self && state === "up" && slots > 0);
  const tasks = context.tasks();
  const own = tasks.reduce((sum, { load }) => sum + load, 0);
  const total = others.reduce((sum, { load }) => sum + load, own + goneLoad);
  const count = others.reduce((sum, node) => sum + node.tasks, tasks.length);
  const average = count === 0 ? 0 : total / count;
  const nowMs = context.now();
  const youngCount = tasks.filter(({ load, startedMs }) => load === 0 && nowMs - startedMs < YOUNG_MS).length;
  return { others, expected: own + youngCount * average, share: total / (others.length + 1), average };
}
