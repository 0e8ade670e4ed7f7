/**
 * What a steward does for those who run tasks: members attach, holders settle, pending tasks are handed out.
 * Every answer leaves after what it rests on was chosen, never before.
 *
 * The room `steward` hands tasks out and answers clients. It may touch `log`, `context` and what is below.
 * Next: client-service.ts (submits, watches, queries), command-delivery.ts, session-expiry.ts (the end of
 * silent nodes), dispatcher.ts with demand.ts (who gets which task), grants.ts (leases on their way), why.ts.
 */
import type { Context } from "../context/context.ts";
import type { Liveness } from "../context/liveness.ts";
import type { Office, Term } from "../log/term.ts";
import { isSameBallot } from "../model/ballot.ts";
import { LIMITS } from "../model/limits.ts";
import type { AttachMessage, SettleMessage } from "../model/messages.ts";
import type { Ballot, Lapse, MemberNo, Settlement, Silence, TaskRecord, TaskSpec } from "../model/types.ts";
import type { DueOptions } from "../state/finished-tasks.ts";
import { isOnProbation, isProven, isUnproven } from "../state/lapses.ts";
import { endedBy, isExpiring, isOver, isTerminal, keepsLease } from "../state/task-machine.ts";
import { ClientService, Replies } from "./client-service.ts";
import { CommandDelivery } from "./command-delivery.ts";
import { Declines } from "./declines.ts";
import { Expiries } from "./expiries.ts";
import type { Dispatcher } from "./dispatcher.ts";
import { type Attachment, Grants } from "./grants.ts";
import { OwnershipFeed } from "./ownership-feed.ts";
import { SessionExpiry } from "./session-expiry.ts";
import { type Backlog, NO_BACKLOG, type Now, type Taker, type TaskBook, TaskQueues } from "./task-queues.ts";

const SWEEP_EVERY_MS = 1000;

/** A report that is in the log. */
type Recorded = Pick<SettleMessage["items"][number], "id" | "fence" | "seq" | "settlement"> & {
  readonly accepted: boolean;
};

/** A lease that is in the log: it is granted once it is chosen. */
interface Leased {
  readonly to: MemberNo;
  readonly attachment: Attachment;
  readonly grantNo: number;
  readonly id: string;
  readonly fence: number;
}

export class Steward implements Office, TaskBook {
  readonly p: number;
  readonly ballot: Ballot;
  readonly #context: Context;
  readonly #dispatcher: Dispatcher;
  readonly #term: Term;
  readonly #sessionExpiry: SessionExpiry;
  readonly #attached: Map<MemberNo, Attachment> = new Map();
  readonly #grants: Grants;
  readonly #replies: Replies;
  readonly clientService: ClientService;
  readonly commands: CommandDelivery;
  readonly #waiting: TaskQueues = new TaskQueues();
  readonly #ownershipFeed: OwnershipFeed;
  readonly declines: Declines;
  readonly #expiries: Expiries;
  /** Leased tasks whose nodes died before: they may prove to be harmless. */
  readonly #unproven: Set<string> = new Set();
  #sweptMs = 0;
  /** The term goes on. */
  #isOpen = true;

  constructor(context: Context, liveness: Liveness, dispatcher: Dispatcher, term: Term) {
    this.#context = context;
    this.#dispatcher = dispatcher;
    this.#term = term;
    this.p = term.p;
    this.ballot = term.ballot;
    this.#ownershipFeed = new OwnershipFeed(context, term);
    this.declines = new Declines(context, dispatcher.standingOf);
    this.#grants = new Grants(context, term, this.#attached);
    this.#replies = new Replies(context, term);
    this.clientService = new ClientService(context, term, this.#replies, {
      enqueue: (record) => this.enqueue(record),
      why: (record) => dispatcher.why(this, record),
    });
    this.commands = new CommandDelivery(context, term, {
      changed: (id) => this.changed(id),
      announceIfOver: (id) => this.clientService.announceIfOver(id),
    });
    this.#expiries = new Expiries(context, term, {
      expired: (id, isChosen) => this.#expired(id, isChosen),
    });
    this.#sessionExpiry = new SessionExpiry(context, liveness, term, {
      reverted: () => this.requeue(),
      announceAll: () => this.clientService.announceAll(),
    });
  }

  onSilences(keeper: MemberNo, silences: readonly Silence[], matchIndex: number): void {
    this.#sessionExpiry.note(keeper, silences, matchIndex);
  }

  begin(): void {
    this.requeue();
    this.#ownershipFeed.publishAll();
    this.commands.begin();
  }

  end(): void {
    this.#isOpen = false;
    this.#dispatcher.waiting.delete(this);
  }

  get timeMs(): number {
    return this.#term.time.nowMs;
  }

  get #now(): Now {
    return { timeMs: this.timeMs, monoMs: this.#context.clock.monoMs };
  }

  /** Rebuilds the queues from the tasks. */
  requeue(): void {
    this.#waiting.clear();
    for (const record of this.#term.replica.tasks.records.values()) this.enqueue(record);
  }

  enqueue(record: TaskRecord): void {
    this.#expiries.note(record);
    if (record.state === "leased" && record.lapsesInSuccession > 0) this.#unproven.add(record.spec.id);
    if (this.#waiting.add(record)) this.#wants();
  }

  #expired(id: string, isChosen: boolean): void {
    this.changed(id);
    if (!isChosen) return;
    this.commands.noteWaiting(id);
    this.clientService.announceIfOver(id);
  }

  #wants(): void {
    this.#dispatcher.waiting.add(this);
    this.#dispatcher.isDirty = true;
  }

  /** A task changed: it may wait now, and views want to know. */
  changed(id: string): void {
    const record = this.#term.replica.tasks.records.get(id);
    if (record) this.enqueue(record);
    this.#ownershipFeed.touch(id);
  }

  tick(): void {
    this.#sessionExpiry.tick();
    this.#expiries.tick();
    const now = this.#now;
    if (this.#waiting.wake(this.#term.replica.tasks.records, now)) this.#wants();
    if (this.#waiting.wakeAtMs - now.timeMs < this.#context.options.heartbeatMs) this.#context.tickSoon();
    this.#grants.tick();
    this.#sweep();
    this.#purge();
    this.commands.tick();
    this.#ownershipFeed.tick();
  }

  /** Who declined what long ago is asked again; what has a retention of its own may be forgotten. */
  #sweep(): void {
    const { monoMs, timeMs } = this.#now;
    if (monoMs - this.#sweptMs < SWEEP_EVERY_MS) return;
    this.#sweptMs = monoMs;
    this.#term.time.review();
    this.#prove(timeMs);
    const { finished, records } = this.#term.replica.tasks;
    this.#forget(finished.dueOfOwn(this.#dueNow));
    this.declines.sweep((id) => {
      const record = records.get(id);
      if (!record || isTerminal(record.state)) return Infinity;
      return record.state === "leased" ? timeMs - record.startedAtMs : 0;
    });
  }

  /** What has run for long enough is told from what kills its nodes, by an entry that says nothing else. */
  #prove(timeMs: number): void {
    const { records } = this.#term.replica.tasks;
    for (const id of this.#unproven) {
      const record = records.get(id);
      if (record?.state !== "leased" || record.lapsesInSuccession === 0) this.#unproven.delete(id);
      else if (
        isProven(record, timeMs) && this.#dispatcher.isHeard(record.session!.node, record.session!.boot)
      ) {
        this.#settle({ id, fence: record.fence, seq: 0, upTo: 0, settlement: { type: "ack" } });
      }
    }
  }

  /** What there is too much of; else what has been known for long enough. */
  #purge(): void {
    const { finished } = this.#term.replica.tasks;
    const excess = finished.count - this.#context.options.finishedPerPartitionMax;
    const now = this.#dueNow;
    this.#forget(excess > 0 ? finished.first(Math.min(excess, now.countMax)) : finished.due(now));
  }

  get #dueNow(): DueOptions {
    const { records, retention } = this.#term.replica.tasks;
    return {
      recordOf: (id) => records.get(id)!,
      common: retention ?? this.#context.options.retention,
      nowMs: this.timeMs,
      countMax: LIMITS.purgedPerEntryMax,
    };
  }

  #forget(ids: readonly string[]): void {
    if (ids.length > 0) this.#term.propose({ type: "purge", ids });
  }

  // ---- holders --------------------------------------------------------------------------------------------

  isAttached(no: MemberNo, boot: number): boolean {
    const attachment = this.#attached.get(no);
    if (!attachment || attachment.boot !== boot) return false;
    return !this.#term.replica.tasks.isCondemned({ node: no, boot, n: attachment.n });
  }

  onAttach(from: MemberNo, message: AttachMessage): void {
    if (!isSameBallot(message.ballot, this.#term.ballot)) return;
    const { p, ballot, boot, n, attach } = message;
    const known = this.#attached.get(from);
    if (known && (boot < known.boot || (boot === known.boot && attach < known.attach))) return;
    const { tasks } = this.#term.replica;
    const condemned = tasks.isCondemned({ node: from, boot, n })
      ? tasks.condemnationOf(from, boot)!.session.n
      : 0;
    const isRepeat = known?.boot === boot && known.attach === attach && known.n === n;
    if (condemned === 0 && !isRepeat) {
      this.#attached.set(from, { boot, n, attach, session: { node: from, boot, n } });
      this.#reconcile(from, message);
      this.#absolve(from, boot);
    }
    this.#context.send(from, { type: "attachReply", p, ballot, boot, attach, condemned });
  }

  /** Releases what the log says that the member holds and the member does not. */
  #reconcile(from: MemberNo, message: AttachMessage): void {
    const held = new Map(message.held.map(({ id, fence }) => [id, fence]));
    const { tasks } = this.#term.replica;
    if (tasks.leases.total > 0) {
      for (const [id, record] of tasks.records) {
        const { session, fence } = record;
        if (record.state !== "leased" || session!.node !== from || session!.boot !== message.boot) continue;
        if (held.get(id) === fence) continue;
        const index = this.#settle({ id, fence, seq: 0, upTo: 0, settlement: { type: "release" } });
        this.#term.whenChosen(index, () => this.clientService.announceIfOver(id));
      }
    }
    this.#dispatcher.reconsider();
  }

  /** What was taken for dead is there. */
  #absolve(node: MemberNo, boot: number): void {
    const { tasks } = this.#term.replica;
    if (!tasks.condemnationOf(node, boot)) return;
    for (const { state, lapses } of tasks.records.values()) {
      if (isTerminal(state) || !lapses.some((lapse) => isLapseOf(lapse, node, boot))) continue;
      this.#term.propose({ type: "alive", node, boot });
      return this.requeue();
    }
  }

  #settle(item: SettleMessage["items"][number]): number {
    const atMs = this.timeMs;
    const index = this.#term.propose({ type: "settle", ...item, atMs });
    this.changed(item.id);
    return index;
  }

  onSettle(from: MemberNo, message: SettleMessage): void {
    const { replica } = this.#term;
    // asked once for each entry, which are chosen in order
    const recorded: Recorded[] = [];
    let answeredCount = 0;
    const answer = (): void => this.#answer(from, recorded[answeredCount++]!);
    for (const item of message.items) {
      const { id, fence, seq, settlement } = item;
      this.#grants.received(fence);
      const record = replica.tasks.records.get(id);
      let index = replica.lastIndex;
      let accepted = true;
      if (this.isCurrent(record, fence) && record!.session!.node === from) {
        index = this.#settle(item);
        accepted = !isRefused(record!, settlement);
        if (!keepsLease(settlement)) this.#noteEnd(from, record!.spec, settlement);
      } else if (record?.fence !== fence || !endedBy(record, settlement)) {
        // a deposed steward does not know of later leases
        this.#term.whenConfirmed(() => this.#replies.for(from).settles.push({ fence, seq, accepted: false }));
        continue;
      }
      // it may have been reported before, and the answer got lost; the holder may have got another number
      // since, as a member anew
      recorded.push({ id, fence, seq, accepted, settlement });
      this.#term.whenChosen(index, answer);
    }
    if (message.items.length > 0) this.#context.dirty.add(this.#term);
  }

  #answer(to: MemberNo, { id, fence, seq, accepted, settlement }: Recorded): void {
    this.#replies.for(to).settles.push({ fence, seq, accepted });
    if (keepsLease(settlement)) return;
    if (settlement.type === "complete" || settlement.type === "fail") this.clientService.announce(id);
    else this.clientService.announceIfOver(id);
  }

  #noteEnd(from: MemberNo, { id, options }: TaskSpec, settlement: Settlement): void {
    if (settlement.type === "decline") return this.declines.note(id, from, settlement.forMs, settlement.why);
    this.declines.forget(id);
    if (options?.placement && options.placement.apart !== "") this.#dispatcher.reviewDeclined();
  }

  /** Only the holder of the present lease may speak for a task. */
  isCurrent(record: TaskRecord | undefined, fence: number): boolean {
    return record?.state === "leased" && record.fence === fence;
  }

  onGrantAck(fences: readonly number[]): void {
    for (const fence of fences) this.#grants.received(fence);
  }

  // ---- handing out ----------------------------------------------------------------------------------------

  /** Leases what can be leased now of that priority. True when tasks remain. */
  dispatch(priority: number, round: number): boolean {
    const leased: Leased[] = [];
    let grantedCount = 0;
    const grant = (): void => this.#grant(leased[grantedCount++]!);
    return this.#waiting.dispatch({
      records: this.#term.replica.tasks.records,
      now: this.#now,
      priority,
      round,
      pick: (record) => this.#dispatcher.pick(this, record),
      lease: (no, record) => {
        const lease = this.#lease(no, record);
        if (lease === null) return;
        leased.push(lease);
        this.#term.whenChosen(lease.fence, grant);
      },
      waitMs: (id) => this.declines.waitMs(id),
    });
  }

  priorityBelow(limit: number): number {
    return this.#waiting.priorityBelow(limit);
  }

  review(review: number): void {
    this.#waiting.review(review);
  }

  /** What waits that the member could run and has not declined. */
  backlogFor(no: MemberNo, taker: Taker): Backlog {
    return this.#attached.has(no) ? this.#waiting.countFor(taker) : NO_BACKLOG;
  }

  #lease(to: MemberNo, record: TaskRecord): Leased | null {
    // its time came since the last tick
    if (isOver(record, this.timeMs)) return null;
    const { spec } = record;
    const { id } = spec;
    const attachment = this.#attached.get(to)!;
    const { session } = attachment;
    const fence = this.#term.propose({ type: "lease", id, session, atMs: this.timeMs });
    const grantNo = this.#dispatcher.charge(to, spec.name);
    const apart = spec.options?.placement?.apart ?? "";
    if (apart !== "") this.#dispatcher.tookApart(apart, to, () => this.#stands(id, fence));
    if (record.lapsesInSuccession > 0) this.#unproven.add(id);
    if (isOnProbation(record)) {
      this.#dispatcher.tookOnProbation(to, () => this.#stands(id, fence) && this.#isUnproven(id));
    }
    return { to, attachment, grantNo, id, fence };
  }

  #isUnproven(id: string): boolean {
    return isUnproven(this.#term.replica.tasks.records.get(id)!, this.timeMs);
  }

  #stands(id: string, fence: number): boolean {
    return this.#isOpen && this.isCurrent(this.#term.replica.tasks.records.get(id), fence);
  }

  #grant(lease: Leased): void {
    const { to, attachment, grantNo, id, fence } = lease;
    const record = this.#term.replica.tasks.records.get(id);
    // the member re-attached without it meanwhile, or it was condemned
    if (this.#attached.get(to) !== attachment || !this.isCurrent(record, fence)) return;
    this.#grants.add(to, attachment, grantNo, record!);
    this.#ownershipFeed.touch(id);
  }

  // ---- what leaves at the end of the step -----------------------------------------------------------------

  flush(): void {
    this.#replies.flush();
    this.commands.flush();
    this.#grants.flush();
  }
}

/** What comes after its time was over has another effect than it says. */
function isRefused(record: TaskRecord, { type }: Settlement): boolean {
  return type === "complete" && isExpiring(record);
}

function isLapseOf({ node, boot, isCounted }: Lapse, of: MemberNo, life: number): boolean {
  return isCounted && node === of && boot === life;
}

/** The stewards of this node's terms: opened with a term, found by it. */
export class Stewards {
  readonly #byTerm: WeakMap<Term, Steward> = new WeakMap();
  readonly open: (term: Term) => Steward;

  constructor(context: Context, liveness: Liveness, dispatcher: Dispatcher) {
    this.open = (term) => {
      const steward = new Steward(context, liveness, dispatcher, term);
      this.#byTerm.set(term, steward);
      return steward;
    };
  }

  of(term: Term): Steward {
    return this.#byTerm.get(term)!;
  }
}
