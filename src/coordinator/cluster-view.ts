/**
 * What a node hears and says beside the protocol: members' news, the ownership view, and the events made from
 * them. They are hints for people, clients and balancers.
 */
import type { OwnershipChange } from "../protocol/model/contract.ts";
import type { Engine } from "../protocol/engine.ts";
import type { Standing } from "../protocol/model/messages.ts";
import { hashText } from "../protocol/context/ring.ts";
import type { NodeId } from "../protocol/model/types.ts";
import type { Environment } from "../base/environment.ts";
import { type ClusterHealth, clusterHealth } from "./cluster-health.ts";
import type { CoordinatorEvent, NodeInfo, TaskEvent } from "./coordinator.ts";
import { departureRefusal } from "./departure.ts";
import { EventFeed } from "./event-feed.ts";
import { encodeMember, type MemberNews, type MemberOffer, type MemberState } from "./gossip-codec.ts";
import { Members } from "./members.ts";
import type { Settings } from "./settings.ts";
import type { GossipTopic, Transport } from "./transport.ts";
import { OwnershipSync } from "./ownership-sync.ts";

const LOOK_EVERY_MS = 400;
/** News of a member is published this often at most. */
const NEWS_EVERY_MS = 2000;
/** What has not changed is published again after this time, since gossip gets lost, */
const NEWS_AGAIN_MS = 10_000;
/** and from then on in this interval. */
const NEWS_REPEATED_MS = 30_000;
/** For this time after a member came up everything counts as news: gossip finds newcomers late. */
const NEWCOMER_MS = 5000;

export interface ClusterViewOptions {
  readonly self: NodeId;
  readonly settings: Settings;
  readonly engine: Engine;
  readonly environment: Environment;
  readonly transport: Transport | null;
  /** The sum of the loads that the tasks running here report. */
  readonly loadOfTasks: () => number;
  readonly readLeased: (p: number) => Promise<readonly OwnershipChange[]>;
  readonly emit: (event: CoordinatorEvent) => void;
}

export class ClusterView {
  readonly members: Members;
  readonly #options: ClusterViewOptions;
  readonly #views: OwnershipSync;
  readonly #feed: EventFeed<OwnershipChange> = new EventFeed();
  #lookedMs = -Infinity;
  #newsMs = -Infinity;
  /** When the news is published again although nothing has changed. */
  #againMs = -Infinity;
  #publishedBusyness = "";
  /** Somebody came up who may not have heard of this node yet. */
  #newcomerMs = -Infinity;
  /** What this node says of itself. */
  #state: MemberState = "up";
  #isFrozen = false;
  #offer: Pick<MemberOffer, "slots" | "handlers"> = { slots: 0, handlers: [] };

  constructor(options: ClusterViewOptions) {
    const { self, settings, engine, transport, readLeased, emit } = options;
    this.#options = options;
    this.#views = new OwnershipSync({
      self,
      environment: options.environment,
      publish: (topic, data) => transport?.publish(topic, data),
      readLeased,
      onNews: (news) => this.#feed.publish(news),
    });
    this.members = new Members({
      self,
      labels: settings.labels,
      heartbeatMs: settings.heartbeatMs,
      transport,
      engine,
      own: () => this.#ownNews(),
      tasksOf: (node) => this.#views.view.countOf(node),
      onChange: (node, name, up) => {
        if (up) this.#newcomerMs = options.environment.monoMs();
        emit({ type: "member", node, name, up });
      },
      onOffer: (node) => emit({ type: "offer", node }),
    });
  }

  /** False when it makes no sense. */
  receive(topic: GossipTopic, from: NodeId, data: Uint8Array): boolean {
    const { self, engine } = this.#options;
    if (from === self || !engine.roster?.members.some((member) => member.id === from)) return true;
    const nowMs = this.#options.environment.monoMs();
    if (topic === "members") return this.members.onNews(from, data);
    if (topic === "ownership") return this.#views.onOwnership(data, nowMs);
    return this.#views.onDigests(from, data, nowMs);
  }

  stewardIs(p: number, node: NodeId): void {
    this.#views.stewardIs(p, node, this.#options.environment.monoMs());
  }

  /** News of a partition that this node stewards. */
  own(p: number, changes: readonly OwnershipChange[]): void {
    this.#views.own(p, changes, this.#options.environment.monoMs());
  }

  /** Publishes what has gathered: once a turn. */
  flush(): void {
    this.#views.flush();
  }

  /** After every step of the engine; looks around a few times a second. */
  tick(): void {
    const nowMs = this.#options.environment.monoMs();
    if (nowMs - this.#lookedMs < LOOK_EVERY_MS) return;
    this.#look(nowMs);
    this.#options.emit({ type: "looked" });
  }

  #look(nowMs: number): void {
    this.#lookedMs = nowMs;
    this.members.poll(nowMs);
    this.#views.tick(nowMs);
    const { transport, engine } = this.#options;
    if (transport && engine.roster && nowMs - this.#newsMs >= NEWS_EVERY_MS) this.#repeatNews(nowMs);
  }

  #repeatNews(nowMs: number): void {
    this.#newsMs = nowMs;
    const isNews = this.#publishedBusyness !== this.#busyness || nowMs - this.#newcomerMs < NEWCOMER_MS;
    if (!isNews && nowMs < this.#againMs) return;
    this.#publishNews();
    if (!isNews) this.#againMs = nowMs + NEWS_REPEATED_MS;
  }

  /** What changes while it works; the rest is published when it changes. */
  get #busyness(): string {
    return `${this.#options.engine.status().heldCount} ${this.#options.loadOfTasks()}`;
  }

  /** Whether this node takes tasks; a change is published at once. */
  stand(standing: Standing): void {
    const isFrozen = standing === "frozen";
    const isNews = isFrozen !== this.#isFrozen || (standing === "draining" && this.#state === "up");
    this.#isFrozen = isFrozen;
    if (standing === "draining") this.#state = "draining";
    if (isNews && this.#options.engine.roster) this.#publishNews();
  }

  /** This node takes so many tasks of these names; a change is published at once. */
  offer(slots: number, names: readonly string[]): void {
    const before = this.#offer;
    this.#offer = { slots: names.length === 0 ? 0 : slots, handlers: names.map(hashText) };
    const isNews = before.slots !== this.#offer.slots || before.handlers.length !== names.length;
    if (isNews && this.#options.engine.roster) this.#publishNews();
  }

  /** This node leaves by itself: it says so at once. */
  resign(): void {
    this.#state = "stopped";
    this.#publishNews();
  }

  #publishNews(): void {
    this.#newsMs = this.#options.environment.monoMs();
    this.#againMs = this.#newsMs + NEWS_AGAIN_MS;
    this.#publishedBusyness = this.#busyness;
    this.#options.transport?.publish("members", encodeMember(this.#ownNews()));
  }

  infos(): NodeInfo[] {
    return this.members.infos(this.#options.environment.monoMs());
  }

  /** What keeps a member from leaving for good now; null: nothing. */
  departureRefusal(node: NodeId): Error | null {
    const { evictAfterMs } = this.#options.settings;
    return departureRefusal(node, { members: this.infos(), health: this.health(), evictAfterMs });
  }

  health(): ClusterHealth {
    const { engine, environment } = this.#options;
    const status = engine.status();
    const nowMs = environment.monoMs();
    return clusterHealth({
      groups: status.healths,
      members: engine.roster?.members ?? [],
      stateOf: (node) => this.members.stateOf(node, status, nowMs),
    });
  }

  /** First what is leased now, then what changes, until the signal aborts; null where some are missing. */
  async *watch(signal: AbortSignal): AsyncGenerator<readonly TaskEvent[] | null> {
    for await (const batch of this.#feed.read(signal, [...this.#views.view.all()])) {
      yield batch && batch.map((change) => this.#taskEvent(change));
    }
  }

  #taskEvent({ id, state, owner, fence }: OwnershipChange): TaskEvent {
    const ownerName = owner === "" ? null : this.members.nameOf(owner);
    return { id, state, owner: owner === "" ? null : owner, ownerName, fence: String(fence) };
  }

  #ownNews(): MemberNews {
    const { settings, transport, engine, loadOfTasks } = this.#options;
    const { name, version } = settings;
    const load = engine.status().heldCount;
    const [state, frozen] = [this.#state, this.#isFrozen];
    const offer = { ...this.#offer, rate: loadOfTasks() };
    return { name, version, addresses: transport?.addresses ?? [], load, state, frozen, offer };
  }
}
