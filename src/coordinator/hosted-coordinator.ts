/**
 * A Coordinator on an engine of this process. What the engine decides goes out here: to the network, to the
 * consumer, to whoever waits for an answer. The parts do the work: engine-host.ts, submits.ts, outcomes.ts,
 * queries.ts, view-keeper.ts, members.ts, deadlines.ts.
 */
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
import { noQuorumError, quorumTrouble, type QuorumView } from "./no-quorum.ts";
import { Outcomes } from "./outcomes.ts";
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
  readonly #clock: NodeClock = new NodeClock();
  readonly #engine: Engine;
  readonly #host: EngineHost;
  readonly #submits: Submits;
  readonly #outcomes: Outcomes;
  readonly #queries: Queries;
  readonly #listing: Listing;
  readonly #views: ViewKeeper;
  readonly #members: Members;
  readonly #deadlines: Deadlines;
  readonly #feed: EventFeed<OwnershipChange> = new EventFeed();
  readonly #listeners: Set<(event: CoordinatorEvent) => void> = new Set();
  readonly #stopped: AbortController = new AbortController();
  readonly #ready: PromiseWithResolvers<void> = Promise.withResolvers();
  readonly #housekeeping: ReturnType<typeof setInterval>;
  #consumer: ConsumerPort | null = null;
  #consumerEffects: ConsumerEffect[] = [];
  #draining = false;
  #memberNewsMs = -Infinity;
  isReady = false;

  constructor(options: HostedCoordinatorOptions) {
    const { self, settings, store, transport } = options;
    this.self = self;
    this.name = settings.name;
    this.#settings = settings;
    this.#store = store;
    this.#transport = transport;
    this.#engine = new Engine(engineOptions(self, settings, store.boot));
    this.#host = new EngineHost({
      engine: this.#engine,
      store,
      clock: this.#clock,
      run: (effect) => this.#run(effect),
      afterRun: () => this.#afterRun(),
      onBroken: (error) => this.#broke(error),
    });
    const push = (input: Input): void => this.#host.push(input);
    const noQuorum = (p: number, attempt: string): Error => noQuorumError(this.#quorumView(), p, attempt);
    this.#submits = new Submits({
      push,
      isReachable: (id) => this.#isReachable(this.#engine.partitionOf(id)),
      noQuorum: (id) =>
        noQuorumError(this.#quorumView(), this.#engine.partitionOf(id), `submit task ${JSON.stringify(id)}`),
      trouble: (id) => quorumTrouble(this.#quorumView(), this.#engine.partitionOf(id)),
    });
    this.#outcomes = new Outcomes(push);
    this.#queries = new Queries({
      push,
      nextRid: () => this.#submits.nextRid(),
      noQuorum: (p) => noQuorum(p, `read from partition ${p}`),
    });
    this.#listing = new Listing({
      queries: this.#queries,
      engine: this.#engine,
      partitionCount: settings.partitions,
      leaseRemainingMs: (p, no) => this.#leaseRemainingMs(p, no),
    });
    this.#views = new ViewKeeper({
      self,
      publish: (topic, data) => transport?.publish(topic, data),
      readLeased: (p) => this.#listing.leased(p, this.#stopped.signal),
      onNews: (news) => this.#feed.publish(news),
    });
    this.#members = new Members({
      self,
      labels: settings.labels,
      heartbeatMs: settings.heartbeatMs,
      transport,
      engine: this.#engine,
      own: () => this.#memberNews(),
      tasksOf: (node) => this.#views.view.countOf(node),
      onChange: (node, name, up) => this.#emit({ type: "member", node, name, up }),
    });
    this.#deadlines = new Deadlines({
      everyMs: settings.heartbeatMs / 8,
      validUntilMs: (p) => this.#engine.worker.validUntilMs(p),
      deadlineMs: (p) => this.#deadlineMs(p),
    });
    this.#ready.promise.catch(() => {});
    this.#housekeeping = setInterval(() => this.#keepHouse(), HOUSEKEEPING_MS);
    this.#host.start();
  }

  get addresses(): readonly string[] {
    return this.#transport?.addresses ?? [];
  }

  // ---- from the network ----------------------------------------------------------------------------------

  /** What the transport has for the engine. */
  input(input: Input): void {
    this.#host.push(input);
    if (input.type === "peer" && input.up) this.#submits.stewardsChanged();
  }

  gossip(topic: GossipTopic, from: NodeId, data: Uint8Array): void {
    if (!this.#engine.roster?.members.some((member) => member.id === from)) return;
    const nowMs = performance.now();
    const isGood = topic === "members"
      ? this.#members.onNews(from, data)
      : topic === "ownership"
      ? this.#views.onOwnership(data, nowMs)
      : this.#views.onDigests(from, data, nowMs);
    if (!isGood) this.rejected(from, `gossip on "${topic}" that makes no sense`);
  }

  rejected(peer: NodeId | "", reason: string): void {
    this.#emit({ type: "rejected", peer, reason });
  }

  // ---- effects -------------------------------------------------------------------------------------------

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
      if (this.#consumer) { for (const effect of effects) tell(this.#consumer, effect); }
    }
    this.#deadlines.poll(performance.now());
  }

  #onEvent(event: EngineEvent): void {
    switch (event.type) {
      case "founded":
        return this.#transport?.setCluster(event.roster.cluster);
      case "ready":
        this.isReady = true;
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

  // ---- what it knows -------------------------------------------------------------------------------------

  #isReachable(p: number): boolean {
    const steward = this.#views.stewardOf(p);
    return steward !== undefined && (steward === this.self || (this.#transport?.isUp(steward) ?? false));
  }

  #quorumView(): QuorumView {
    const status = this.#engine.status();
    const nowMs = performance.now();
    return {
      roster: this.#engine.roster,
      expect: this.#settings.expect,
      connectedCount: 1 + (this.#transport?.upCount ?? 0),
      isUp: (node) => this.#members.isUp(node, status, nowMs),
    };
  }

  #deadlineMs(p: number): number {
    const { leaseMs, wallMs } = this.#clock.read();
    return Math.max(0, wallMs + this.#engine.worker.validUntilMs(p) - leaseMs);
  }

  #leaseRemainingMs(p: number, owner: number): number {
    if (owner === this.#engine.self) {
      return this.#engine.worker.validUntilMs(p) - this.#clock.read().leaseMs;
    }
    const silentMs = performance.now() - this.#engine.status().lastHeardMs(owner);
    return this.#settings.leaseTtlMs - silentMs;
  }

  #memberNews(): MemberNews {
    const { name, version } = this.#settings;
    const load = this.#engine.status().heldCount;
    return { name, version, addresses: this.addresses, load, draining: this.#draining };
  }

  #keepHouse(): void {
    const nowMs = performance.now();
    this.#members.poll(nowMs);
    if (!this.#transport) return;
    this.#views.tick(nowMs);
    if (!this.#engine.roster || nowMs - this.#memberNewsMs < MEMBER_NEWS_EVERY_MS) return;
    this.#memberNewsMs = nowMs;
    this.#transport.publish("members", encodeMember(this.#memberNews()));
  }
}
