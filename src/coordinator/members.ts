/** The members as this node sees them: from the roster, the connections, the heartbeats and the gossip. */
import type { EngineStatus } from "../protocol/status.ts";
import { DECIDERS, type GroupHealth } from "../protocol/keeper-health.ts";
import type { MemberNo, NodeId, Roster } from "../protocol/model/types.ts";
import type { KnownOffer, NodeInfo } from "./coordinator.ts";
import { decodeMember, type MemberNews, type MemberOffer } from "./gossip-codec.ts";
import type { Transport } from "./transport.ts";

/** A member counts as down here when it has missed so many heartbeats. */
const HEARTBEATS_MISSED_MAX = 2.5;

export interface MembersOptions {
  readonly self: NodeId;
  readonly labels: Readonly<Record<string, string>>;
  readonly heartbeatMs: number;
  readonly transport: Transport | null;
  readonly engine: { readonly roster: Roster | null; status(): EngineStatus };
  /** What this node says of itself now. */
  readonly own: () => MemberNews;
  /** Tasks that a node runs, by the view. */
  readonly tasksOf: (node: NodeId) => number;
  readonly onChange: (node: NodeId, name: string, up: boolean) => void;
  /** A member takes tasks that it did not take before. */
  readonly onOffer: (node: NodeId) => void;
}

export class Members {
  readonly #options: MembersOptions;
  readonly #newsById: Map<NodeId, MemberNews> = new Map();
  readonly #upById: Map<NodeId, boolean> = new Map();
  readonly #nameById: Map<NodeId, string> = new Map();

  constructor(options: MembersOptions) {
    this.#options = options;
  }

  /** False when the message makes no sense. */
  onNews(from: NodeId, data: Uint8Array): boolean {
    const news = decodeMember(data);
    const isMember = this.#options.engine.roster?.members.some((member) => member.id === from) ?? false;
    if (news && isMember) {
      const before = this.#newsById.get(from)?.offer;
      this.#newsById.set(from, news);
      if (isMore(news.offer, before)) this.#options.onOffer(from);
    }
    return news !== undefined;
  }

  /** Null when it is not known. */
  offerOf(node: NodeId): KnownOffer | null {
    const news = node === this.#options.self ? this.#options.own() : this.#newsById.get(node);
    return news?.offer ? { ...news.offer, tasks: news.load } : null;
  }

  isUp(node: NodeId, status: EngineStatus, nowMs: number): boolean {
    const { self, transport, engine, heartbeatMs } = this.#options;
    if (node === self) return true;
    const member = engine.roster?.members.find((each) => each.id === node);
    if (!member || !transport?.isUp(node)) return false;
    return nowMs - status.lastHeardMs(member.no) < HEARTBEATS_MISSED_MAX * heartbeatMs;
  }

  stateOf(node: NodeId, status: EngineStatus, nowMs: number): NodeInfo["state"] {
    const said = node === this.#options.self ? this.#options.own().state : this.#newsById.get(node)?.state;
    if (this.isUp(node, status, nowMs)) return said ?? "up";
    return said === "stopped" ? "stopped" : "down";
  }

  nameOf(node: NodeId): string {
    const member = this.#options.engine.roster?.members.find((each) => each.id === node);
    return member?.name ?? this.#options.transport?.helloOf(node)?.name ?? node;
  }

  /** Compares with what was last seen, and reports the differences. */
  poll(nowMs: number): void {
    const { engine, self, onChange } = this.#options;
    if (!engine.roster) return;
    const status = engine.status();
    for (const { id, name } of engine.roster.members) {
      if (id === self) continue;
      const isUp = this.isUp(id, status, nowMs);
      if ((this.#upById.get(id) ?? false) === isUp) continue;
      this.#upById.set(id, isUp);
      this.#nameById.set(id, name);
      // what it said of itself when it went lasts until it is back
      const news = this.#newsById.get(id);
      if (isUp && news?.state === "stopped") this.#newsById.set(id, { ...news, state: "up" });
      onChange(id, name, isUp);
    }
    for (const [id, isUp] of this.#upById) {
      if (engine.roster.members.some((member) => member.id === id)) continue;
      this.#upById.delete(id);
      if (isUp) onChange(id, this.#nameById.get(id) ?? id, false);
    }
  }

  infos(nowMs: number): NodeInfo[] {
    const { engine, transport, self, tasksOf } = this.#options;
    const { roster } = engine;
    if (!roster) return [this.#alone()];
    const status = engine.status();
    const absentCountByNo = absentCounts(status.healths);
    return roster.members.map(({ no, id, name, labels, leaving }): NodeInfo => {
      const isSelf = id === self;
      const news = isSelf ? this.#options.own() : this.#newsById.get(id);
      const state = this.stateOf(id, status, nowMs);
      const keeps = status.keeps(no);
      const heardMs = nowMs - status.lastHeardMs(no);
      return {
        node: id,
        name,
        state,
        self: isSelf,
        frozen: (news?.frozen ?? false) && (state === "up" || state === "draining"),
        leaving,
        tasks: isSelf ? status.heldCount : tasksOf(id),
        load: news?.offer?.rate ?? 0,
        keeps,
        serves: keeps - (absentCountByNo.get(no) ?? 0),
        stewardOf: status.stewardOf(no),
        ringShare: status.ringShare(no),
        labels,
        version: news?.version ?? "",
        addresses: news?.addresses ?? transport?.helloOf(id)?.addresses ?? [],
        lastHeardMs: isSelf ? 0 : (Number.isFinite(heardMs) ? Math.max(0, Math.round(heardMs)) : null),
      };
    });
  }

  /** There is no cluster yet. */
  #alone(): NodeInfo {
    const { name, version, addresses, state, frozen, offer } = this.#options.own();
    return {
      node: this.#options.self,
      name,
      state,
      self: true,
      frozen,
      leaving: false,
      tasks: 0,
      load: offer?.rate ?? 0,
      keeps: 0,
      serves: 0,
      stewardOf: 0,
      ringShare: 0,
      labels: this.#options.labels,
      version,
      addresses,
      lastHeardMs: 0,
    };
  }
}

/** Partitions that each member keeps and does not serve. */
function absentCounts(healths: readonly GroupHealth[]): ReadonlyMap<MemberNo, number> {
  const counts: Map<MemberNo, number> = new Map();
  for (const { p, absent } of healths) {
    if (p === DECIDERS) continue;
    for (const no of absent) counts.set(no, (counts.get(no) ?? 0) + 1);
  }
  return counts;
}

function isMore(offer: MemberOffer | null, before: MemberOffer | null | undefined): boolean {
  if (!offer || offer.slots === 0) return false;
  return !before || before.slots === 0 || offer.handlers.some((each) => !before.handlers.includes(each));
}
