/**
 * What the roles of one engine share: options, the clocks of the present step, the roster, the outgoing
 * messages and effects, the Lamport counter and the seeded jitter. No decisions are made here.
 *
 * The room `context` is what all roles share. It may touch `model`, `wire` and `state`, and no role.
 * Next: liveness.ts (who was heard when, and whom this node vouches for), topology.ts (whom it is in touch
 * with), ring.ts (where partitions and tasks lie), wall-clocks.ts.
 */
import type {
  Clock,
  Effect,
  EngineEvent,
  EngineOptions,
  Observer,
  PersistRecord,
} from "../model/contract.ts";
import type { Message, RelayedMessage } from "../model/messages.ts";
import { isRelayed } from "../model/relayed.ts";
import { LIMITS } from "../model/limits.ts";
import { Topology } from "./topology.ts";
import { WallClocks } from "./wall-clocks.ts";
import { type Ring, ringOf } from "./ring.ts";
import type { Ballot, Entry, Member, MemberNo, NodeId, Roster } from "../model/types.ts";

export class Context {
  readonly options: EngineOptions;
  readonly observer: Observer | undefined;
  clock: Clock = { monoMs: 0, leaseMs: 0, wallMs: 0 };
  roster: Roster | null = null;
  /** This node's number in the roster; -1 before it is in one. */
  self: MemberNo = -1;
  /** Monotonic time of the first step: nobody counts as silent from before it. */
  bootMs = 0;
  readonly topology: Topology;
  readonly wallClocks: WallClocks;
  /** What a replica keeps of its log for those that lag. */
  readonly logLimits: { readonly countMax: number; readonly bytesMax: number };
  readonly memberByNo: Map<MemberNo, Member> = new Map();
  readonly connected: Set<NodeId> = new Set();
  readonly congested: Set<MemberNo> = new Set();
  /** By member: to whom of a roster it is not connected, as it last said. Soft, for what may be passed on. */
  readonly awayFrom: Map<MemberNo, { readonly epoch: number; readonly away: readonly MemberNo[] }> =
    new Map();
  /** Messages of this node to itself, handled before the step ends. */
  readonly loopback: Message[] = [];
  /** Terms with something to send or to learn before the step ends. */
  readonly dirty: Set<{ flush(): void }> = new Set();
  /** A term began or ended: heartbeats say so at once. */
  termsChanged = false;
  /** No keeper stands before: the engine need not look through them all in each step. */
  standMs: number = Infinity;
  /** Something is going on: until then ticks come as often as they may. */
  #busyUntilMs: number = -Infinity;
  /** Terms that may still be handed over in this tick. */
  transferBudget = 0;
  readonly #noById: Map<NodeId, MemberNo> = new Map();
  readonly #outbox: Map<NodeId, Message[]> = new Map();
  #effects: Effect[] = [];
  #records: PersistRecord[] = [];
  #counter = 0;
  #random: number;

  constructor(options: EngineOptions, observer: Observer | undefined) {
    this.options = options;
    this.observer = observer;
    this.topology = new Topology(this);
    this.wallClocks = new WallClocks(this);
    this.logLimits = { countMax: options.logEntriesMax, bytesMax: LIMITS.logBytesMax };
    this.#random = (options.seed ^ 0x6d2b79f5) | 0 || 1;
  }

  /** Null: this node belongs to no cluster any more. */
  adoptRoster(roster: Roster | null): void {
    if (roster === null) {
      this.wallClocks.forget();
      this.awayFrom.clear();
    }
    this.roster = roster;
    this.memberByNo.clear();
    this.#noById.clear();
    for (const member of roster?.members ?? []) {
      this.memberByNo.set(member.no, member);
      this.#noById.set(member.id, member.no);
    }
    this.self = this.noOf(this.options.self);
    this.topology.adopted();
  }

  /** Those who run tasks. */
  get ring(): Ring {
    return ringOf(this.roster?.members ?? []);
  }

  noOf(id: NodeId): MemberNo {
    return this.#noById.get(id) ?? -1;
  }

  /** This node's number in a roster; undefined: it is no member of it. */
  numberIn(roster: Roster): MemberNo | undefined {
    return roster.members.find((member) => member.id === this.options.self)?.no;
  }

  nameOf(no: MemberNo): string {
    return this.memberByNo.get(no)?.name ?? `member ${no}`;
  }

  isConnected(no: MemberNo): boolean {
    if (no === this.self) return true;
    const member = this.memberByNo.get(no);
    return member !== undefined && this.connected.has(member.id);
  }

  /** What is sent to it now may arrive, if by way of a third member. */
  canReach(no: MemberNo): boolean {
    return this.isConnected(no) || this.#carrierTo(no) !== undefined;
  }

  /** A member that is connected to both, as it last said: another one each time, one may say so too long. */
  #carrierTo(no: MemberNo): MemberNo | undefined {
    const carriers: MemberNo[] = [];
    if (!this.memberByNo.has(no)) return undefined;
    for (const [carrier, { epoch, away }] of this.awayFrom) {
      // by another roster it names others
      if (epoch !== this.roster?.epoch || away.includes(no)) continue;
      if (carrier !== no && this.isConnected(carrier)) carriers.push(carrier);
    }
    return carriers[Math.floor(this.clock.monoMs / this.options.resendMs) % carriers.length];
  }

  send(to: MemberNo, message: Message): void {
    if (to === this.self) {
      this.loopback.push(message);
      return;
    }
    const member = this.memberByNo.get(to);
    if (!member) return;
    if (this.connected.has(member.id)) return this.sendToId(member.id, message);
    if (!isRelayed(message.type)) return;
    const carrier = this.#carrierTo(to);
    if (carrier === undefined) return;
    const relay = { type: "relay", from: this.self, to, message: message as RelayedMessage } as const;
    this.sendToId(this.memberByNo.get(carrier)!.id, relay);
  }

  sendToId(id: NodeId, message: Message): void {
    if (!this.connected.has(id)) return;
    const messages = this.#outbox.get(id);
    if (messages) messages.push(message);
    else this.#outbox.set(id, [message]);
  }

  persist(record: PersistRecord): void {
    this.#records.push(record);
  }

  /** One entry appended by the steward itself; consecutive ones become one record. */
  persistEntry(
    { p, cfg }: { readonly p: number; readonly cfg: number },
    prevIndex: number,
    entry: Entry,
  ): void {
    const last = this.#records.at(-1);
    if (
      last?.type === "append" && last.p === p && last.cfg === cfg &&
      last.prevIndex + last.entries.length === prevIndex
    ) (last.entries as Entry[]).push(entry);
    else this.#records.push({ type: "append", p, cfg, prevIndex, entries: [entry] });
  }

  /** What goes on or is due soon must not wait for a slow tick. */
  tickSoon(): void {
    this.#busyUntilMs = this.clock.monoMs + 2 * this.options.heartbeatMs;
  }

  /** Until the next tick: an idle node looks around less often. */
  get tickGapMs(): number {
    const { tickMs, calmTickMs } = this.options;
    return this.clock.monoMs < this.#busyUntilMs ? tickMs : calmTickMs;
  }

  emit(effect: Effect): void {
    this.#effects.push(effect);
  }

  event(event: EngineEvent): void {
    this.#effects.push({ type: "event", event });
  }

  /** All effects of the step: what must be durable first, then what the host does, then what leaves. */
  takeEffects(): Effect[] {
    const effects = this.#effects;
    this.#effects = [];
    if (this.#records.length > 0) {
      effects.unshift({ type: "persist", records: this.#records });
      this.#records = [];
    }
    for (const [to, messages] of this.#outbox) effects.push({ type: "send", to, messages });
    this.#outbox.clear();
    return effects;
  }

  /** Entries appended by terms that are gone are still to be made durable; what waits to leave is not. */
  dropMessages(): void {
    this.#outbox.clear();
    this.loopback.length = 0;
    this.dirty.clear();
  }

  /** Lamport: the own counter rises above any that is seen. */
  see(ballot: Ballot | null): void {
    if (ballot && ballot.counter > this.#counter) this.#counter = ballot.counter;
  }

  nextBallot(cfg: number): Ballot {
    return { cfg, counter: ++this.#counter, node: this.self, boot: this.options.boot };
  }

  /** Jitter in [0, limitMs): xorshift32, seeded by the host. */
  jitterMs(limitMs: number): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return ((x >>> 0) / 0x1_0000_0000) * limitMs;
  }
}
