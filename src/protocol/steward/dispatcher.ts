/**
 * A steward node's view of who can run what: one credit account per member, for all partitions of which this
 * node is the steward, and who of them gets a task. What a task asks of its node is placement.ts's business.
 */
import type { Context } from "../context/context.ts";
import type { Liveness } from "../context/liveness.ts";
import { ringPosition } from "../context/ring.ts";
import { majorityOf } from "../model/ballot.ts";
import type { CreditMessage } from "../model/messages.ts";
import type { Configuration, MemberNo, Placement, TaskRecord, TaskSpec } from "../model/types.ts";
import { CreditAccount } from "./credit-account.ts";
import { isOnProbation, SUSPECT_MS_MAX, suspicionOf } from "../state/lapses.ts";
import { Demand, UnattachedDemand } from "./demand.ts";
import { fits, weightOf } from "./placement.ts";
import { DECLINED, NOBODY, type TaskBook } from "./task-queues.ts";
import { type Obstacle, type Prospect, whyPending, whySuspected } from "./why.ts";

/** The one key of tasks on probation. */
const PROBATION = "";

export class Dispatcher {
  readonly #context: Context;
  readonly #liveness: Liveness;
  readonly #accounts: Map<MemberNo, CreditAccount> = new Map();
  readonly #demand: Demand;
  readonly #apart: ApartHints = new ApartHints();
  readonly #onProbation: ApartHints = new ApartHints();
  /** Stewards with tasks that wait for somebody. */
  readonly waiting: Set<TaskBook> = new Set();
  isDirty = false;
  /** Grows when somebody may take what nobody took before. */
  #round = 0;
  /** Grows when somebody may want what everybody declined. */
  #review = 0;
  #reviewed = 0;
  #epoch = 0;
  /** Number of the last `pick`: its candidates' accounts are marked with it. */
  #pickNo = 0;
  readonly #unattachedDemand: UnattachedDemand;

  constructor(context: Context, liveness: Liveness) {
    this.#context = context;
    this.#liveness = liveness;
    this.#unattachedDemand = new UnattachedDemand(context, liveness);
    this.#demand = new Demand(context, {
      mayRun: (no, placement) => this.#mayRun(no, placement),
      hasDeclined: (steward, no, spec) => this.#hasDeclined(steward, no, spec),
    });
  }

  /** In no cluster any more. */
  reset(): void {
    this.#accounts.clear();
    this.#apart.clear();
    this.#onProbation.clear();
    this.waiting.clear();
  }

  onCredit(from: MemberNo, message: CreditMessage): void {
    if (message.stewardBoot !== this.#context.options.boot) return;
    let account = this.#accounts.get(from);
    if (!account || account.boot < message.boot) {
      account = new CreditAccount(message.boot);
      this.#accounts.set(from, account);
      this.#review++;
    }
    if (message.boot < account.boot || message.seq <= account.seq) return;
    if (message.changes !== account.changes) this.#review++;
    account.take(message);
    // it was asked for: what all others declined is for this one
    if (account.sentBacklog > 0 && account.available > 0) this.#review++;
    this.#answer(from, account, message);
    this.reconsider();
  }

  /** Recalls at once; else now and then, so that grants that never arrived do not count for ever. */
  #answer(to: MemberNo, account: CreditAccount, message: CreditMessage): void {
    const { monoMs } = this.#context.clock;
    const isDue = account.issued > message.upTo &&
      monoMs - account.answeredMs > this.#context.options.heartbeatMs;
    if (!message.recall && !isDue) return;
    account.answeredMs = monoMs;
    this.#context.send(to, { type: "creditReply", seq: message.seq, issued: account.issued });
  }

  /** The member's connection closed: it gets nothing until it speaks again. */
  forget(no: MemberNo): void {
    this.#accounts.get(no)?.close();
  }

  standingOf = (no: MemberNo): CreditAccount | undefined => this.#accounts.get(no);

  /** Somebody may take what nobody took before. */
  reconsider(): void {
    this.#round++;
    this.isDirty = true;
  }

  /** Somebody may want what everybody declined: a task that is kept apart has ended. */
  reviewDeclined(): void {
    this.#review++;
    this.reconsider();
  }

  tick(): void {
    this.#apart.sweep();
    this.#onProbation.sweep();
    if (this.waiting.size > 0) this.#context.tickSoon();
    this.reconsider();
  }

  /** Hands out what waits, as far as credit goes: the highest priority of all partitions first. */
  run(): void {
    this.isDirty = false;
    const epoch = this.#context.roster?.epoch ?? 0;
    if (epoch !== this.#epoch) {
      this.#epoch = epoch;
      this.#review++;
    }
    if (this.#hasCredit()) {
      if (this.#review !== this.#reviewed) {
        this.#reviewed = this.#review;
        for (const steward of this.waiting) steward.review(this.#review);
      }
      let priority = Infinity;
      while ((priority = this.#priorityBelow(priority)) > -Infinity && this.#handOut(priority));
    }
    this.#demand.send(this.#accounts, this.waiting);
    this.#unattachedDemand.run(this.waiting);
  }

  #priorityBelow(limit: number): number {
    let highest = -Infinity;
    for (const steward of this.waiting) highest = Math.max(highest, steward.priorityBelow(limit));
    return highest;
  }

  /** False when no credit is left. */
  #handOut(priority: number): boolean {
    for (const steward of [...this.waiting]) {
      if (!this.#hasCredit()) return false;
      this.waiting.delete(steward);
      if (steward.dispatch(priority, this.#round)) this.waiting.add(steward);
    }
    return true;
  }

  #hasCredit(): boolean {
    for (const account of this.#accounts.values()) if (account.available > 0) return true;
    return false;
  }

  /**
   * The member that shall run the task, NOBODY or DECLINED. Of those that are eligible, the ones whose
   * preferred labels weigh most and that are not loaded above 1.25 x the average (consistent hashing with
   * bounded loads); of these this node itself, which spares messages, else the first clockwise from the
   * task's hash. Who just gave the task up comes last; then it is the least loaded of the others.
   */
  pick(steward: TaskBook, record: TaskRecord): MemberNo {
    if (this.#mustWait(steward, record)) return DECLINED;
    const { avoid, spec } = record;
    const placement = spec.options?.placement ?? null;
    const pickNo = ++this.#pickNo;
    let candidateCount = 0;
    let load = 1;
    let least = Infinity;
    let isDeclined = false;
    for (const [no, account] of this.#accounts) {
      const obstacle = this.#obstacleOf(steward, no, record);
      if (obstacle === "declined") isDeclined = true;
      if (obstacle !== null) continue;
      account.candidateIn = pickNo;
      candidateCount++;
      load += account.fullLoad;
      if (no !== avoid) least = Math.min(least, account.fullLoad);
    }
    if (candidateCount === 0) return isDeclined ? DECLINED : NOBODY;
    const bound = avoid < 0 ? Math.ceil(1.25 * load / candidateCount) : least + 1;
    const isPlain = placement === null || placement.prefers.length === 0;
    const weigh = (no: MemberNo): number => isPlain ? 0 : this.#weightOf(no, placement);
    const best = isPlain ? 0 : this.#bestWeight(avoid, bound, weigh);
    const { self, ring } = this.#context;
    const own = this.#accounts.get(self);
    if (own?.candidateIn === pickNo && self !== avoid && own.fullLoad < bound && weigh(self) >= best) {
      return self;
    }
    let chosen = -1;
    let fallback = -1;
    let fallbackWeight = -Infinity;
    let left = candidateCount;
    ring.walk(ringPosition(spec.id), (no) => {
      const account = this.#accounts.get(no);
      if (account?.candidateIn !== pickNo) return false;
      left--;
      if (no === avoid) {
        if (fallback < 0) fallback = no;
      } else if (account.fullLoad < bound && weigh(no) >= best) chosen = no;
      else if (weigh(no) >= fallbackWeight) {
        fallback = no;
        fallbackWeight = weigh(no);
      }
      return chosen >= 0 || left === 0;
    });
    return chosen >= 0 ? chosen : fallback;
  }

  #weightOf(no: MemberNo, placement: Placement): number {
    const member = this.#context.memberByNo.get(no);
    return member ? weightOf(member, placement) : 0;
  }

  /** Of the candidates that are not overloaded; nobody is above it when all are. */
  #bestWeight(avoid: MemberNo, bound: number, weigh: (no: MemberNo) => number): number {
    let best = -Infinity;
    for (const [no, account] of this.#accounts) {
      if (account.candidateIn === this.#pickNo && no !== avoid && account.fullLoad < bound) {
        best = Math.max(best, weigh(no));
      }
    }
    return best;
  }

  /** What keeps the member from being given the task now; null: nothing does. The most lasting one first. */
  #obstacleOf(steward: TaskBook, no: MemberNo, record: TaskRecord): Obstacle | null {
    const { spec } = record;
    const account = this.#accounts.get(no);
    if (!account || account.isClosed) return "down";
    if (!account.handlers.has(spec.name)) return "handler";
    if (!this.#mayRun(no, spec.options?.placement ?? null)) return "placement";
    if (account.standing !== "up") return account.standing;
    if (!steward.isAttached(no, account.boot)) return "unattached";
    if (!this.isHeard(no)) return "silent";
    if (account.available <= 0 || !account.hasRoomFor(spec.name)) return "full";
    if (isOnProbation(record) && this.#onProbation.isTaken(PROBATION, no)) return "declined";
    return this.#hasDeclined(steward, no, spec) ? "declined" : null;
  }

  /** Lately, and it is that life of it, if one is named. */
  isHeard(no: MemberNo, boot?: number): boolean {
    if (no === this.#context.self) return boot === undefined || boot === this.#context.options.boot;
    if (boot !== undefined && boot !== this.#liveness.bootOf(no)) return false;
    const { monoMs } = this.#context.clock;
    return monoMs - this.#liveness.lastHeartbeatMs(no) < 2.5 * this.#context.options.heartbeatMs;
  }

  #mayRun(no: MemberNo, placement: Placement | null): boolean {
    if (placement === null) return true;
    const member = this.#context.memberByNo.get(no);
    return member !== undefined && fits(member, placement);
  }

  /** It said so, or it is known that it would say so. */
  #hasDeclined(steward: TaskBook, no: MemberNo, { id, options }: TaskSpec): boolean {
    if (steward.declines.leftMs(id, no) !== undefined) return true;
    const apart = options?.placement?.apart ?? "";
    return apart !== "" && this.#apart.isTaken(apart, no);
  }

  /** Counts a grant and returns its number. */
  charge(no: MemberNo, name: string): number {
    return this.#accounts.get(no)!.charge(name);
  }

  /** The member has a task with that apart key as long as it `stands`. */
  tookApart(key: string, no: MemberNo, stands: () => boolean): void {
    this.#apart.took(key, no, stands);
  }

  /** The member has a task on probation as long as it `stands` and has not proved to be harmless. */
  tookOnProbation(no: MemberNo, stands: () => boolean): void {
    this.#onProbation.took(PROBATION, no, stands);
  }

  /** It may have killed its node, and another death would cost a quorum. */
  #mustWait(steward: TaskBook, record: TaskRecord): boolean {
    const lapse = suspicionOf(record);
    if (lapse === null || steward.timeMs - lapse.atMs >= SUSPECT_MS_MAX) return false;
    return !this.#canLoseOne(isOnProbation(record));
  }

  /** Each partition would have its quorum if one more of its keepers died; `apart`: beside those in doubt. */
  #canLoseOne(apart: boolean): boolean {
    const isUp = (no: MemberNo): boolean =>
      this.#context.isConnected(no) && this.isHeard(no) &&
      !(apart && this.#onProbation.isTaken(PROBATION, no));
    return (this.#context.roster?.chains ?? []).every((chain) => canLoseOne(chain, isUp));
  }

  /** In words, for people. */
  why(steward: TaskBook, record: TaskRecord): string {
    const { spec } = record;
    const apart = spec.options?.placement?.apart ?? "";
    const members = [...this.#context.roster?.members ?? []].map((member): Prospect => {
      const obstacle = this.#obstacleOf(steward, member.no, record);
      const isTaken = this.#apart.isTaken(apart, member.no);
      const leftMs = isTaken ? 0 : steward.declines.leftMs(spec.id, member.no) ?? 0;
      const declinedUntilMs = leftMs === 0 ? 0 : steward.timeMs + leftMs;
      return { member, obstacle, declinedUntilMs, declinedWhy: steward.declines.whyOf(spec.id, member.no) };
    });
    return this.#mustWait(steward, record) ? whySuspected(record, members) : whyPending(record, members);
  }
}

/** A partition that moves is not whole. A sole keeper takes everybody else along, whatever waits. */
function canLoseOne(chain: readonly Configuration[], isUp: (no: MemberNo) => boolean): boolean {
  const { keepers } = chain.at(-1)!;
  if (chain.length > 1) return false;
  return keepers.length === 1 || keepers.filter(isUp).length > majorityOf(keepers.length);
}

/**
 * Which apart keys this steward node has in use at which members, as far as its own partitions go: it need
 * not offer what would be declined. Only a hint: the member itself keeps such tasks apart
 * (holder/admission.ts).
 */
export class ApartHints {
  /** By key and member: whether the lease still stands. */
  readonly #stands: Map<string, Map<MemberNo, () => boolean>> = new Map();

  isTaken(key: string, no: MemberNo): boolean {
    const byNo = this.#stands.get(key);
    const stands = byNo?.get(no);
    if (!stands) return false;
    if (stands()) return true;
    byNo!.delete(no);
    if (byNo!.size === 0) this.#stands.delete(key);
    return false;
  }

  took(key: string, no: MemberNo, stands: () => boolean): void {
    const byNo = this.#stands.get(key);
    if (byNo) byNo.set(no, stands);
    else this.#stands.set(key, new Map([[no, stands]]));
  }

  sweep(): void {
    for (const [key, byNo] of this.#stands) for (const no of [...byNo.keys()]) this.isTaken(key, no);
  }

  clear(): void {
    this.#stands.clear();
  }
}
