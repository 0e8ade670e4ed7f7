/**
 * A Coordinator on an engine of this process: carries what the engine decides to network, consumer and
 * clients. Its parts do the work: engine-host.ts, cluster-view.ts, diagnosis.ts and renewals.ts, and for
 * what waits for an answer submits.ts, outcomes.ts, queries.ts, listing.ts and node-commands.ts.
 */
import { type Environment, systemEnvironment } from "../base/environment.ts";
import { StoppedError } from "../base/errors.ts";
import { Engine } from "../protocol/engine.ts";
import type { Effect, EngineEvent, Input } from "../protocol/model/contract.ts";
import type { CommandStatus, NodeCommand, Outcome, SubmitStatus } from "../protocol/model/messages.ts";
import type { NodeId, TaskSpec } from "../protocol/model/types.ts";
import type { Store } from "../store/store.ts";
import type { ClusterHealth } from "./cluster-health.ts";
import { ClusterView } from "./cluster-view.ts";
import type {
  CallOptions,
  ConsumerControl,
  ConsumerPort,
  Coordinator,
  CoordinatorEvent,
  ListPage,
  NodeCommandRequest,
  NodeInfo,
  OwnNode,
  SubmitCallOptions,
  TaskEvent,
  TaskSnapshot,
} from "./coordinator.ts";
import { Renewals } from "./renewals.ts";
import { Diagnosis } from "./diagnosis.ts";
import { EngineHost, type RunnableEffect } from "./engine-host.ts";
import { Listing } from "./listing.ts";
import { NodeClock } from "../base/node-clock.ts";
import { NodeCommandCalls } from "./node-commands.ts";
import { Outcomes } from "./outcomes.ts";
import { Queries } from "./queries.ts";
import { checkStored, engineOptions, type Settings } from "./settings.ts";
import { type CoordinatorStats, statsOf } from "./stats.ts";
import { Submits } from "./submits.ts";
import type { GossipTopic, Transport } from "./transport.ts";

type ConsumerEffect = Extract<
  Effect,
  { readonly type: "start" | "command" | "abort" | "lost" | "settled" }
>;

/** For the last messages of a node that resigns to leave it. */
const FAREWELL_MS = 50;

export interface HostedCoordinatorOptions {
  readonly self: NodeId;
  readonly settings: Settings;
  readonly store: Store;
  /** Null = a cluster of one, in this process. */
  readonly transport: Transport | null;
  readonly node: OwnNode;
  /** @default the system's */
  readonly environment?: Environment;
}

export class HostedCoordinator implements Coordinator {
  readonly self: NodeId;
  readonly name: string;
  readonly control: ConsumerControl;
  readonly #node: OwnNode;
  readonly #store: Store;
  readonly #transport: Transport | null;
  readonly #environment: Environment;
  readonly #host: EngineHost;
  readonly #clusterView: ClusterView;
  readonly #submits: Submits;
  readonly #outcomes: Outcomes;
  readonly #queries: Queries;
  readonly #listing: Listing;
  readonly #nodeCommands: NodeCommandCalls;
  readonly #renewals: Renewals;
  readonly #events: Listeners<CoordinatorEvent> = new Listeners();
  readonly #ready: PromiseWithResolvers<void> = Promise.withResolvers();
  #isReady = false;
  readonly #stopped: AbortController = new AbortController();
  readonly stopped: AbortSignal = this.#stopped.signal;
  readonly stats: () => CoordinatorStats;
  readonly #consumerEffects: ConsumerEffect[] = [];
  #isHindered = false;
  #stopping: Promise<void> | null = null;

  constructor(options: HostedCoordinatorOptions) {
    const { self, settings, store, transport, node, environment = systemEnvironment } = options;
    this.self = self;
    this.name = settings.name;
    this.#node = node;
    this.#store = store;
    this.#transport = transport;
    this.#environment = environment;
    this.#ready.promise.catch(() => {});
    const clock = new NodeClock(environment);
    const engine = new Engine(engineOptions(self, settings, store, environment));
    const push = (input: Input): void => this.#host.push(input);
    const shared = { self, settings, engine, environment, transport };
    const clusterView = new ClusterView({
      ...shared,
      loadOfTasks: () => node.consumer()?.load() ?? 0,
      readLeased: (p) => this.#listing.leased(p, this.#stopped.signal),
      emit: (event) => this.#events.emit(event),
    });
    const { members } = clusterView;
    const diagnosis = new Diagnosis({ ...shared, clock, members });
    this.#clusterView = clusterView;
    this.#submits = new Submits({ push, environment, diagnosis });
    this.#outcomes = new Outcomes(push);
    this.#queries = new Queries({ push, environment, diagnosis, nextRid: () => this.#submits.nextRid() });
    this.#listing = new Listing({
      queries: this.#queries,
      engine,
      partitionCount: settings.partitions,
      diagnosis,
    });
    this.#nodeCommands = new NodeCommandCalls({
      ...{ push, environment, diagnosis },
      refusal: (node, command) => command.type === "leave" ? clusterView.departureRefusal(node) : null,
    });
    this.#renewals = new Renewals({
      everyMs: settings.heartbeatMs / 8,
      validUntilMs: (p) => engine.holder.validUntilMs(p),
    });
    this.control = this.#controlFor({ engine, clock, marginMs: settings.marginMs });
    this.#host = new EngineHost({
      engine,
      store,
      clock,
      environment,
      check: (records) => checkStored(records, settings),
      run: (effect) => this.#run(effect),
      afterRun: () => this.#afterRun(),
      onTrouble: (error) => {
        this.#isHindered = error !== null;
        this.#events.emit({ type: "store", error });
      },
      onBroken: (error) => this.#broke(error),
    });
    this.stats = () =>
      statsOf({
        ...{ engine, transport, clock, partitionCount: settings.partitions, isStoreWell: !this.#isHindered },
        ...{ submitCount: this.#submits.count, commits: this.#host.commits },
        ...{ health: clusterView.health(), outside: diagnosis.outside },
      });
  }

  #controlFor({ engine, clock, marginMs }: {
    readonly engine: Engine;
    readonly clock: NodeClock;
    readonly marginMs: number;
  }): ConsumerControl {
    return {
      marginMs,
      mayBegin: (p, fence) => engine.holder.mayBegin(p, fence, clock.read().leaseMs),
      offer: (slots, handlers, standing, limits = {}) => {
        this.#clusterView.stand(standing);
        this.#clusterView.offer(slots, handlers);
        this.#host.push({ type: "capacity", slots, handlers, standing, limits });
      },
      settle: ({ p, id, fence, seq, upTo }, settlement) =>
        this.#host.push({ type: "settle", p, id, fence, seq, upTo, settlement }),
      leaseMs: () => clock.read().leaseMs,
      validUntilMs: (p) => engine.holder.validUntilMs(p),
      onRenewed: (p, callback) => this.#renewals.on(p, callback),
    };
  }

  get addresses(): readonly string[] {
    return this.#transport?.addresses ?? [];
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** The store takes nothing at the moment: what is asked here gets no answer. */
  get isHindered(): boolean {
    return this.#isHindered;
  }

  // ---- from the network ----------------------------------------------------------------------------------

  /** What the transport has for the engine. */
  input(input: Input): void {
    this.#host.push(input);
    if (input.type === "peer" && input.up) this.#nodeCommands.peersChanged();
  }

  gossip(topic: GossipTopic, from: NodeId, data: Uint8Array): void {
    if (!this.#clusterView.receive(topic, from, data)) {
      this.rejected(from, `gossip about ${topic} that makes no sense`);
    }
  }

  rejected(peer: NodeId | "", reason: string): void {
    this.#events.emit({ type: "rejected", peer, reason });
  }

  unreachable(address: string, reason: string): void {
    this.#events.emit({ type: "unreachable", address, reason });
  }

  listenTrouble = (address: string, reason: string): void =>
    this.#events.emit({ type: "listenTrouble", address, reason });

  // ---- from the engine -----------------------------------------------------------------------------------

  #run(effect: RunnableEffect): void {
    switch (effect.type) {
      case "send":
        return this.#transport?.send(effect.to, effect.messages);
      case "submitted":
        return this.#submits.answered(effect.rid, effect.status);
      case "outcome":
        return this.#outcomes.ended(effect.outcome);
      case "answer":
        return this.#queries.answered(effect.rid, effect);
      case "commanded":
        return this.#queries.answered(effect.rid, effect.status);
      case "start":
      case "command":
      case "abort":
      case "lost":
      case "settled":
        this.#consumerEffects.push(effect);
        return;
      case "event":
        return this.#onEngineEvent(effect.event);
      default:
        return effect satisfies never;
    }
  }

  /** Handlers run after everything has left: what they do before their first await holds up nobody. */
  #afterRun(): void {
    this.#clusterView.flush();
    if (this.#consumerEffects.length > 0) {
      const effects = this.#consumerEffects.splice(0);
      const consumer = this.#node.consumer();
      // what must stop hears of it before anything begins: a handler that computes holds up all that follows
      const [ends, others] = [effects.filter(isEnd), effects.filter((effect) => !isEnd(effect))];
      for (const effect of [...ends, ...others]) if (consumer) notifyConsumer(consumer, effect);
    }
    this.#renewals.poll(this.#environment.monoMs());
    this.#clusterView.tick();
  }

  #onEngineEvent(event: EngineEvent): void {
    switch (event.type) {
      case "roster":
        return this.#transport?.setCluster(event.isSettled ? event.roster.cluster : "");
      case "left":
        this.#isReady = false;
        return this.#events.emit({ type: "left", why: event.why });
      case "refused":
      case "clockBehind":
        return this.#events.emit(event);
      case "ready":
        this.#isReady = true;
        this.#clusterView.tick();
        this.#events.emit(event);
        return this.#ready.resolve();
      case "quorum":
        return this.#events.emit(event);
      case "steward":
        return this.#clusterView.stewardIs(event.p, event.node);
      case "rejected":
        return this.#events.emit({ type: "rejected", peer: event.from, reason: event.reason });
      case "ownership":
        return this.#clusterView.own(event.p, event.changes);
      case "nodeCommand":
        // after everything has left, like handlers
        return void this.#environment.setImmediate(() => this.#onNodeCommand(event.cid, event.command));
      case "nodeCommandAnswered":
        return this.#nodeCommands.answered(event.cid, event.status);
      case "condemned":
        return;
      default:
        return event satisfies never;
    }
  }

  #onNodeCommand(cid: number, command: NodeCommand): void {
    if (this.#stopped.signal.aborted) return;
    const status = this.#node.onNodeCommand(command);
    if (status !== null) this.#host.push({ type: "nodeCommandDone", cid, status });
  }

  #broke(error: unknown): void {
    this.#events.emit({ type: "broken", error });
    void this.stop();
  }

  // ---- Coordinator ---------------------------------------------------------------------------------------

  submit(specs: readonly TaskSpec[], options: SubmitCallOptions): Promise<readonly SubmitStatus[]> {
    return this.#refused("submit tasks") ?? this.#submits.submit(specs, options);
  }

  outcome(id: string, signal?: AbortSignal): Promise<Outcome> {
    return this.#refused(`wait for task ${JSON.stringify(id)}`) ?? this.#outcomes.wait(id, signal);
  }

  get(id: string, options: CallOptions): Promise<TaskSnapshot | undefined> {
    return this.#refused(`read task ${JSON.stringify(id)}`) ?? this.#listing.get(id, options);
  }

  command(...[id, cid, message, options]: Parameters<Coordinator["command"]>): Promise<CommandStatus> {
    return this.#refused(`command task ${JSON.stringify(id)}`) ??
      this.#queries.command(id, cid, message, options);
  }

  list(...[filter, from, options]: Parameters<Coordinator["list"]>): Promise<ListPage> {
    return this.#refused("list tasks") ?? this.#listing.page(filter, from, options);
  }

  nodes(): Promise<readonly NodeInfo[]> {
    return this.#refused("list nodes") ?? Promise.resolve(this.members());
  }

  commandNode(request: NodeCommandRequest, options: CallOptions): Promise<void> {
    return this.#refused("command a node") ?? this.#nodeCommands.call(request, options);
  }

  health(): Promise<ClusterHealth> {
    return this.#refused("say how the cluster stands") ?? Promise.resolve(this.#clusterView.health());
  }

  members = (): readonly NodeInfo[] => this.#clusterView.infos();
  offerOf = (node: NodeId): ReturnType<Coordinator["offerOf"]> => this.#clusterView.members.offerOf(node);

  watch(signal: AbortSignal): AsyncIterable<readonly TaskEvent[] | null> {
    return this.#clusterView.watch(AbortSignal.any([signal, this.#stopped.signal]));
  }

  on(listener: (event: CoordinatorEvent) => void): () => void {
    return this.#events.on(listener);
  }

  ready(signal?: AbortSignal): Promise<void> {
    return signal ? abortable(this.#ready.promise, signal) : this.#ready.promise;
  }

  async resign(): Promise<void> {
    this.#host.push({ type: "resign" });
    this.#clusterView.resign();
    await new Promise<void>((resolve) => this.#environment.setImmediate(resolve));
    if (this.#transport) {
      await new Promise<void>((resolve) => this.#environment.setTimeout(resolve, FAREWELL_MS));
    }
  }

  leaveRefusal(): Error | null {
    return this.#clusterView.departureRefusal(this.self);
  }

  async leave(signal: AbortSignal, isPatient: boolean): Promise<void> {
    const left = this.#events.next((event) => event.type === "left", signal);
    if (!signal.aborted) this.#host.push({ type: "leave", isPatient });
    await left;
  }

  stop(): Promise<void> {
    return this.#stopping ??= this.#stop();
  }

  async #stop(): Promise<void> {
    this.#stopped.abort();
    for (const each of [this.#submits, this.#outcomes, this.#queries, this.#nodeCommands]) each.stop();
    this.#ready.reject(new StoppedError("Cannot wait for the cluster: the node stopped"));
    this.#host.stop();
    await this.#transport?.stop();
    await this.#store.close();
  }

  #refused(attempt: string): Promise<never> | undefined {
    if (!this.#stopped.signal.aborted) return undefined;
    return Promise.reject(new StoppedError(`Cannot ${attempt}: the node has stopped`));
  }
}

function isEnd({ type }: ConsumerEffect): boolean {
  return type === "abort" || type === "lost";
}

function notifyConsumer(consumer: ConsumerPort, effect: ConsumerEffect): void {
  switch (effect.type) {
    case "start":
      return consumer.start(effect.p, effect.task);
    case "command":
      return consumer.command(effect.p, effect.fence, effect.no, effect.message);
    case "abort":
      return consumer.abort(effect.p, effect.fence);
    case "lost":
      return consumer.lost(effect.p, effect.fence, effect.reason);
    case "settled":
      return consumer.settled(effect.p, effect.fence, effect.seq, effect.accepted);
    default:
      return effect satisfies never;
  }
}

/** Settles like the promise, or rejects with the signal's reason when that aborts first. */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Those who listen for events: called at once and in order. */
class Listeners<E> {
  readonly #listeners: Set<(event: E) => void> = new Set();

  /** Returns what ends it. */
  on(listener: (event: E) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: E): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** Resolves at the next event that fits, or when the signal aborts. */
  next(fits: (event: E) => boolean, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const off = this.on((event) => fits(event) && done());
      const done = (): void => {
        off();
        signal.removeEventListener("abort", done);
        resolve();
      };
      signal.addEventListener("abort", done, { once: true });
    });
  }
}
