/**
 * A node: a member of a cluster in this process, with its consumer and its client. Created = started;
 * disposed = drained, then stopped.
 */
import { Balancing } from "../consumer/balancing.ts";
import { Consumer } from "../consumer/consumer.ts";
import type { HandlerFunction } from "../consumer/handler.ts";
import { isStateful } from "../consumer/stateful.ts";
import type { TaskDefinition } from "../consumer/task-definition.ts";
import { type Ambient, systemAmbient } from "../coordinator/ambient.ts";
import type { Coordinator, CoordinatorEvent, NodeInfo } from "../coordinator/coordinator.ts";
import { StoppedError } from "../coordinator/errors.ts";
import { checkKnown, shown } from "./arguments.ts";
import { type Client, PortClient } from "./client.ts";
import { type NodeEventMap, NodeEvents, type NodeEventType } from "./events.ts";
import type { NodeSettings } from "./options.ts";

/** For the others to take over what a node keeps that leaves. */
const LEAVE_TIMEOUT_MS = 10_000;

export type NodeState = "starting" | "ready" | "draining" | "stopped";

export interface Node extends AsyncDisposable {
  readonly id: string;
  readonly name: string;
  /** Full multiaddrs; none with the embedded coordinator. */
  readonly addresses: readonly string[];
  readonly client: Client;
  readonly state: NodeState;
  /**
   * From now on this node runs tasks of the definition.
   *
   * @throws TypeError when it has a handler for them already; StoppedError
   */
  handle<I, O>(definition: TaskDefinition<I, O>, handler: HandlerFunction<I, O>): void;
  /** Resolves when the cluster serves: every partition has a steward. */
  ready(options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** The members as this node sees them. */
  nodes(): NodeInfo[];
  /** Asks its balancer now, and gives back, one after the other, what others should run. */
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

export class RunningNode implements Node {
  readonly client: Client;
  readonly #events: NodeEvents = new NodeEvents();
  readonly #coordinator: Coordinator;
  readonly #settings: NodeSettings;
  readonly #ambient: Ambient;
  readonly #consumer: Consumer;
  readonly #balancing: Balancing;
  readonly #hurried: AbortController = new AbortController();
  #state: NodeState = "starting";
  #draining: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  #brokenBy: unknown;

  constructor(coordinator: Coordinator, settings: NodeSettings, ambient: Ambient = systemAmbient) {
    this.#coordinator = coordinator;
    this.#settings = settings;
    this.#ambient = ambient;
    this.client = new PortClient(coordinator, undefined, ambient);
    coordinator.on((event) => this.#onEvent(event));
    this.#consumer = new Consumer({
      coordinator,
      capacity: settings.capacity,
      ambient,
      wants: (type) => this.#events.wants(type),
      emit: (type, info) => this.#events.emit(type, info),
      admit: (task) => this.#balancing.admit(task),
    });
    this.#balancing = new Balancing({
      balancer: settings.balancer,
      everyMs: settings.balanceEveryMs,
      paceMs: settings.balancePaceMs,
      coordinator,
      consumer: this.#consumer,
      ambient,
      onError: (info) => this.#events.emit("balancer:error", info),
    });
  }

  get id(): string {
    return this.#coordinator.self;
  }

  get name(): string {
    return this.#coordinator.name;
  }

  get addresses(): readonly string[] {
    return this.#coordinator.addresses;
  }

  get state(): NodeState {
    return this.#state;
  }

  handle<I, O>(definition: TaskDefinition<I, O>, handler: HandlerFunction<I, O>): void {
    if (typeof definition?.name !== "string") {
      throw new TypeError(
        `Cannot add a handler: the definition must come from defineTask, got ${shown(definition)}`,
      );
    }
    const { name } = definition;
    if (typeof handler !== "function") {
      throw new TypeError(`Cannot add a handler for "${name}": it must be a function, got ${shown(handler)}`);
    }
    if (this.#settings.witness) {
      throw new TypeError(`Cannot add a handler for "${name}": a witness runs no tasks`);
    }
    if (this.#stopping) throw new StoppedError(`Cannot add a handler for "${name}": the node has stopped`);
    // the consumer validates the input against the definition before it calls the handler
    this.#consumer.add({
      definition: definition as TaskDefinition,
      run: handler as HandlerFunction<unknown, unknown>,
      isStateful: isStateful(handler),
    });
  }

  async ready(options: { readonly signal?: AbortSignal } = {}): Promise<void> {
    checkKnown("wait for the cluster", options, ["signal"]);
    await this.#coordinator.ready(options.signal);
  }

  nodes(): NodeInfo[] {
    return [...this.#coordinator.members()];
  }

  addEventListener<K extends NodeEventType>(
    type: K,
    listener: ((event: CustomEvent<NodeEventMap[K]>) => void) | null,
    options?: AddEventListenerOptions | boolean,
  ): void {
    this.#events.addEventListener(type, listener, options);
  }

  removeEventListener<K extends NodeEventType>(
    type: K,
    listener: ((event: CustomEvent<NodeEventMap[K]>) => void) | null,
    options?: EventListenerOptions | boolean,
  ): void {
    this.#events.removeEventListener(type, listener, options);
  }

  balance(): void {
    this.#balancing.balance();
  }

  drain(): Promise<void> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  async #drain(): Promise<void> {
    if (this.#state === "stopped") return;
    this.#state = "draining";
    this.#balancing.stop();
    this.#events.emit("draining", {});
    const idle = this.#consumer.drain("drain");
    const late = Promise.withResolvers<void>();
    const timer = this.#ambient.setTimeout(late.resolve, this.#settings.drainTimeoutMs);
    this.#hurried.signal.addEventListener("abort", () => late.resolve(), { once: true });
    if (this.#hurried.signal.aborted) late.resolve();
    await Promise.race([idle, late.promise]);
    this.#ambient.clearTimeout(timer);
  }

  stop(options: { readonly now?: boolean; readonly leave?: boolean } = {}): Promise<void> {
    checkKnown("stop the node", options, ["now", "leave"]);
    if (options.now) this.#hurried.abort();
    const leave = options.leave ?? !this.#settings.store.isDurable;
    this.#stopping ??= this.#stop(options.now ?? false, leave);
    return this.#stopping;
  }

  async #stop(now: boolean, leave: boolean): Promise<void> {
    if (!now) {
      await this.drain();
      if (leave) await this.#leave();
      await this.#coordinator.resign();
    }
    this.#state = "stopped";
    this.#consumer.lose();
    await this.#coordinator.stop();
    this.#events.emit("stopped", this.#brokenBy === undefined ? {} : { error: this.#brokenBy });
  }

  async #leave(): Promise<void> {
    const late = new AbortController();
    const timer = this.#ambient.setTimeout(() => late.abort(), LEAVE_TIMEOUT_MS);
    await this.#coordinator.leave(AbortSignal.any([late.signal, this.#hurried.signal]));
    this.#ambient.clearTimeout(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #onEvent(event: CoordinatorEvent): void {
    switch (event.type) {
      case "ready":
        if (this.#state === "starting") this.#state = "ready";
        return this.#events.emit("ready", { epoch: event.epoch, members: event.members });
      case "quorum":
        return this.#events.emit(event.held ? "quorum:regained" : "quorum:lost", {});
      case "member":
        return this.#events.emit(event.up ? "member:up" : "member:down", {
          node: event.node,
          name: event.name,
        });
      case "offer":
        return;
      case "left":
        if (this.#state === "ready") this.#state = "starting";
        if (event.why === "evicted") this.#events.emit("evicted", {});
        return;
      case "refused":
        return this.#events.emit("join:refused", { reason: event.reason });
      case "rejected":
        return this.#events.emit("peer:rejected", { peer: event.peer, reason: event.reason });
      case "store":
        if (event.error === null) return this.#events.emit("store:recovered", {});
        return this.#events.emit("store:trouble", { code: event.error.code, error: event.error });
      case "broken":
        this.#brokenBy = event.error;
        void this.stop({ now: true });
        return;
      default:
        return event satisfies never;
    }
  }
}
