/**
 * Asks the node's balancer: before a task begins, when others can take more than before, at intervals, and on
 * demand. Releases what it names, one after the other. What a balancer throws is reported and costs nothing
 * else.
 */
import type { Environment, TimerHandle } from "../../base/environment.ts";
import type { Coordinator, KnownOffer, NodeInfo } from "../../coordinator/coordinator.ts";
import { hashText } from "../../protocol/context/ring.ts";
import type { GrantedTask } from "../../protocol/model/messages.ts";
import type { Placement, TaskOptions } from "../../protocol/model/types.ts";
import { hearRejection } from "../../base/thrown.ts";
import { decodeValue } from "../../task/values.ts";
import type { Consumer } from "../consumer.ts";
import type {
  Balancer,
  BalancerContext,
  BalancerErrorInfo,
  ClusterNode,
  OfferedTask,
  RunningTask,
} from "./balancer.ts";

/** Metafora's. */
const EVERY_MS = 900_000;
const EVERY_MIN_MS = 10;
/** So that not all nodes balance at once. */
const JITTER_MS_MAX = 10_000;
/** A change of the cluster is over when nothing has changed for this long and up to the jitter more. */
const SETTLED_MS = 3000;
const SETTLED_JITTER_MS = 2000;
/** A balancer that has not answered is not waited for any longer. */
const PATIENCE_MS = 30_000;
/** A task whose offer went wrong is not offered again before. */
const CLAIM_ERROR_MS = 1000;
/** How many refusals are remembered, the newest ones. */
const IGNORED_MAX = 10_000;

export interface BalancingOptions {
  readonly balancer: Balancer;
  /** Null = as the balancer wants it. */
  readonly everyMs: number | null;
  /** Between two releases. */
  readonly paceMs: number;
  readonly coordinator: Pick<Coordinator, "members" | "offerOf" | "on" | "stopped">;
  readonly consumer: Pick<Consumer, "running" | "attemptOf" | "stopTask">;
  readonly environment: Environment;
  /** Then it is asked on demand only. @default never */
  readonly isFrozen?: () => boolean;
  readonly onError: (info: BalancerErrorInfo) => void;
}

/** Balancers that know one node already. */
const IN_USE: WeakSet<Balancer> = new WeakSet();

/** @throws TypeError for a balancer that another node has */
export function checkUnused(attempt: string, balancer: Balancer): void {
  if (!IN_USE.has(balancer)) return;
  throw new TypeError(`Cannot ${attempt}: balancer must be its own, got one that another node has`);
}

export class Balancing {
  readonly #options: BalancingOptions;
  readonly #balancer: Balancer;
  /** Looked at once, at the start: any of its properties may throw. */
  readonly #has: { readonly canClaim: boolean; readonly balance: boolean; readonly everyMs: number };
  readonly #surroundings: Surroundings;
  /** What was refused, until when (monotonic): not offered to the balancer before then. */
  readonly #ignored: Map<string, number> = new Map();
  readonly #unlisten: () => void;
  #tick: TimerHandle | undefined;
  #settling: TimerHandle | undefined;
  #pause: (() => void) | null = null;
  #isAtIt = false;
  #isOver = false;

  constructor(options: BalancingOptions) {
    const { balancer, coordinator } = options;
    this.#options = options;
    this.#balancer = balancer;
    const { canClaim, balance, everyMs = EVERY_MS } = balancer;
    const isGood = typeof everyMs === "number" && everyMs >= EVERY_MIN_MS && everyMs < Infinity;
    this.#has = { canClaim: !!canClaim, balance: !!balance, everyMs: isGood ? everyMs : EVERY_MS };
    this.#surroundings = new Surroundings(options);
    checkUnused("create a node", balancer);
    hearRejection(balancer.init?.(this.#surroundings), (error) => options.onError({ call: "init", error }));
    if (balancer.init) IN_USE.add(balancer);
    this.#unlisten = coordinator.on((event) => {
      // one that is gone makes nobody's share smaller, and its tasks go to the least loaded
      if (event.type === "offer" || (event.type === "member" && event.up)) this.changed();
    });
    coordinator.stopped.addEventListener("abort", () => this.stop(), { once: true });
    this.#armTick();
  }

  /** The node drains or stops. */
  stop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#unlisten();
    this.#options.environment.clearTimeout(this.#tick);
    this.#options.environment.clearTimeout(this.#settling);
    this.#pause?.();
    IN_USE.delete(this.#balancer);
  }

  // ---- what begins ----------------------------------------------------------------------------------------

  /** Null when the task may begin; else for how many ms it shall not be offered here, 0 = until a change. */
  admit(task: GrantedTask): number | null {
    if (!this.#has.canClaim || this.#isOver) return null;
    const nowMs = this.#options.environment.monoMs();
    const leftMs = (this.#ignored.get(task.id) ?? 0) - nowMs;
    this.#ignored.delete(task.id);
    const forMs = leftMs > 0 ? Math.ceil(leftMs) : this.#askClaim(task);
    if (forMs === null || forMs === 0) return forMs;
    this.#ignored.set(task.id, nowMs + (leftMs > 0 ? leftMs : forMs));
    if (this.#ignored.size > IGNORED_MAX) this.#ignored.delete(this.#ignored.keys().next().value as string);
    return forMs;
  }

  #askClaim(task: GrantedTask): number | null {
    try {
      const answer = this.#balancer.canClaim!(this.#surroundings.know(new Offer(task), task.options));
      hearRejection(answer);
      return answer === true ? null : refusedForMs(answer, this.#surroundings.now());
    } catch (error) {
      this.#options.onError({ call: "canClaim", task: task.id, error });
      return CLAIM_ERROR_MS;
    }
  }

  // ---- what goes elsewhere --------------------------------------------------------------------------------

  /** Others may take more than before, or this node goes on: asks when all has settled. */
  changed(): void {
    if (this.#isOver || !this.#has.balance) return;
    const { environment } = this.#options;
    environment.clearTimeout(this.#settling);
    const delayMs = SETTLED_MS + environment.random() * SETTLED_JITTER_MS;
    this.#settling = environment.setTimeout(() => this.#byItself(), delayMs);
  }

  #armTick(): void {
    if (this.#isOver || !this.#has.balance) return;
    const { environment } = this.#options;
    const everyMs = this.#options.everyMs ?? this.#has.everyMs;
    const delayMs = everyMs + environment.random() * Math.min(everyMs, JITTER_MS_MAX);
    this.#tick = environment.setTimeout(() => {
      this.#byItself();
      this.#armTick();
    }, delayMs);
  }

  #byItself(): void {
    if (!this.#options.isFrozen?.()) this.balance();
  }

  /** Asks now, unless it is being asked already. */
  balance(): void {
    if (this.#isOver || this.#isAtIt || !this.#has.balance) return;
    this.#isAtIt = true;
    this.#round().then(() => this.#isAtIt = false, () => this.#isAtIt = false);
  }

  async #round(): Promise<void> {
    const { consumer, paceMs } = this.#options;
    let left = Infinity;
    for (;;) {
      const ids = await this.#ask();
      left = Math.min(left, ids.length);
      const [first] = ids;
      if (first === undefined || this.#isOver) return;
      consumer.stopTask(first, "balance");
      if (--left === 0) return;
      await this.#wait(paceMs);
      if (this.#isOver) return;
    }
  }

  /** What it names that runs here and has not been aborted yet. */
  async #ask(): Promise<string[]> {
    const { consumer, onError } = this.#options;
    let timer: TimerHandle | undefined;
    try {
      const tooLate = new Promise<never>((_, reject) => {
        const error = new Error(`Cannot balance: the balancer has not answered in ${PATIENCE_MS} ms`);
        timer = this.#options.environment.setTimeout(() => reject(error), PATIENCE_MS);
      });
      const ids: Set<string> = new Set();
      let namedMax = 2 * [...consumer.running()].length + IGNORED_MAX;
      for (const id of await Promise.race([this.#balancer.balance!(), tooLate])) {
        if (consumer.attemptOf(id)?.abortReason === null) ids.add(id);
        // an iterable without an end
        if (--namedMax === 0) break;
      }
      return [...ids];
    } catch (error) {
      onError({ call: "balance", error });
      return [];
    } finally {
      this.#options.environment.clearTimeout(timer);
    }
  }

  #wait(ms: number): Promise<void> {
    const { environment } = this.#options;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = environment.setTimeout(resolve, ms);
    this.#pause = resolve;
    return promise.then(() => environment.clearTimeout(timer));
  }
}

class Offer implements OfferedTask {
  readonly id: string;
  readonly name: string;
  readonly attempt: number;
  readonly #payload: Uint8Array;

  constructor({ id, name, attempt, payload }: GrantedTask) {
    this.id = id;
    this.name = name;
    this.attempt = attempt;
    this.#payload = payload;
  }

  get input(): unknown {
    return decodeValue(this.#payload, "input");
  }
}

/** @throws TypeError when it is no refusal */
function refusedForMs(answer: unknown, nowMs: number): number {
  const { ignoreUntil } = (typeof answer === "object" && answer !== null ? answer : {}) as {
    ignoreUntil?: unknown;
  };
  if (ignoreUntil === null) return 0;
  const untilMs = ignoreUntil instanceof Date ? ignoreUntil.getTime() : NaN;
  // 0 would mean until something changes
  if (!Number.isNaN(untilMs)) return Math.max(1, Math.round(untilMs - nowMs));
  throw new TypeError(
    `Cannot ask the balancer: canClaim must return true or { ignoreUntil: Date | null }, got ${
      String(answer)
    }`,
  );
}

/** What a balancer sees: this node's tasks, and the members as the cluster view has them. */
class Surroundings implements BalancerContext {
  readonly #options: BalancingOptions;
  /** What tasks that were shown ask of a node, if they do. */
  readonly #placements: WeakMap<object, Placement> = new WeakMap();

  constructor(options: BalancingOptions) {
    this.#options = options;
  }

  now(): number {
    return this.#options.environment.wallMs();
  }

  tasks(): readonly RunningTask[] {
    const { environment, consumer } = this.#options;
    const wallAtZeroMs = environment.wallMs() - environment.monoMs();
    return [...consumer.running()].map(({ task, startedMs, abortReason, reportedLoad }) => {
      const [load, stopping] = [reportedLoad, abortReason !== null];
      const { id, name, options } = task;
      return this.know({ id, name, startedMs: wallAtZeroMs + startedMs, load, stopping }, options);
    });
  }

  /** Remembers what the task asks of a node, for canRun. */
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
