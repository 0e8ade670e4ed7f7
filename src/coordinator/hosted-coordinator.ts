/**
 * A Coordinator on an engine of this process: tells network, consumer and clients what the engine decides.
 * The parts do the work: engine-host.ts, client-requests.ts, cluster-view.ts, diagnosis.ts, deadlines.ts.
 */
import { type Ambient, systemAmbient } from "../base/environment.ts";
import { StoppedError } from "../base/errors.ts";
import { Engine } from "../protocol/engine.ts";
import type { Effect, Input } from "../protocol/model/contract.ts";
import type {
  CommandStatus,
  NodeCommand,
  NodeCommandStatus,
  Outcome,
  SubmitStatus,
} from "../protocol/model/messages.ts";
import type { NodeId, TaskSpec } from "../protocol/model/types.ts";
import type { Store } from "../store/store.ts";
import { ClientRequests } from "./client-requests.ts";
import { Hearsay } from "./cluster-view.ts";
import { consumerControl, type ConsumerEffect, tellConsumer } from "./consumer-link.ts";
import type {
  CallOptions,
  ConsumerControl,
  ConsumerPort,
  Coordinator,
  CoordinatorEvent,
  ListPage,
  NodeInfo,
  NodeOrder,
  TaskEvent,
  TaskSnapshot,
} from "./coordinator.ts";
import { Deadlines } from "./deadlines.ts";
import { Outlook } from "./diagnosis.ts";
import { EngineEvents } from "./engine-events.ts";
import { EngineHost } from "./engine-host.ts";
import { NodeClock } from "./node-clock.ts";
import { checkStored, engineOptions, type Settings } from "./settings.ts";
import { type CoordinatorStats, statsOf } from "./stats.ts";
import type { GossipTopic, Transport } from "./transport.ts";

/** For the last messages of a node that resigns to leave it. */
const FAREWELL_MS = 50;

export interface HostedCoordinatorOptions {
  readonly self: NodeId;
  readonly settings: Settings;
  readonly store: Store;
  /** Null = a cluster of one, in this process. */
  readonly transport: Transport | null;
  /** @default the system's */
  readonly ambient?: Ambient;
}

export class HostedCoordinator implements Coordinator {
  readonly self: NodeId;
  readonly name: string;
  readonly #store: Store;
  readonly #transport: Transport | null;
  readonly #ambient: Ambient;
  readonly #host: EngineHost;
  readonly #requests: ClientRequests;
  readonly #hearsay: Hearsay;
  readonly #outlook: Outlook;
  readonly #deadlines: Deadlines;
  readonly #engineEvents: EngineEvents;
  readonly #events: Listeners<CoordinatorEvent> = new Listeners();
  readonly #stopped: AbortController = new AbortController();
  readonly stopped: AbortSignal = this.#stopped.signal;
  readonly stats: () => CoordinatorStats;
  #consumer: ConsumerPort | null = null;
  readonly #consumerEffects: ConsumerEffect[] = [];
  /** The store takes nothing at the moment: what is asked here gets no answer. */
  isHindered = false;
  #stopping: Promise<void> | null = null;

  constructor({ self, settings, store, transport, ambient = systemAmbient }: HostedCoordinatorOptions) {
    this.self = self;
    this.name = settings.name;
    this.#store = store;
    this.#transport = transport;
    this.#ambient = ambient;
    const clock = new NodeClock(ambient);
    const engine = new Engine(engineOptions(self, settings, store, ambient));
    this.#host = new EngineHost({
      engine,
      store,
      clock,
      ambient,
      check: (records) => checkStored(records, settings),
      run: (effect) => this.#run(effect),
      afterRun: () => this.#afterRun(),
      onBroken: (error) => this.#broke(error),
    });
    this.#hearsay = new Hearsay({
      self,
      settings,
      engine,
      ambient,
      transport,
      readLeased: (p) => this.#requests.leased(p, this.#stopped.signal),
      emit: (event) => this.#events.emit(event),
    });
    const { members } = this.#hearsay;
    const stewardOf = (p: number): NodeId | undefined => this.#hearsay.stewardOf(p);
    this.stats = () =>
      statsOf({
        ...{ engine, transport, clock, partitionCount: settings.partitions, isStoreWell: !this.isHindered },
        ...{ submitCount: this.#requests.submitCount, commits: this.#host.commits },
      });
    this.#outlook = new Outlook({ self, settings, engine, clock, ambient, transport, members, stewardOf });
    this.#requests = new ClientRequests({
      push: (input) => this.#host.push(input),
      engine,
      ambient,
      partitionCount: settings.partitions,
      outlook: this.#outlook,
    });
    this.#deadlines = new Deadlines({
      everyMs: settings.heartbeatMs / 8,
      validUntilMs: (p) => engine.worker.validUntilMs(p),
      deadlineMs: (p) => this.#outlook.deadlineMs(p),
    });
    this.#engineEvents = new EngineEvents({
      host: this.#host,
      ambient,
      transport,
      hearsay: this.#hearsay,
      requests: this.#requests,
      emit: (event) => this.#events.emit(event),
    });
    store.onTrouble = (error) => {
      this.isHindered = error !== null;
      this.#events.emit({ type: "store", error });
    };
    this.#host.start();
  }

  get addresses(): readonly string[] {
    return this.#transport?.addresses ?? [];
  }

  get isReady(): boolean {
    return this.#engineEvents.isReady;
  }

  // ---- from the network ----------------------------------------------------------------------------------

  /** What the transport has for the engine. */
  input(input: Input): void {
    this.#host.push(input);
    if (input.type === "peer" && input.up) this.#requests.stewardsChanged();
  }

  gossip(topic: GossipTopic, from: NodeId, data: Uint8Array): void {
    if (!this.#hearsay.receive(topic, from, data)) {
      this.rejected(from, `gossip about ${topic} that makes no sense`);
    }
  }

  rejected(peer: NodeId | "", reason: string): void {
    this.#events.emit({ type: "rejected", peer, reason });
  }

  unreachable = (address: string, reason: string): void =>
    this.#events.emit({ type: "unreachable", address, reason });

  listenTrouble = (address: string, reason: string): void =>
    this.#events.emit({ type: "listenTrouble", address, reason });

  // ---- from the engine -----------------------------------------------------------------------------------

  #run(effect: Exclude<Effect, { readonly type: "persist" }>): void {
    switch (effect.type) {
      case "send":
        return this.#transport?.send(effect.to, effect.messages);
      case "submitted":
      case "commanded":
      case "outcome":
      case "answer":
        return this.#requests.take(effect);
      case "start":
      case "tell":
      case "abort":
      case "lost":
      case "settled":
        this.#consumerEffects.push(effect);
        return;
      case "event":
        return this.#engineEvents.take(effect.event);
      default:
        return effect satisfies never;
    }
  }

  /** Handlers run after everything has left: what they do before their first await holds up nobody. */
  #afterRun(): void {
    this.#hearsay.flush();
    if (this.#consumerEffects.length > 0) {
      const effects = this.#consumerEffects.splice(0);
      for (const effect of effects) if (this.#consumer) tellConsumer(this.#consumer, effect);
    }
    this.#deadlines.poll(this.#ambient.monoMs());
    this.#hearsay.tick();
  }

  #broke(error: unknown): void {
    this.#events.emit({ type: "broken", error });
    void this.stop();
  }

  // ---- Coordinator ---------------------------------------------------------------------------------------

  submit(specs: readonly TaskSpec[], options: CallOptions): Promise<readonly SubmitStatus[]> {
    return this.#refused("submit tasks") ?? this.#requests.submit(specs, options);
  }

  outcome(id: string, signal?: AbortSignal): Promise<Outcome> {
    return this.#refused(`wait for task ${JSON.stringify(id)}`) ?? this.#requests.outcome(id, signal);
  }

  get(id: string, options: CallOptions): Promise<TaskSnapshot | undefined> {
    return this.#refused(`read task ${JSON.stringify(id)}`) ?? this.#requests.get(id, options);
  }

  command(...[id, cid, message, options]: Parameters<Coordinator["command"]>): Promise<CommandStatus> {
    return this.#refused(`tell task ${JSON.stringify(id)}`) ??
      this.#requests.command(id, cid, message, options);
  }

  list(...[filter, from, options]: Parameters<Coordinator["list"]>): Promise<ListPage> {
    return this.#refused("list tasks") ?? this.#requests.list(filter, from, options);
  }

  nodes(): Promise<readonly NodeInfo[]> {
    return this.#refused("list nodes") ?? Promise.resolve(this.members());
  }

  commandNode(order: NodeOrder, options: CallOptions): Promise<void> {
    return this.#refused("command a node") ?? this.#requests.commandNode(order, options);
  }

  members = (): readonly NodeInfo[] => this.#hearsay.infos();
  offerOf = (node: NodeId): ReturnType<Coordinator["offerOf"]> => this.#hearsay.members.offerOf(node);

  watch(signal: AbortSignal): AsyncIterable<readonly TaskEvent[]> {
    return this.#hearsay.watch(AbortSignal.any([signal, this.#stopped.signal]));
  }

  consume(port: ConsumerPort): ConsumerControl {
    this.#hearsay.consumer = this.#consumer = port;
    return consumerControl({
      push: (input) => this.#host.push(input),
      hearsay: this.#hearsay,
      outlook: this.#outlook,
      deadlines: this.#deadlines,
    });
  }

  obey(run: (command: NodeCommand) => NodeCommandStatus): void {
    this.#engineEvents.obey = run;
  }

  on(listener: (event: CoordinatorEvent) => void): () => void {
    return this.#events.on(listener);
  }

  ready(signal?: AbortSignal): Promise<void> {
    return this.#engineEvents.ready(signal);
  }

  async resign(): Promise<void> {
    this.#host.push({ type: "resign" });
    this.#hearsay.state = "stopped";
    this.#hearsay.publishNews();
    await new Promise<void>((resolve) => this.#ambient.setImmediate(resolve));
    if (this.#transport) await new Promise<void>((resolve) => this.#ambient.setTimeout(resolve, FAREWELL_MS));
  }

  async leave(signal: AbortSignal): Promise<void> {
    const left = this.#events.next((event) => event.type === "left", signal);
    if (!signal.aborted) this.#host.push({ type: "leave" });
    await left;
  }

  stop(): Promise<void> {
    return this.#stopping ??= this.#stop();
  }

  async #stop(): Promise<void> {
    this.#stopped.abort();
    this.#requests.stop();
    this.#engineEvents.stop();
    this.#host.stop();
    await this.#transport?.stop();
    await this.#store.close();
  }

  #refused(attempt: string): Promise<never> | undefined {
    if (!this.#stopped.signal.aborted) return undefined;
    return Promise.reject(new StoppedError(`Cannot ${attempt}: the node has stopped`));
  }
}

/** Who is told of events, at once and in order. */
export class Listeners<E> {
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
