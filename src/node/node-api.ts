/** A node as its program sees it; node.ts is it. */
import type { Client } from "../client/client.ts";
import type { HandlerOptions } from "../consumer/handler.ts";
import type { NodeInfo } from "../coordinator/coordinator.ts";
import type { TaskDefinition } from "../task/definition.ts";
import type { NodeEventMap, NodeEventType } from "./events.ts";
import type { HandlerSource } from "./handler-options.ts";
import type { ReadyOptions } from "./ready-watch.ts";
import type { NodeState, NodeStats } from "./stats.ts";

/** A task whose handler runs on this node. */
export interface RunningTaskInfo {
  readonly id: string;
  readonly name: string;
  readonly fence: bigint;
  readonly attempt: number;
  readonly started: Date;
  /** When its handler's signal aborted; null before that. */
  readonly stopped: Date | null;
}

export interface Node extends AsyncDisposable {
  readonly id: string;
  readonly name: string;
  /** Full multiaddrs; none with the embedded coordinator. */
  readonly addresses: readonly string[];
  readonly client: Client;
  readonly state: NodeState;
  /**
   * From now on this node runs tasks of the definition. With isolation "thread" the handler is a module, as a
   * URL or a path, whose default export is the function.
   *
   * @throws TypeError, RangeError for bad options, or when it has a handler for them already; StoppedError
   */
  handle<I, O, P, R>(
    definition: TaskDefinition<I, O, P, R>,
    handler: HandlerSource<P, R>,
    options?: HandlerOptions,
  ): void;
  /**
   * Resolves when the node is ready, as /readyz says: every partition has a steward, and to stop one more
   * node would cost no partition its quorum. The event `waiting` says what it waits for.
   *
   * @throws NoQuorumError after `timeoutMs`; StoppedError; the reason of `signal`
   */
  ready(options?: ReadyOptions): Promise<void>;
  /** The members as this node sees them. */
  nodes(): NodeInfo[];
  /** What runs here now, in the order of the starts. */
  tasks(): RunningTaskInfo[];
  /** Numbers, and whether it is ready to work. */
  stats(): NodeStats;
  /** It starts nothing new; what it runs goes on. Lasts as long as the process. */
  readonly frozen: boolean;
  /** Starts nothing new until it is unfrozen. */
  freeze(): void;
  unfreeze(): void;
  /** Asks its balancer now, even if it is frozen; gives back, one by one, what others should run. */
  balance(): void;
  /**
   * Takes no more tasks and gives back those it runs; resolves when all have ended, after drainTimeoutMs at
   * most.
   */
  drain(): Promise<void>;
  /**
   * Drains, hands over what it keeps and leaves the cluster, in drainTimeoutMs and 10 s more at most; a node
   * with a durable store stays a member, for it comes back, unless `leave` is true. `now`: stops at once;
   * others wait for its leases to end.
   */
  stop(options?: { readonly now?: boolean; readonly leave?: boolean }): Promise<void>;
  /**
   * Leaves the cluster for good and stops: gives its tasks back, waits until others keep what it keeps, one
   * node after another, however long that takes. `stop({ now: true })` gives up waiting. Started again, with
   * the same store or another, it is a new member.
   *
   * @throws StateError while a member is gone and one more loss would cost a quorum, for the last member, and
   * outside of a cluster; nothing was done then
   */
  leave(): Promise<void>;
  addEventListener<K extends NodeEventType>(
    type: K,
    listener: ((event: CustomEvent<NodeEventMap[K]>) => void) | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  removeEventListener<K extends NodeEventType>(
    type: K,
    listener: ((event: CustomEvent<NodeEventMap[K]>) => void) | null,
    options?: EventListenerOptions | boolean,
  ): void;
}
