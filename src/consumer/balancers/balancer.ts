/**
 * The Balancer: which tasks a node begins and which it gives back so that others run them. Metafora's
 * interface (canClaim, balance), asked by balancing.ts. It decides nothing about who owns what: a task that
 * it refuses or names goes back to its steward, which finds another node.
 */

export interface Balancer {
  /** Called once, before anything else. */
  init?(context: BalancerContext): void;
  /**
   * May the node begin the task? Asked before its handler starts, and again when it is offered again; must
   * answer at once. Without it: everything.
   */
  canClaim?(task: OfferedTask): true | ClaimRefusal;
  /**
   * Ids of the tasks that others should run, the first to go first. They are released one by one. Before each
   * it is asked again, and the first of its new answer goes; in all at most as many as the first answer had.
   * Without it: none.
   */
  balance?(): Iterable<string> | Promise<Iterable<string>>;
  /** How often to ask unless `balanceEveryMs` of the node says. @default 900_000 */
  readonly everyMs?: number;
}

/** Not here, not now. */
export interface ClaimRefusal {
  /** The task is not offered to this node before then. Null: not until something changes. */
  readonly ignoreUntil: Date | null;
}

/** What a balancer knows. */
export interface BalancerContext {
  /** What runs here, in the order of the starts. */
  tasks(): readonly RunningTask[];
  /** The members as this node sees them: hints, a few seconds old. */
  cluster(): readonly ClusterNode[];
  /**
   * As far as this node knows, that node could take the task, and the task would like it there no less: it is
   * up, has a handler, a free slot, and the labels. Never true for tasks that must be apart.
   */
  canRun(node: ClusterNode, task: OfferedTask | RunningTask): boolean;
  /** Wall clock in ms. */
  now(): number;
}

/** A task that was leased to this node and has not begun. */
export interface OfferedTask {
  readonly id: string;
  readonly name: string;
  readonly attempt: number;
  /** As it was submitted, not checked against the definition. @throws TypeError when it cannot be decoded */
  readonly input: unknown;
}

/** A task whose handler runs here. */
export interface RunningTask {
  readonly id: string;
  readonly name: string;
  /** Wall clock in ms. */
  readonly startedMs: number;
  /** The load that it reports: `ctx.load`, or the rate of `ctx.meter`; 0 when it reports none. */
  readonly load: number;
  /** Its handler's signal has aborted. */
  readonly stopping: boolean;
}

/** A member. */
export interface ClusterNode {
  readonly id: string;
  readonly name: string;
  readonly state: "up" | "draining" | "stopped" | "down";
  /** This node. */
  readonly self: boolean;
  /** Tasks that it runs. */
  readonly tasks: number;
  /** The sum of the loads that its tasks report. */
  readonly load: number;
  /** Tasks that it runs at most at once; 0 when it takes none, or has not said yet. */
  readonly slots: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** What went wrong with a balancer. */
export interface BalancerErrorInfo {
  readonly call: "init" | "canClaim" | "balance";
  /** The task that was offered. */
  readonly task?: string;
  readonly error: unknown;
}
