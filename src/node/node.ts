/**
 * A node: a member of a cluster in this process, with its consumer and its client. Created = started;
 * disposed = drained, then stopped.
 */
import { checkKnown, shown } from "../base/arguments.ts";
import { type Environment, systemEnvironment } from "../base/environment.ts";
import { StoppedError } from "../base/errors.ts";
import { type Client, PortClient } from "../client/client.ts";
import { Balancing } from "../consumer/balancers/balancing.ts";
import { Consumer } from "../consumer/consumer.ts";
import type { HandlerOptions } from "../consumer/handler.ts";
import { ThreadPool } from "../consumer/threads/thread-pool.ts";
import type { Coordinator, CoordinatorEvent, NodeInfo, OwnNode } from "../coordinator/coordinator.ts";
import type { CoordinatorStats } from "../coordinator/stats.ts";
import type { NodeCommand, NodeCommandStatus } from "../protocol/model/messages.ts";
import type { TaskDefinition } from "../task/definition.ts";
import { type NodeEventMap, NodeEvents, type NodeEventType } from "./events.ts";
import { handlerOf, type HandlerSource } from "./handler-options.ts";
import type { Node, RunningTaskInfo } from "./node-api.ts";
import type { NodeSettings } from "./options.ts";
import { type ReadyOptions, ReadyWatch } from "./ready-watch.ts";
import { lookoutOf, NodeEventTally, type NodeState, type NodeStats, notReadyReason } from "./stats.ts";

/** For the others to take over what a node keeps that leaves. */
const LEAVE_TIMEOUT_MS = 10_000;

export class RunningNode implements Node {
  readonly client: Client;
  readonly #events: NodeEvents = new NodeEvents();
  readonly #coordinator: Coordinator;
  readonly #settings: NodeSettings;
  readonly #environment: Environment;
  readonly #consumer: Consumer;
  readonly #threads: ThreadPool;
  readonly #balancing: Balancing;
  readonly #readyWatch: ReadyWatch;
  readonly #tally: NodeEventTally = new NodeEventTally();
  readonly #hurried: AbortController = new AbortController();
  #state: NodeState = "starting";
  #draining: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  #hasLeft = false;
  #brokenBy: unknown;

  /** What a coordinator is given of the node that is going to work with it. */
  static viewOf(nodeOnceMade: () => RunningNode | undefined): OwnNode {
    return {
      consumer: () => {
        const node = nodeOnceMade();
        return node ? node.#consumer : null;
      },
      onNodeCommand: (command) => {
        const node = nodeOnceMade();
        return node ? node.#onNodeCommand(command) : null;
      },
    };
  }

  constructor(
    coordinator: Coordinator,
    settings: NodeSettings,
    environment: Environment = systemEnvironment,
  ) {
    this.#coordinator = coordinator;
    this.#settings = settings;
    this.#environment = environment;
    this.#readyWatch = new ReadyWatch({
      environment,
      stopped: coordinator.stopped,
      whyNot: () => this.#notReady(this.#coordinator.stats()),
      onWaiting: (reason) => this.#events.emit("waiting", { reason }),
    });
    this.#threads = new ThreadPool(settings.capacity);
    this.client = new PortClient(coordinator, undefined, environment);
    coordinator.on((event) => this.#onEvent(event));
    this.#consumer = new Consumer({
      control: coordinator.control,
      capacity: settings.capacity,
      environment,
      wants: (type) => this.#events.wants(type),
      emit: (type, info) => this.#events.emit(type, info),
      admit: (task) => this.#balancing.admit(task),
      blockedMinMs: settings.heartbeatMs,
      onCallbackError: (info) => this.#events.fail(info),
      onBlocked: (info) => {
        this.#tally.blocked(info.blockedMs);
        this.#events.emit("loop:blocked", info);
      },
    });
    this.#balancing = new Balancing({
      balancer: settings.balancer,
      everyMs: settings.balanceEveryMs,
      paceMs: settings.balancePaceMs,
      coordinator,
      consumer: this.#consumer,
      environment,
      isFrozen: () => this.#consumer.isFrozen,
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

  handle<I, O, P, R>(
    definition: TaskDefinition<I, O, P, R>,
    handler: HandlerSource<P, R>,
    options?: HandlerOptions,
  ): void {
    if (typeof definition?.name !== "string") {
      throw new TypeError(
        `Cannot add a handler: the definition must come from defineTask, got ${shown(definition)}`,
      );
    }
    const { name } = definition;
    const isolate = this.#threads.handler.bind(this.#threads);
    const made = handlerOf(definition as TaskDefinition, handler, options, isolate);
    if (this.#settings.witness) {
      throw new TypeError(`Cannot add a handler for "${name}": a witness runs no tasks`);
    }
    if (this.#stopping) throw new StoppedError(`Cannot add a handler for "${name}": the node has stopped`);
    this.#consumer.add(made);
  }

  async ready(options: ReadyOptions = {}): Promise<void> {
    await this.#readyWatch.wait(options);
  }

  nodes(): NodeInfo[] {
    return [...this.#coordinator.members()];
  }

  tasks(): RunningTaskInfo[] {
    const wallAtZeroMs = this.#environment.wallMs() - this.#environment.monoMs();
    const timeOf = (monoMs: number): Date => new Date(wallAtZeroMs + monoMs);
    return [...this.#consumer.running()].map(({ task, startedMs, abortedMs }) => ({
      id: task.id,
      name: task.name,
      fence: BigInt(task.fence),
      attempt: task.attempt,
      started: timeOf(startedMs),
      stopped: abortedMs === null ? null : timeOf(abortedMs),
    }));
  }

  stats(): NodeStats {
    const stats = this.#coordinator.stats();
    const { hasQuorum, counts } = this.#tally;
    return {
      ...stats,
      ...counts,
      hasQuorum,
      notReady: this.#notReady(stats),
      capacity: this.#settings.capacity,
      runningCount: this.#consumer.runningCount,
      attempts: this.#consumer.attempts.byName,
    };
  }

  #notReady(stats: CoordinatorStats): string | null {
    const { hasQuorum } = this.#tally;
    return notReadyReason({ ...stats, state: this.#state, hasQuorum, lookout: lookoutOf(this.#settings) });
  }

  addEventListener<K extends NodeEventType>(
    type: K,
    listener: ((event: CustomEvent<NodeEventMap[K]>) => void) | null,
    options?: AddEventListenerOptions | boolean,
  ): void {
    this.#events.addEventListener(type, listener, options);
    if (type === "loop:blocked") this.#consumer.watchLoop();
  }

  removeEventListener<K extends NodeEventType>(
    type: K,
    listener: ((event: CustomEvent<NodeEventMap[K]>) => void) | null,
    options?: EventListenerOptions | boolean,
  ): void {
    this.#events.removeEventListener(type, listener, options);
  }

  get frozen(): boolean {
    return this.#consumer.isFrozen;
  }

  freeze(): void {
    if (!this.#stopping && this.#consumer.freeze(true)) this.#events.emit("frozen", {});
  }

  unfreeze(): void {
    if (!this.#stopping && this.#consumer.freeze(false)) this.#events.emit("unfrozen", {});
  }

  balance(): void {
    this.#balancing.balance();
  }

  #onNodeCommand(command: NodeCommand): NodeCommandStatus {
    switch (command.type) {
      case "freeze":
      case "unfreeze":
      case "balance":
        this[command.type]();
        return "done";
      case "drain":
        // it is answered when it has begun: `nodes` shows when it is over
        void this.drain();
        return "done";
      case "leave":
        if (this.#coordinator.leaveRefusal() !== null) return "refused";
        // answered when it has begun, like a drain
        void this.leave();
        return "done";
      case "stopTask":
        return this.#consumer.stopTask(command.id) ? "done" : "missing";
      default:
        return command satisfies never;
    }
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
    const timer = this.#environment.setTimeout(late.resolve, this.#settings.drainTimeoutMs);
    this.#hurried.signal.addEventListener("abort", () => late.resolve(), { once: true });
    if (this.#hurried.signal.aborted) late.resolve();
    await Promise.race([idle, late.promise]);
    this.#environment.clearTimeout(timer);
  }

  stop(options: { readonly now?: boolean; readonly leave?: boolean } = {}): Promise<void> {
    checkKnown("stop the node", options, ["now", "leave"]);
    if (options.now) this.#hurried.abort();
    const leave = options.leave ?? !this.#settings.store.isDurable;
    this.#stopping ??= this.#stop(options.now ?? false, leave);
    return this.#stopping;
  }

  async leave(): Promise<void> {
    const refusal = this.#stopping ? null : this.#coordinator.leaveRefusal();
    if (refusal) throw refusal;
    this.#stopping ??= this.#stop(false, true, Infinity);
    await this.#stopping;
  }

  async #stop(now: boolean, leave: boolean, leaveTimeoutMs: number = LEAVE_TIMEOUT_MS): Promise<void> {
    if (!now) {
      await this.drain();
      if (leave) await this.#leave(leaveTimeoutMs);
      await this.#coordinator.resign();
    }
    this.#state = "stopped";
    this.#consumer.lose();
    await this.#threads.end();
    await this.#coordinator.stop();
    this.#events.emit("stopped", {
      ...(this.#brokenBy === undefined ? {} : { error: this.#brokenBy }),
      ...(this.#hasLeft ? { left: true } : {}),
    });
  }

  async #leave(timeoutMs: number): Promise<void> {
    const late = new AbortController();
    const isPatient = timeoutMs === Infinity;
    const timer = isPatient ? null : this.#environment.setTimeout(() => late.abort(), timeoutMs);
    await this.#coordinator.leave(AbortSignal.any([late.signal, this.#hurried.signal]), isPatient);
    if (timer !== null) this.#environment.clearTimeout(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #onEvent(event: CoordinatorEvent): void {
    this.#tally.note(event);
    switch (event.type) {
      case "looked":
        return this.#readyWatch.look(this.#stopping !== null || this.#draining !== null);
      case "ready":
        if (this.#state === "starting") this.#state = "ready";
        this.#readyWatch.look(false);
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
        this.#hasLeft ||= event.why === "left";
        if (this.#state === "ready") this.#state = "starting";
        if (event.why === "evicted") this.#events.emit("evicted", {});
        return;
      case "refused":
        return this.#events.emit("join:refused", { reason: event.reason });
      case "rejected":
        return this.#events.emit("peer:rejected", { peer: event.peer, reason: event.reason });
      case "clockBehind":
        return this.#events.emit("clock:behind", { node: event.node, behindMs: event.behindMs });
      case "unreachable":
        return this.#events.emit("join:unreachable", { address: event.address, reason: event.reason });
      case "listenTrouble":
        return this.#events.emit("listen:trouble", { address: event.address, reason: event.reason });
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
