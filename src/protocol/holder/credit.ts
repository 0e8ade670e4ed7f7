/**
 * How a node spreads its free slots over the nodes that steward: evenly while nobody starves, towards the
 * demand when somebody does. Lowering what a steward node may still use is a recall, and the slots count as
 * given until that node has answered. The other side is steward/dispatcher.ts.
 */
import type { Input } from "../model/contract.ts";
import type { Context } from "../context/context.ts";
import { HandlerLimits } from "./handler-limits.ts";
import type { CreditMessage, CreditReplyMessage, DemandMessage, GrantedTask } from "../model/messages.ts";
import type { Standing } from "../model/messages.ts";
import type { Liveness } from "../context/liveness.ts";
import type { MemberNo } from "../model/types.ts";

/** A steward's backlog of so much of the mean is no small one: partitions are never quite even. */
const OWN_BACKLOG_PART = 0.75;

interface Given {
  readonly boot: number;
  seq: number;
  /** The last number that went to an earlier life of the steward node. */
  readonly seqBefore: number;
  /** As last announced. */
  free: number;
  freeUpTo: number;
  /** Tasks held, as last announced. */
  load: number;
  /** Highest number of the grants received. */
  upTo: number;
  /** Grants that were overtaken by it and have not come, and since when: they may come yet. */
  readonly overtaken: Map<number, number>;
  /** An unanswered recall: what this node may have used before it hears of it. */
  recall:
    | { readonly seq: number; readonly free: number; readonly freeUpTo: number; readonly sentMs: number }
    | null;
  /** Highest number known to be issued: those above `upTo` are on their way, or were lost and withdrawn. */
  issued: number;
  issuedMs: number;
  /** As announced at `backlogMs`; stewards with demand repeat it with every heartbeat. */
  backlog: number;
  backlogMs: number;
  /** The highest of the backlog. */
  priority: number;
  /** When it was last given something: who waits longest comes first. */
  turn: number;
  /** The time of that, or since when it has demand. */
  servedMs: number;
  isDirty: boolean;
}

export class Credit {
  readonly #context: Context;
  readonly #liveness: Liveness;
  readonly #given: Map<MemberNo, Given> = new Map();
  readonly limits: HandlerLimits = new HandlerLimits();
  #changes = 0;
  #slots = 0;
  #handlers: readonly string[] = [];
  #standing: Standing = "up";
  #refreshMs = -Infinity;
  /** A steward node is new: those before it have all there was to give. */
  #isUneven = false;
  #turn = 0;
  /** Leases held by this node, started or not. */
  heldCount = 0;
  isDirty = false;

  constructor(context: Context, liveness: Liveness) {
    this.#context = context;
    this.#liveness = liveness;
  }

  get slots(): number {
    return this.#slots;
  }

  /** It could run one more. */
  get hasRoom(): boolean {
    return this.heldCount < this.#slots;
  }

  /** In no cluster any more: nothing is held, nobody may grant. */
  reset(): void {
    this.#given.clear();
    this.heldCount = 0;
    this.limits.reset();
  }

  offer({ slots, handlers, standing, limits }: Extract<Input, { type: "capacity" }>): void {
    this.#slots = standing === "up" ? slots : 0;
    this.#handlers = handlers;
    this.#standing = standing;
    this.limits.set(limits ?? {});
    this.changed();
  }

  /** What was declined "until something changes" may be offered again. */
  changed(): void {
    this.#changes++;
    this.#announceAll();
  }

  #announceAll(): void {
    for (const given of this.#given.values()) given.isDirty = true;
    this.isDirty = true;
  }

  /** A steward node is there; its account begins anew when it is a new life of it. */
  open(no: MemberNo): void {
    const boot = no === this.#context.self ? this.#context.options.boot : this.#liveness.bootOf(no);
    if (boot === 0 || this.#given.get(no)?.boot === boot) return;
    this.#given.set(no, {
      boot,
      seq: this.#given.get(no)?.seq ?? 0,
      seqBefore: this.#given.get(no)?.seq ?? 0,
      free: 0,
      freeUpTo: 0,
      load: 0,
      upTo: 0,
      overtaken: new Map(),
      recall: null,
      issued: 0,
      issuedMs: 0,
      backlog: 0,
      backlogMs: 0,
      priority: 0,
      turn: 0,
      servedMs: 0,
      isDirty: true,
    });
    this.#isUneven = true;
    this.isDirty = true;
  }

  close(no: MemberNo): void {
    const given = this.#given.get(no);
    if (!given) return;
    takeBack(given);
    this.isDirty = true;
  }

  received(from: MemberNo, { no, name }: GrantedTask): void {
    const given = this.#given.get(from);
    if (given && no > given.upTo) {
      for (let other = given.upTo + 1; other < no; other++) {
        given.overtaken.set(other, this.#context.clock.monoMs);
      }
      given.upTo = no;
    } else given?.overtaken.delete(no);
    this.heldCount++;
    if (this.limits.received(name)) this.#announceAll();
  }

  ended(name: string): void {
    this.heldCount--;
    this.isDirty = true;
    if (this.limits.ended(name)) this.#announceAll();
  }

  onDemand(from: MemberNo, message: DemandMessage): void {
    const given = this.#given.get(from);
    if (!given || given.boot !== message.boot) return;
    const { monoMs } = this.#context.clock;
    if (given.backlog === 0) given.servedMs = monoMs;
    given.backlog = message.backlog;
    given.backlogMs = monoMs;
    given.priority = message.priority;
    this.isDirty = true;
  }

  onReply(from: MemberNo, message: CreditReplyMessage): void {
    const given = this.#given.get(from);
    // an answer to what was announced to an earlier life of the steward node
    if (!given || message.seq <= given.seqBefore) return;
    if (message.issued > given.issued) {
      given.issued = message.issued;
      given.issuedMs = this.#context.clock.monoMs;
    }
    if (!given.recall || message.seq < given.recall.seq) return;
    given.recall = null;
    this.isDirty = true;
  }

  /** Slots that this steward node may still fill, at worst: unused ones, or grants on their way. */
  #reserved(given: Given): number {
    const { recall, upTo, issued, overtaken } = given;
    return Math.max(unusedOf(recall ?? given, upTo), issued - upTo) + overtaken.size;
  }

  /** In touch, and one that may steward. */
  #isOpen(no: MemberNo): boolean {
    return this.#context.isConnected(no) && this.#context.topology.isKeeping(no);
  }

  #canRecall(given: Given): boolean {
    return given.recall === null && unusedOf(given, given.upTo) > 0;
  }

  /** Announced again with every heartbeat, in the same frame. */
  tick(hasSentHeartbeat: boolean): void {
    const { monoMs } = this.#context.clock;
    if (!hasSentHeartbeat && monoMs - this.#refreshMs < this.#context.options.heartbeatMs) return;
    this.#refreshMs = monoMs;
    this.#levelOut();
    for (const given of this.#given.values()) {
      given.isDirty = true;
      const lostMs = monoMs - this.#context.options.leaseTtlMs;
      if (given.issued > given.upTo && given.issuedMs < lostMs) given.upTo = given.issued;
      for (const [no, sinceMs] of given.overtaken) if (sinceMs < lostMs) given.overtaken.delete(no);
      if (monoMs - given.backlogMs > 2.5 * this.#context.options.heartbeatMs) given.backlog = 0;
    }
    this.isDirty = true;
  }

  /** Nobody starves: take back what one has above its even share. */
  #levelOut(): void {
    const open = [...this.#given].filter(([no]) => this.#isOpen(no));
    if (open.length === 0 || open.some(([, given]) => given.backlog > 0 || given.recall)) return;
    const share = Math.ceil(Math.max(0, this.#slots - this.heldCount) / open.length);
    for (const [, given] of open) {
      if (unusedOf(given, given.upTo) > share) this.#recall(given, share);
    }
  }

  #recall(given: Given, free: number): void {
    const { free: before, freeUpTo } = given.recall ?? given;
    given.recall = { seq: given.seq + 1, free: before, freeUpTo, sentMs: this.#context.clock.monoMs };
    given.free = free;
    given.freeUpTo = given.upTo;
    given.isDirty = true;
  }

  /**
   * At the end of a step: gives out what is free, recalls where there is demand, announces it to whom it
   * concerns.
   */
  flush(): void {
    this.isDirty = false;
    if (this.#isUneven) {
      this.#isUneven = false;
      this.#levelOut();
    }
    const open: Given[] = [];
    for (const [no, given] of this.#given) {
      if (this.#isOpen(no)) open.push(given);
      else if (!this.#context.topology.isKeeping(no)) {
        // it was a steward while the cluster was small, and answers no recall
        takeBack(given);
        given.isDirty = false;
      }
    }
    if (open.length > 0) this.#spread(open);
    // to itself it costs nothing: an idle steward must know that it is idle, and that its grants have come
    const own = this.#given.get(this.#context.self);
    const isBehind = own && this.heldCount === 0 && own.freeUpTo !== own.upTo;
    if (own && (isBehind || own.load !== this.heldCount)) own.isDirty = true;
    const limits = this.limits.freeFor(open.length);
    for (const [no, given] of this.#given) if (given.isDirty) this.#announce(no, given, limits);
  }

  #spread(open: readonly Given[]): void {
    let spare = this.#slots - this.heldCount;
    for (const given of open) spare -= this.#reserved(given);
    if (spare < 0) {
      // fewer slots than before: whoever has unused ones gives them back
      for (const given of open) if (this.#canRecall(given)) this.#recall(given, 0);
      return;
    }
    const demand = open.filter((given) => given.backlog > 0);
    const highest = demand.reduce((priority, given) => Math.max(priority, given.priority), -Infinity);
    const first = demand.filter((given) => given.priority === highest);
    const takers = (demand.length > 0 ? first : open).filter((given) => !given.recall);
    spare = this.#fill(demand.length > 0 ? this.#ownFirst(takers) : takers, spare);
    if (demand.length === 0 || spare > 0) return;
    for (const given of open) {
      if (given.backlog === 0 && this.#canRecall(given)) this.#recall(given, 0);
    }
  }

  /**
   * When all have demand, a node works for its own steward, which spares messages: unless what waits there is
   * clearly less than what waits elsewhere. Who was given nothing for a heartbeat has its part in any case.
   */
  #ownFirst(takers: readonly Given[]): readonly Given[] {
    const own = this.#given.get(this.#context.self);
    if (takers.length < 2 || !own || !takers.includes(own)) return takers;
    const meanBacklog = takers.reduce((sum, { backlog }) => sum + backlog, 0) / takers.length;
    if (own.backlog < OWN_BACKLOG_PART * meanBacklog) return takers;
    const sinceMs = this.#context.clock.monoMs - this.#context.options.heartbeatMs;
    return takers.filter((given) => given === own || given.servedMs <= sinceMs);
  }

  /** Those who have least get most: in the end they have the same. Returns what nobody takes. */
  #fill(takers: readonly Given[], spare: number): number {
    if (takers.length === 0 || spare <= 0) return spare;
    const levelOf = (some: readonly Given[]): number =>
      Math.floor(some.reduce((sum, given) => sum + this.#reserved(given), spare) / some.length);
    let lowest = takers.toSorted((a, b) => this.#reserved(a) - this.#reserved(b) || a.turn - b.turn);
    for (let count = 0; count !== lowest.length;) {
      count = lowest.length;
      const level = levelOf(lowest);
      lowest = lowest.filter((given) => this.#reserved(given) <= level);
    }
    const level = levelOf(lowest);
    let left = spare - lowest.reduce((sum, given) => sum + level - this.#reserved(given), 0);
    for (const given of lowest) {
      const more = level - this.#reserved(given) + (left > 0 ? 1 : 0);
      if (more === 0) continue;
      if (left > 0) left--;
      given.free = unusedOf(given, given.upTo) + more;
      given.freeUpTo = given.upTo;
      given.isDirty = true;
      given.turn = ++this.#turn;
      given.servedMs = this.#context.clock.monoMs;
    }
    return 0;
  }

  #announce(no: MemberNo, given: Given, limits: CreditMessage["limits"]): void {
    given.isDirty = false;
    given.seq++;
    given.free = unusedOf(given, given.upTo);
    given.freeUpTo = given.upTo;
    given.load = this.heldCount;
    this.#context.send(no, {
      type: "credit",
      boot: this.#context.options.boot,
      stewardBoot: given.boot,
      seq: given.seq,
      free: given.free,
      upTo: given.upTo,
      load: this.heldCount,
      standing: this.#standing,
      handlers: this.#handlers,
      recall: given.recall !== null,
      changes: this.#changes,
      limits,
    });
  }
}

/** Nothing of it counts as given any more. */
function takeBack(given: Given): void {
  given.free = 0;
  given.freeUpTo = given.upTo;
  given.recall = null;
  given.issued = 0;
  given.overtaken.clear();
  given.backlog = 0;
}

function unusedOf(announced: { readonly free: number; readonly freeUpTo: number }, upTo: number): number {
  return Math.max(0, announced.free - (upTo - announced.freeUpTo));
}
