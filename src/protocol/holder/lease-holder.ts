/**
 * A node as the one that runs tasks: its sessions in every partition, what it holds, and until when. A lease
 * is valid until (the majority-th latest send time vouched within one configuration) + TTL on this node's
 * lease clock. Nothing starts, and nothing it says counts, on any other ground.
 */
import type { Core } from "../context/context.ts";
import { compareBallots, isSameBallot } from "../model/ballot.ts";
import type { Input, LossReason } from "../model/contract.ts";
import type {
  AttachReplyMessage,
  BeatReplyMessage,
  DeliverMessage,
  GrantMessage,
  SettleReplyMessage,
} from "../model/messages.ts";
import type { Ballot, Configuration, MemberNo } from "../model/types.ts";
import { keepsLease } from "../state/task-machine.ts";
import { Admission, StartQueue } from "./admission.ts";
import type { Credit } from "./credit.ts";
import type { Held } from "./held-leases.ts";
import {
  beginAttach,
  createSession,
  isPresent,
  newGrants,
  sendDue,
  takeVouch,
  tell,
  vouchersOf,
  type WorkerSession,
} from "./session.ts";

export class LeaseHolder {
  readonly #core: Core;
  readonly #credit: Credit;
  readonly sessions: SessionTable = new SessionTable();
  readonly #sessions: readonly WorkerSession[] = this.sessions.all;
  readonly #queue: StartQueue = new StartQueue();
  readonly #dirty: Set<WorkerSession> = new Set();
  readonly #admission: Admission;
  readonly readiness: Readiness;

  constructor(core: Core, credit: Credit) {
    this.#core = core;
    this.#credit = credit;
    this.#admission = new Admission(credit);
    this.readiness = new Readiness(core);
  }

  /** A roster was adopted: its configurations are those that vouch. */
  adopt(): void {
    this.sessions.adopt(this.#core.roster!.chains);
  }

  /** This node belongs to no cluster any more, or is another member of it now: it holds nothing. */
  reset(): void {
    this.#queue.clear();
    for (const session of this.#sessions) {
      for (const held of [...session.holdings.values()]) {
        this.#forget(session, held);
        if (held.isStarted) this.#lost(session.p, held, "condemned");
      }
    }
    this.sessions.forget(this.#core.clock.leaseMs);
    this.#dirty.clear();
    this.readiness.reset();
  }

  validUntilMs = (p: number): number => this.#sessions[p]?.validUntilMs ?? -Infinity;
  reignOf = (p: number): Ballot | null => this.#sessions[p]?.reign ?? null;
  running = (): ReturnType<SessionTable["running"]> => this.sessions.running();

  onBeatReply(from: MemberNo, message: BeatReplyMessage): void {
    if (message.boot !== this.#core.options.boot) return;
    for (const { p, n } of message.condemned) {
      const session = this.#sessions[p];
      if (session && n >= session.n) this.#onCondemned(session, n);
    }
    for (const { cfg, bits } of message.vouches) {
      const vouch = { cfg, from, sentMs: message.sentMs };
      for (let p = 0; p < this.#sessions.length; p++) {
        const session = this.#sessions[p]!;
        if ((bits[p >> 3]! & (1 << (p & 7))) === 0) continue;
        takeVouch(this.#core, session, vouch);
        if (session.holdings.waitingCount > 0) this.#startWaiting(session);
      }
    }
  }

  #onCondemned(session: WorkerSession, n: number): void {
    session.n = n + 1;
    session.minSentMs = this.#core.clock.leaseMs;
    for (const { vouchedMs } of session.vouchers) vouchedMs.fill(-Infinity);
    session.validUntilMs = -Infinity;
    this.#dropUnsettled(session, "condemned");
    this.#reattach(session);
  }

  /** Loses everything but what has already been reported to the steward: that may still be accepted. */
  #dropUnsettled(session: WorkerSession, reason: LossReason): void {
    for (const held of session.holdings.values()) {
      if (held.isSettling) continue;
      this.#forget(session, held);
      if (held.isStarted) this.#lost(session.p, held, reason);
    }
  }

  #lost(p: number, held: Held, reason: LossReason): void {
    this.#core.emit({ type: "lost", p, id: held.id, fence: held.fence, reason });
  }

  #forget(session: WorkerSession, held: Held): void {
    if (!session.holdings.remove(held.fence)) return;
    this.#admission.ended(held);
    this.#credit.ended(held.task.name);
    const next = this.#queue.take((other) => this.#admission.mayStart(other));
    if (next) this.#start(next.session, next.held);
  }

  tick(): void {
    const { leaseMs, monoMs } = this.#core.clock;
    const { marginMs, resendMs, heartbeatMs } = this.#core.options;
    for (const session of this.#queue.giveBack(leaseMs - 2 * heartbeatMs)) this.#dirty.add(session);
    let isAttached = true;
    let earliestMs = Infinity;
    for (let p = 0; p < this.#sessions.length; p++) {
      const session = this.#sessions[p]!;
      const { holdings, validUntilMs } = session;
      if (!this.#core.reach.wants(p) && holdings.size === 0) continue;
      if (validUntilMs < earliestMs) earliestMs = validUntilMs;
      if (holdings.size > 0) {
        if (leaseMs >= validUntilMs) this.#lapse(session);
        else if (leaseMs >= validUntilMs - marginMs) this.#abort(session);
      }
      if (!session.isAttached) isAttached = false;
      if (!session.isAttached && session.reign && monoMs - session.attachSentMs >= resendMs) {
        this.#dirty.add(session);
      }
      if (holdings.hasOverdue(monoMs - resendMs)) this.#dirty.add(session);
      if (holdings.acks.length > 0) {
        holdings.areAcksDue = true;
        this.#dirty.add(session);
      }
    }
    if (this.#sessions.length > 0) this.readiness.note(isAttached, earliestMs - marginMs - leaseMs);
  }

  #abort(session: WorkerSession): void {
    for (const held of session.holdings.values()) {
      if (!held.isStarted || held.isSettling || held.isAborted) continue;
      held.isAborted = true;
      this.#core.emit({ type: "abort", p: session.p, id: held.id, fence: held.fence });
    }
  }

  /** A lapsed lease never comes back, even if the session is vouched for again. */
  #lapse(session: WorkerSession): void {
    const before = session.holdings.size;
    const patienceMs = this.#core.clock.leaseMs - this.#core.options.leaseTtlMs;
    for (const held of session.holdings.values()) {
      if (held.isSettling || (!held.isStarted && held.grantedMs > patienceMs)) continue;
      this.#forget(session, held);
      if (held.isStarted) this.#lost(session.p, held, "lapsed");
    }
    if (session.holdings.size === before) return;
    // whatever it wants of that partition now, its steward must hear that it holds less
    this.#core.reach.call(session.p);
    this.#reattach(session);
  }

  /** Hears that `ballot` reigns in `p`. */
  onReign(p: number, ballot: Ballot): void {
    const session = this.#sessions[p];
    if (!session || compareBallots(ballot, session.reign) <= 0) return;
    session.reign = ballot;
    const member = this.#core.memberByNo.get(ballot.node);
    if (member) this.#core.event({ type: "steward", p, ballot, node: member.id });
    this.#reattach(session);
  }

  #reattach(session: WorkerSession): void {
    beginAttach(session);
    const isWanted = this.#core.reach.wants(session.p) || session.holdings.size > 0;
    if (session.reign && isWanted) this.#dirty.add(session);
  }

  /** A steward has tasks and too few for them. Returns the partitions to which this node comes. */
  onCalled(from: MemberNo): readonly number[] {
    const { reach } = this.#core;
    const called = this.#sessions.filter(({ p, reign }) => reign?.node === from && !reach.wants(p));
    for (const session of called) {
      reach.call(session.p);
      this.#dirty.add(session);
    }
    return called.map(({ p }) => p);
  }

  /** Out of touch with a steward: of a partition that it runs no tasks of nobody would tell the next one. */
  onPeerDown(no: MemberNo): void {
    for (const session of this.#sessions) {
      if (session.reign?.node === no && !this.#core.reach.wants(session.p)) session.reign = null;
    }
  }

  /** The connection to a steward came (back) up: what was sent meanwhile is gone. */
  onPeerUp(no: MemberNo): void {
    for (const session of this.#sessions) {
      if (session.reign?.node !== no) continue;
      session.attachSentMs = -Infinity;
      session.holdings.resendAll();
      this.#dirty.add(session);
    }
  }

  onAttachReply(message: AttachReplyMessage): void {
    const session = this.#sessions[message.p];
    if (!session || message.boot !== this.#core.options.boot) return;
    if (!isSameBallot(session.reign, message.ballot)) return;
    if (message.condemned >= session.n) this.#onCondemned(session, message.condemned);
    else if (message.condemned === 0 && message.attach === session.attach) {
      session.isAttached = true;
      session.holdings.resendAll();
      this.#dirty.add(session);
    }
  }

  onGrant(from: MemberNo, message: GrantMessage): void {
    const session = this.#sessions[message.p];
    if (!session) return;
    if (!isPresent(this.#core, session, message)) return this.#enlighten(session, message);
    for (const task of newGrants(session, message)) {
      const held = session.holdings.add(task, from, this.#core.clock.leaseMs);
      this.#credit.received(from, task);
      this.#start(session, held);
    }
  }

  /** In a large cluster: a steward takes this node for attached, from before it stopped wanting to be. */
  #enlighten(session: WorkerSession, { boot, ballot }: GrantMessage): void {
    const { reach, options } = this.#core;
    if (boot !== options.boot || reach.wants(session.p) || compareBallots(ballot, session.reign) < 0) return;
    reach.call(session.p);
    this.onReign(session.p, ballot);
    this.#dirty.add(session);
  }

  #start(session: WorkerSession, held: Held): void {
    const { leaseMs } = this.#core.clock;
    if (leaseMs >= session.validUntilMs - this.#core.options.marginMs) return;
    const verdict = this.#admission.judge(held);
    if (verdict === "wait") return this.#queue.add(session, held);
    if (verdict !== "start") {
      session.holdings.settle(held, { seq: 0, upTo: 0 }, verdict);
      this.#dirty.add(session);
      return;
    }
    this.#admission.started(held);
    session.holdings.start(held);
    this.#core.emit({ type: "start", p: session.p, task: held.task });
  }

  #startWaiting(session: WorkerSession): void {
    for (const held of session.holdings.values()) {
      if (!held.isStarted && !held.isSettling && !this.#queue.has(held)) this.#start(session, held);
    }
  }

  onDeliver({ p, items }: DeliverMessage): void {
    if (this.#sessions[p]) tell(this.#core, this.#sessions[p], items);
  }

  settle(input: Extract<Input, { type: "settle" }>): void {
    const { p, id, fence, seq, settlement } = input;
    const session = this.#sessions[p];
    const held = session?.holdings.get(fence);
    if (!session || !held || held.isSettling) {
      this.#core.emit({ type: "settled", p, id, fence, seq, accepted: false });
      return;
    }
    session.holdings.settle(held, input, settlement);
    this.#dirty.add(session);
  }

  onSettleReply(message: SettleReplyMessage): void {
    const session = this.#sessions[message.p];
    if (!session) return;
    for (const { fence, seq, accepted } of message.items) {
      const held = session.holdings.get(fence);
      const settlement = held && session.holdings.answered(fence, seq);
      if (!settlement) continue;
      if (held.isStarted) {
        this.#core.emit({ type: "settled", p: session.p, id: held.id, fence, seq, accepted });
      }
      const isOver = !keepsLease(settlement);
      if (isOver || !accepted) this.#forget(session, held);
      if (!isOver && !accepted && !held.isSettling) this.#lost(session.p, held, "stale");
    }
  }

  flush(): void {
    for (const session of this.#dirty) sendDue(this.#core, session);
    this.#dirty.clear();
  }
}

/** Tells the host when this node can work: attached everywhere, and with a quorum for its leases. */
export class Readiness {
  isReady = false;
  readonly #core: Core;
  #hasQuorum = false;

  constructor(core: Core) {
    this.#core = core;
  }

  reset(): void {
    this.isReady = false;
  }

  /** `leftMs`: until what runs here must stop, if no keeper vouches for it again. */
  note(isAttached: boolean, leftMs: number): void {
    const hasQuorum = leftMs > 0;
    if (leftMs < this.#core.options.heartbeatMs) this.#core.hurry();
    if (isAttached && hasQuorum && !this.isReady) {
      this.isReady = this.#hasQuorum = true;
      const { epoch, members } = this.#core.roster!;
      this.#core.event({ type: "ready", epoch, members: members.length });
    } else if (this.isReady && hasQuorum !== this.#hasQuorum) {
      this.#hasQuorum = hasQuorum;
      this.#core.event({ type: "quorum", held: hasQuorum });
    }
  }
}

/** A node's sessions, one for each partition, over its memberships. lease-holder.ts changes them. */
export class SessionTable {
  /** By partition; empty in no cluster. */
  readonly all: WorkerSession[] = [];
  /** What an earlier membership left behind. */
  #after = { attach: 0, sentMs: -Infinity };

  adopt(chains: readonly (readonly Configuration[])[]): void {
    chains.forEach((chain, p) => {
      const session = this.all[p] ??= createSession(p, this.#after);
      session.vouchers = vouchersOf(chain, session.vouchers);
    });
  }

  /** The membership ends; nothing that was sent to it counts for the next one. */
  forget(leaseMs: number): void {
    const attach = Math.max(this.#after.attach, ...this.all.map((session) => session.attach));
    this.#after = { attach, sentMs: leaseMs };
    this.all.length = 0;
  }

  *running(): Iterable<Pick<Held, "id" | "fence"> & { readonly p: number }> {
    for (const { p, holdings } of this.all) {
      for (const { id, fence, isStarted } of holdings.values()) if (isStarted) yield { p, id, fence };
    }
  }

  /** Partitions of which it holds leases. */
  *heldPartitions(): Iterable<number> {
    for (const { p, holdings } of this.all) if (holdings.size > 0) yield p;
  }

  /** Sessions that are not the first, for the beat. */
  numbers(): { readonly p: number; readonly n: number }[] {
    const list: { p: number; n: number }[] = [];
    for (const { p, n } of this.all) if (n !== 1) list.push({ p, n });
    return list;
  }
}
