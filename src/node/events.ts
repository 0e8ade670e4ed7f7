/** What a node reports to its program: typed events on an EventTarget. */
import type { AttemptInfo } from "../consumer/attempt-events.ts";
import { ListenerGuard } from "../base/guarded-listeners.ts";
import { callbackError, type CallbackErrorInfo } from "../consumer/callback-error.ts";
import type { BalancerErrorInfo } from "../consumer/balancers/balancer.ts";
import type { LoopBlockedInfo } from "../consumer/loop-watch.ts";
import type { StoreError, StoreErrorCode } from "../store/store-error.ts";

export interface NodeEventMap {
  /** The cluster serves: every partition has a steward. */
  readonly "ready": { readonly epoch: number; readonly members: number };
  /**
   * It is not ready, for 5 s or more: what it waits for. Again when that changes, and each minute.
   */
  readonly "waiting": { readonly reason: string };
  readonly "member:up": { readonly node: string; readonly name: string };
  readonly "member:down": { readonly node: string; readonly name: string };
  /** This node cannot reach a majority of some partition's keepers: what it runs there stops. */
  readonly "quorum:lost": Readonly<Record<string, never>>;
  readonly "quorum:regained": Readonly<Record<string, never>>;
  readonly "task:start": AttemptInfo;
  /** A quorum has recorded the completion. */
  readonly "task:done": AttemptInfo;
  /** A quorum has recorded the error; `reason` is its message. */
  readonly "task:error": AttemptInfo;
  /** The lease ended before the handler did, or what it reported was refused. */
  readonly "task:lost": AttemptInfo;
  /** A quorum has recorded that others may run it. */
  readonly "task:released": AttemptInfo;
  /**
   * The event loop stood still for longer than `heartbeatMs`, because a handler did not let go of it, the
   * process was stopped, or the machine was suspended; from inside they look the same. After `leaseTtlMs` all
   * leases of the node have ended. The event comes when the loop is back.
   */
  readonly "loop:blocked": LoopBlockedInfo;
  /** It was silent for so long that the others went on without it; it asks to be let in again. */
  readonly "evicted": Readonly<Record<string, never>>;
  /** The cluster does not let this node in; it asks again. */
  readonly "join:refused": { readonly reason: string };
  /**
   * Nobody answers at an address of `join`, or its name cannot be looked up; it is tried again. Or a node was
   * found on the network that only its own host can dial. At most once a minute for each address.
   */
  readonly "join:unreachable": { readonly address: string; readonly reason: string };
  /** Nobody could connect at an address of `listen`; `reason` says whether that was mended. */
  readonly "listen:trouble": { readonly address: string; readonly reason: string };
  /**
   * The wall clock of a keeper is behind those of most others. While one more is down, what waits for a time
   * of day may be late by that. Comes on the nodes of stewards, at most every ten minutes for each.
   */
  readonly "clock:behind": { readonly node: string; readonly behindMs: number };
  readonly "peer:rejected": { readonly peer: string; readonly reason: string };
  /**
   * The store cannot write: this node votes on nothing and records nothing until it can. It tries again by
   * itself.
   */
  readonly "store:trouble": { readonly code: StoreErrorCode; readonly error: StoreError };
  readonly "store:recovered": Readonly<Record<string, never>>;
  /** It starts nothing new until it is unfrozen, or its process ends. */
  readonly "frozen": Readonly<Record<string, never>>;
  readonly "unfrozen": Readonly<Record<string, never>>;
  /** What its balancer threw. The task that was offered is declined for a second; nothing is released. */
  readonly "balancer:error": BalancerErrorInfo;
  /**
   * What a callback or a listener of the program threw, or its promise was rejected with. It changes nothing.
   * When nobody listens it is written to stderr.
   */
  readonly "error": CallbackErrorInfo;
  readonly "draining": Readonly<Record<string, never>>;
  /** `error`: the node had to stop by itself. `left`: it is a member no more, and others have its copies. */
  readonly "stopped": { readonly error?: unknown; readonly left?: boolean };
}

export type NodeEventType = keyof NodeEventMap;

/** An EventTarget with typed events that knows whether anybody ever listened. */
export class NodeEvents {
  readonly #target: EventTarget = new EventTarget();
  readonly #wanted: Set<string> = new Set();
  readonly #guard: ListenerGuard = new ListenerGuard((type, error) => {
    const info = callbackError(`listener of ${type}`, error);
    // a listener that hears of its own errors would have no end of them
    if (type === "error") complain(info);
    else this.fail(info);
  });

  addEventListener<K extends NodeEventType>(
    type: K,
    listener: ((event: CustomEvent<NodeEventMap[K]>) => void) | null,
    options?: AddEventListenerOptions | boolean,
  ): void {
    this.#wanted.add(type);
    // what is dispatched under the type is a CustomEvent with that detail
    this.#target.addEventListener(type, this.#guard.guarded(listener as EventListener | null), options);
  }

  removeEventListener<K extends NodeEventType>(
    type: K,
    listener: ((event: CustomEvent<NodeEventMap[K]>) => void) | null,
    options?: EventListenerOptions | boolean,
  ): void {
    this.#target.removeEventListener(type, this.#guard.guarded(listener as EventListener | null), options);
  }

  /** False while nobody has ever listened: then an event need not be made. */
  wants(type: NodeEventType): boolean {
    return this.#wanted.has(type);
  }

  emit<K extends NodeEventType>(type: K, detail: NodeEventMap[K]): void {
    if (this.#wanted.has(type)) this.#target.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** A callback of the program failed. */
  fail(info: CallbackErrorInfo): void {
    if (this.#wanted.has("error")) this.emit("error", info);
    else complain(info);
  }
}

function complain({ source, task, reason }: CallbackErrorInfo): void {
  const whose = task === undefined ? "" : ` of task ${JSON.stringify(task)}`;
  console.error(`stolos: error: ${source}${whose} threw: ${reason}`);
}
