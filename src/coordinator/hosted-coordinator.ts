/**
 * A Coordinator on an engine of this process. What the engine decides goes out here: to the network, to the
 * consumer, to whoever waits for an answer. The parts do the work: engine-host.ts, submits.ts, outcomes.ts,
 * queries.ts with listing.ts, view-keeper.ts, members.ts, outlook.ts, deadlines.ts.
 */
import { setImmediate } from "node:timers";
import type { Effect, EngineEvent, Input, OwnershipChange } from "../protocol/api.ts";
import { Engine } from "../protocol/engine.ts";
import type { Outcome, SubmitStatus } from "../protocol/messages.ts";
import type { NodeId, Settlement, TaskSpec, TaskState } from "../protocol/types.ts";
import type { Store } from "../store/store.ts";
import type {
  CallOptions,
  ConsumerControl,
  ConsumerPort,
  Coordinator,
  CoordinatorEvent,
  ListPage,
  NodeInfo,
  SettledLease,
  TaskEvent,
  TaskSnapshot,
} from "./coordinator.ts";
import { Deadlines } from "./deadlines.ts";
import { EngineHost } from "./engine-host.ts";
import { StoppedError } from "./errors.ts";
import { EventFeed } from "./event-feed.ts";
import { encodeMember, type MemberNews } from "./gossip-codec.ts";
import { Listing } from "./listing.ts";
import { Members } from "./members.ts";
import { NodeClock } from "./node-clock.ts";
import { Outcomes } from "./outcomes.ts";
import { Outlook } from "./outlook.ts";
import { Queries } from "./queries.ts";
import { engineOptions, type Settings } from "./settings.ts";
import { Submits } from "./submits.ts";
import type { GossipTopic, Transport } from "./transport.ts";
import { ViewKeeper } from "./view-keeper.ts";

const HOUSEKEEPING_MS = 500;
const MEMBER_NEWS_EVERY_MS = 2000;
/** For the last messages of a node that resigns to leave it. */
const FAREWELL_MS = 50;

type ConsumerEffect = Extract<Effect, { readonly type: "start" | "abort" | "lost" | "settled" }>;

export interface HostedCoordinatorOptions {
  readonly self: NodeId;
  readonly settings: Settings;
  readonly store: Store;
  /** Null = a cluster of one, in this process. */
  readonly transport: Transport | null;
}

export class HostedCoordinator implements Coordinator {
  readonly self: NodeId;
  readonly name: string;
  readonly #settings: Settings;
  readonly #store: Store;
  readonly #transport: Transport | null;
  readonly #engine: Engine;
  readonly #host: EngineHost;
  readonly #submits: Submits;
  readonly #outcomes: Outcomes;
  readonly #queries: Queries;
  readonly #listing: Listing;
  readonly #views: ViewKeeper;
  readonly #members: Members;
  readonly #outlook: Outlook;
  readonly #deadlines: Deadlines;
  readonly #feed: EventFeed<OwnershipChange> = new EventFeed();
  readonly #listeners: Set<(event: CoordinatorEvent) => void> = new Set();
  readonly #stopped: AbortController = new AbortController();
  readonly #ready: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #housekeeping: ReturnType<typeof setInterval>;
  #consumer: ConsumerPort | null = null;
  #consumerEffects: ConsumerEffect[] = [];
  #isReady = false;
  #isDraining = false;
  #memberNewsMs = -Infinity;

  constructor(options: HostedCoordinatorOptions) {
    const { self, settings, store, transport } = options;
    this.self = self;
    this.name = settings.name;
    this.#settings = settings;
    this.#store = store;
    this.#transport = transport;
    const clock = new NodeClock();
    const engine = new Engine(engineOptions(self, settings, store.boot));
    this.#engine = engine;
    this.#host = new EngineHost({
      engine,
      store,
      clock,
      run: (effect) => this.#run(effect),
      afterRun: () => this.#afterRun(),
      onBroken: (error) => this.#broke(error),
    });
    const push = (input: Input): void => this.#host.push(input);
    this.#members = new Members({
      self,
      labels: settings.labels,
      heartbeatMs: settings.heartbeatMs,
      transport,
      engine,
      own: () => this.#memberNews(),
      tasksOf: (node) => this.#views.view.countOf(node),
      onChange: (node, name, up) => this.#emit({ type: "member", node, name, up }),
    });
    const stewardOf = (p: number): NodeId | undefined => this.#views.stewardOf(p);
    const outlook = new Outlook({ self, settings, engine, clock, transport, members: this.#members, stewardOf });
    this.#outlook = outlook;
    this.#submits = new Submits({
      push,
      isReachable: (id) => outlook.isReachable(id),
      noQuorum: (id) => outlook.cannotSubmit(id),
      trouble: (id) => outlook.trouble(id),
    });
    this.#outcomes = new Outcomes(push);
    this.#queries = new Queries({
      push,
      nextRid: () => this.#submits.nextRid(),
      noQuorum: (p) => outlook.noQuorum(p, `read tasks of partition ${p}`),
    });
    this.#listing = new Listing({
      queries: this.#queries,
      engine,
      partitionCount: settings.partitions,
      leaseRemainingMs: (p, owner) => outlook.leaseRemainingMs(p, owner),
    });
    this.#views = new ViewKeeper({
      self,
      publish: (topic, data) => transport?.publish(topic, data),
      readLeased: (p) => this.#listing.leased(p, this.#stopped.signal),
      onNews: (news) => this.#feed.publish(news),
    });
    this.#deadlines = new Deadlines({
      everyMs: settings.heartbeatMs / 8,
      validUntilMs: (p) => engine.worker.validUntilMs(p),
      deadlineMs: (p) => outlook.deadlineMs(p),
    });
    this.#ready.promise.catch(() => {});
    this.#housekeeping = setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS);
    this.#host.start();
  }

  get addresses(): readonly string[] {
    return this.#transport?.addresses ?? [];
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  // ---- from the network ----------------------------------------------------------------------------------

  /** What the transport has for the engine. */
  input(input: Input): void {
    this.#host.push(input);
    if (input.type === "peer" && input.up) this.#submits.stewardsChanged();
  }

  gossip(topic: GossipTopic, from: NodeId, data: Uint8Array): void {
    if (from === this.self || !this.#engine.roster?.members.some((member) => member.id === from)) return;
    const nowMs = performance.now();
    const isGood = topic === "members"
      ? this.#members.onNews(from, data)
      : topic === "ownership"
      ? this.#views.onOwnership(data, nowMs)
      : this.#views.onDigests(from, data, nowMs);
    if (!isGood) this.rejected(from, `gossip about ${topic} that makes no sense`);
  }

  rejected(peer: NodeId | "", reason: string): void {
    this.#emit({ type: "rejected", peer, reason });
  }

  // ---- from the engine -----------------------------------------------------------------------------------

  #run(effect: Exclude<Effect, { readonly type: "persist" }>): void {
    switch (effect.type) {
      case "send":
        return this.#transport?.send(effect.to, effect.messages);
      case "submitted":
        return this.#submits.answered(effect.rid, effect.status);
      case "outcome":
        return this.#outcomes.ended(effect.outcome);
      case "answer":
        return this.#queries.answered(effect.rid, effect);
      case "start":
      case "abort":
      case "lost":
      case "settled":
        this.#consumerEffects.push(effect);
        return;
      case "event":
        return this.#onEvent(effect.event);
      default:
        return effect satisfies never;
    }
  }

  /** Handlers run after everything has left: what they do before their first await holds up nobody. */
  #afterRun(): void {
    this.#views.flush();
    if (this.#consumerEffects.length > 0) {
      const effects = this.#consumerEffects;
      this.#consumerEffects = [];
      for (const effect of effects) if (this.#consumer) tell(this.#consumer, effect);
    }
    this.#deadlines.poll(performance.now());
  }

  #onEvent(event: EngineEvent): void {
    switch (event.type) {
      case "founded":
        return this.#transport?.setCluster(event.roster.cluster);
      case "ready":
        this.#isReady = true;
        this.#members.poll(performance.now());
        this.#emit(event);
        return this.#ready.resolve();
      case "quorum":
        return this.#emit(event);
      case "steward":
        this.#views.stewardIs(event.p, event.node, performance.now());
        return this.#submits.stewardsChanged();
      case "rejected":
        return this.rejected(event.from, event.reason);
      case "ownership":
        return this.#views.own(event.p, event.changes, performance.now());
      case "condemned":
        return;
      default:
        return event satisfies never;
    }
  }

  #emit(event: CoordinatorEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  #broke(error: unknown): void {
    this.#emit({ type: "broken", error });
    void this.stop();
  }

  #memberNews(): MemberNews {
    const { name, version } = this.#settings;
    const load = this.#engine.status().heldCount;
    return { name, version, addresses: this.addresses, load, draining: this.#isDraining };
  }

  #keepHouse(): void {
    const nowMs = performance.now();
    this.#members.poll(nowMs);
    this.#views.tick(nowMs);
    if (!this.#transport || !this.#engine.roster || nowMs - this.#memberNewsMs < MEMBER_NEWS_EVERY_MS) return;
    this.#memberNewsMs = nowMs;
    this.#transport.publish("members", encodeMember(this.#memberNews()));
  }

  // ---- Coordinator ---------------------------------------------------------------------------------------

  submit(specs: readonly TaskSpec[], options: CallOptions): Promise<readonly SubmitStatus[]> {
    return this.#refused("submit tasks") ?? this.#submits.submit(specs, options);
  }

  outcome(id: string, signal?: AbortSignal): Promise<Outcome> {
    return this.#refused(`wait for task ${JSON.stringify(id)}`) ?? this.#outcomes.wait(id, signal);
  }

  get(id: string, options: CallOptions): Promise<TaskSnapshot | undefined> {
    return this.#refused(`read task ${JSON.stringify(id)}`) ?? this.#listing.get(id, options);
  }

  list(filter: { readonly state?: TaskState }, from: number, options: CallOptions): Promise<ListPage> {
    return this.#refused("list tasks") ?? this.#listing.page(filter, from, options);
  }

  nodes(): Promise<readonly NodeInfo[]> {
    return this.#refused("list nodes") ?? Promise.resolve(this.members());
  }

  members(): readonly NodeInfo[] {
    return this.#members.infos(performance.now());
  }

  async *watch(signal: AbortSignal): AsyncGenerator<readonly TaskEvent[]> {
    const either = AbortSignal.any([signal, this.#stopped.signal]);
    for await (const batch of this.#feed.read(either, [...this.#views.view.all()])) {
      yield batch.map((change) => this.#taskEvent(change));
    }
  }

  #taskEvent({ id, state, owner, fence }: OwnershipChange): TaskEvent {
    const ownerName = owner === "" ? null : this.#members.nameOf(owner);
    return { id, state, owner: owner === "" ? null : owner, ownerName, fence: String(fence) };
  }

  consume(port: ConsumerPort): ConsumerControl {
    this.#consumer = port;
    return {
      offer: (slots, handlers, draining) => {
        this.#isDraining = draining;
        this.#host.push({ type: "capacity", slots, handlers, draining });
      },
      settle: ({ p, id, fence, seq }: SettledLease, settlement: Settlement) =>
        this.#host.push({ type: "settle", p, id, fence, seq, settlement }),
      deadlineMs: (p) => this.#outlook.deadlineMs(p),
      onDeadline: (p, callback) => this.#deadlines.on(p, callback),
    };
  }

  on(listener: (event: CoordinatorEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  ready(signal?: AbortSignal): Promise<void> {
    if (signal === undefined) return this.#ready.promise;
    if (signal.aborted) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const onAbort = (): void => reject(signal.reason);
      signal.addEventListener("abort", onAbort, { once: true });
      this.#ready.promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
    });
  }

  async resign(): Promise<void> {
    this.#host.push({ type: "resign" });
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#transport) await new Promise((resolve) => setTimeout(resolve, FAREWELL_MS));
  }

  async stop(): Promise<void> {
    if (this.#stopped.signal.aborted) return;
    this.#stopped.abort();
    clearInterval(this.#housekeeping);
    this.#submits.stop();
    this.#outcomes.stop();
    this.#queries.stop();
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

function tell(consumer: ConsumerPort, effect: ConsumerEffect): void {
  switch (effect.type) {
    case "start":
      return consumer.start(effect.p, effect.task);
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
