/**
 * A node as the one that runs tasks: its sessions in every partition, what it holds, and until when. A lease
 * is valid until (the majority-th latest send time vouched within one configuration) + TTL on this node's
 * lease clock. Nothing starts, and nothing it says counts, on any other ground.
 *
 * The room `holder` is the node that runs tasks. It may touch `context` and what is below; of stewards it
 * knows what they send.
 * Next: session.ts (one session and its lease), held-leases.ts, admission.ts (what may start now), credit.ts
 * and handler-limits.ts (how much it takes from whom).
 */
import type { Context } from "../context/context.ts";
import { compareBallots, isSameBallot } from "../model/ballot.ts";
import type { Input, LossReason } from "../model/contract.ts";
import type {
  AttachReplyMessage,
  DeliverMessage,
  GrantMessage,
  HeartbeatReplyMessage,
  SettleReplyMessage,
} from "../model/messages.ts";
import type { Ballot, Configuration, MemberNo } from "../model/types.ts";
import { keepsLease } from "../state/task-machine.ts";
import { Admission, StartQueue, type Verdict } from "./admission.ts";
import type { Credit } from "./credit.ts";
import type { HeldLease } from "./held-leases.ts";
import {
  beginAttach,
  createSession,
  deliverCommands,
  type HolderSession,
  isPresent,
  newGrants,
  sendDue,
  takeVouch,
  vouchersOf,
} from "./session.ts";

const GIVEN_BACK: Verdict = { type: "release" };

export class LeaseHolder {
  readonly #context: Context;
  readonly #credit: Credit;
  readonly sessions: SessionTable = new SessionTable();
  readonly #sessions: readonly HolderSession[] = this.sessions.all;
  readonly #queue: StartQueue = new StartQueue();
  readonly #dirty: Set<HolderSession> = new Set();
  readonly #admission: Admission;
  readonly readiness: Readiness;

  constructor(context: Context, credit: Credit) {
    this.#context = context;
    this.#credit = credit;
    this.#admission = new Admission(credit);
    this.readiness = new Readiness(context);
  }

  /** A roster was adopted: its configurations are those that vouch. */
  adopt(): void {
    this.sessions.adopt(this.#context.roster!.chains);
    // what was demanded is forgotten with the roster before
    for (const { p, owesAttach } of this.#sessions) if (owesAttach) this.#context.topology.addDemanded(p);
  }

  /** This node belongs to no cluster any more, or is another member of it now: it holds nothing. */
  reset(): void {
    this.#queue.clear();
    for (const session of this.#sessions) {
      for (const held of [...session.heldLeases.values()]) {
        this.#forget(session, held);
        if (held.isStarted) this.#lost(session, held, "condemned");
      }
    }
    this.sessions.forget(this.#context.clock.leaseMs);
    this.#dirty.clear();
    this.readiness.reset();
  }

  validUntilMs = (p: number): number => this.#sessions[p]?.validUntilMs ?? -Infinity;
  /**
   * The last look before a handler is called, at the very moment: its lease stands for longer than the
   * margin. `leaseMs`: the lease clock now, which may be long after the step that started it.
   */
  mayBegin(p: number, fence: number, leaseMs: number): boolean {
    const session = this.#sessions[p];
    const held = session?.heldLeases.get(fence);
    if (!session || !held?.isStarted || held.abortedMs !== null) return false;
    return leaseMs < session.validUntilMs - this.#context.options.marginMs;
  }

  termOf = (p: number): Ballot | null => this.#sessions[p]?.term ?? null;
  running = (): ReturnType<SessionTable["running"]> => this.sessions.running();

  onHeartbeatReply(from: MemberNo, message: HeartbeatReplyMessage): void {
    if (message.boot !== this.#context.options.boot) return;
    for (const { p, n } of message.condemned) {
      const session = this.#sessions[p];
      if (session && n >= session.n) this.#onCondemned(session, n);
    }
    for (const { cfg, bits } of message.vouches) {
      const vouch = { cfg, from, sentMs: message.sentMs };
      for (let p = 0; p < this.#sessions.length; p++) {
        const session = this.#sessions[p]!;
        if ((bits[p >> 3]! & (1 << (p & 7))) === 0) continue;
        takeVouch(this.#context, session, vouch);
        if (session.heldLeases.waitingCount > 0) this.#startWaiting(session);
      }
    }
  }

  #onCondemned(session: HolderSession, n: number): void {
    session.n = n + 1;
    session.minSentMs = this.#context.clock.leaseMs;
    for (const { vouchedMs } of session.vouchers) vouchedMs.fill(-Infinity);
    session.validUntilMs = -Infinity;
    this.#dropUnsettled(session, "condemned");
    this.#reattach(session);
  }

  /** Loses everything but what has already been reported to the steward: that may still be accepted. */
  #dropUnsettled(session: HolderSession, reason: LossReason): void {
    for (const held of session.heldLeases.values()) {
      if (held.isSettling) continue;
      this.#forget(session, held);
      if (held.isStarted) this.#lost(session, held, reason);
    }
  }

  /** The handler's signal aborts now at the latest. */
  #lost(session: HolderSession, held: HeldLease, reason: LossReason): void {
    const { monoMs } = this.#context.clock;
    const stoppedMs = (held.abortedMs ?? monoMs) + this.#context.options.marginMs;
    session.quietUntilMs = Math.max(session.quietUntilMs, stoppedMs);
    this.#context.emit({ type: "lost", p: session.p, id: held.id, fence: held.fence, reason });
  }

  #forget(session: HolderSession, held: HeldLease): void {
    if (!session.heldLeases.remove(held.fence)) return;
    this.#admission.ended(held);
    this.#credit.ended(held.task.name);
    const next = this.#queue.take((other) => this.#admission.mayStart(other));
    if (next) this.#start(next.session, next.held);
  }

  tick(): void {
    const { leaseMs, monoMs } = this.#context.clock;
    const { marginMs, resendMs, heartbeatMs } = this.#context.options;
    this.#admission.tick(leaseMs);
    for (const session of this.#queue.giveBack(leaseMs - 2 * heartbeatMs)) this.#dirty.add(session);
    let isAttached = true;
    let earliestMs = Infinity;
    for (let p = 0; p < this.#sessions.length; p++) {
      const session = this.#sessions[p]!;
      const { heldLeases, validUntilMs } = session;
      if (!this.#context.topology.wants(p) && heldLeases.size === 0) continue;
      if (validUntilMs < earliestMs) earliestMs = validUntilMs;
      if (heldLeases.size > 0) {
        if (leaseMs >= validUntilMs) this.#lapse(session);
        else if (leaseMs >= validUntilMs - marginMs) this.#abort(session);
      }
      if (!session.isAttached) isAttached = false;
      if (!session.isAttached && session.term && monoMs - session.attachSentMs >= resendMs) {
        this.#dirty.add(session);
      }
      if (heldLeases.hasOverdue(monoMs - resendMs)) this.#dirty.add(session);
      if (heldLeases.acks.length > 0) {
        heldLeases.areAcksDue = true;
        this.#dirty.add(session);
      }
    }
    if (this.#sessions.length > 0) this.readiness.note(isAttached, earliestMs - marginMs - leaseMs);
  }

  #abort(session: HolderSession): void {
    for (const held of session.heldLeases.values()) {
      if (!held.isStarted || held.isSettling || held.abortedMs !== null) continue;
      held.abortedMs = this.#context.clock.monoMs;
      this.#context.emit({ type: "abort", p: session.p, id: held.id, fence: held.fence });
    }
  }

  /** A lapsed lease never comes back, even if the session is vouched for again. */
  #lapse(session: HolderSession): void {
    const before = session.heldLeases.size;
    const patienceMs = this.#context.clock.leaseMs - this.#context.options.leaseTtlMs;
    for (const held of session.heldLeases.values()) {
      if (held.isSettling || (!held.isStarted && held.grantedMs > patienceMs)) continue;
      this.#forget(session, held);
      if (held.isStarted) this.#lost(session, held, "lapsed");
    }
    if (session.heldLeases.size === before) return;
    // whatever it wants of that partition now, its steward must hear that it holds less
    session.owesAttach = true;
    this.#context.topology.addDemanded(session.p);
    this.#reattach(session);
  }

  /** The steward of `ballot` was heard of in `p`. */
  onTerm(p: number, ballot: Ballot): void {
    const session = this.#sessions[p];
    if (!session || compareBallots(ballot, session.term) <= 0) return;
    session.term = ballot;
    const member = this.#context.memberByNo.get(ballot.node);
    if (member) this.#context.event({ type: "steward", p, ballot, node: member.id });
    this.#reattach(session);
  }

  #reattach(session: HolderSession): void {
    beginAttach(session);
    const isWanted = this.#context.topology.wants(session.p) || session.heldLeases.size > 0;
    if (session.term && isWanted) this.#dirty.add(session);
  }

  /** A steward has tasks and too few for them. Returns the partitions to which this node comes. */
  onDemandFrom(from: MemberNo): readonly number[] {
    const { topology } = this.#context;
    const demanded = this.#sessions.filter(({ p, term }) => term?.node === from && !topology.wants(p));
    for (const session of demanded) {
      topology.addDemanded(session.p);
      this.#dirty.add(session);
    }
    return demanded.map(({ p }) => p);
  }

  /** Out of touch with a steward: nobody would name the next one of a partition that it runs no tasks of. */
  onPeerDown(no: MemberNo): void {
    for (const session of this.#sessions) {
      if (session.term?.node === no && !this.#context.topology.wants(session.p)) session.term = null;
    }
  }

  /** The connection to a steward came (back) up: what was sent meanwhile is gone. */
  onPeerUp(no: MemberNo): void {
    for (const session of this.#sessions) {
      if (session.term?.node !== no) continue;
      session.attachSentMs = -Infinity;
      session.heldLeases.resendAll();
      this.#dirty.add(session);
    }
  }

  onAttachReply(message: AttachReplyMessage): void {
    const session = this.#sessions[message.p];
    if (!session || message.boot !== this.#context.options.boot) return;
    if (!isSameBallot(session.term, message.ballot)) return;
    if (message.condemned >= session.n) this.#onCondemned(session, message.condemned);
    else if (message.condemned === 0 && message.attach === session.attach) {
      session.isAttached = true;
      session.owesAttach = false;
      session.heldLeases.resendAll();
      this.#dirty.add(session);
    }
  }

  onGrant(from: MemberNo, message: GrantMessage): void {
    const session = this.#sessions[message.p];
    if (!session) return;
    if (!isPresent(this.#context, session, message)) return this.#enlighten(session, message);
    for (const task of newGrants(session, message)) {
      const held = session.heldLeases.add(task, from, this.#context.clock.leaseMs);
      this.#credit.received(from, task);
      this.#start(session, held);
    }
  }

  /** In a large cluster: a steward takes this node for attached, from before it stopped wanting to be. */
  #enlighten(session: HolderSession, { boot, ballot }: GrantMessage): void {
    const { topology, options } = this.#context;
    if (boot !== options.boot || topology.wants(session.p) || compareBallots(ballot, session.term) < 0) {
      return;
    }
    topology.addDemanded(session.p);
    this.onTerm(session.p, ballot);
    this.#dirty.add(session);
  }

  #start(session: HolderSession, held: HeldLease): void {
    const { leaseMs } = this.#context.clock;
    if (leaseMs >= session.validUntilMs - this.#context.options.marginMs) return;
    const verdict = this.#isOver(session, held) ? GIVEN_BACK : this.#admission.judge(held);
    if (verdict === "wait") return this.#queue.add(session, held);
    if (verdict !== "start") {
      session.heldLeases.settle(held, { seq: 0, upTo: 0 }, verdict);
      this.#dirty.add(session);
      return;
    }
    this.#admission.started(held);
    session.heldLeases.start(held);
    this.#context.emit({ type: "start", p: session.p, task: held.task });
  }

  /** Its time has come, by the clocks of those who keep it as far as this node hears them. */
  #isOver({ vouchers }: HolderSession, { task: { expiresAtMs } }: HeldLease): boolean {
    if (expiresAtMs === 0) return false;
    const { keepers } = vouchers.at(-1)!;
    return this.#context.wallClocks.boundsOf(keepers).reachedMs >= expiresAtMs;
  }

  #startWaiting(session: HolderSession): void {
    for (const held of session.heldLeases.values()) {
      if (!held.isStarted && !held.isSettling && !this.#queue.has(held)) this.#start(session, held);
    }
  }

  onDeliver({ p, items }: DeliverMessage): void {
    if (this.#sessions[p]) deliverCommands(this.#context, this.#sessions[p], items);
  }

  settle(input: Extract<Input, { type: "settle" }>): void {
    const { p, id, fence, seq, settlement } = input;
    const session = this.#sessions[p];
    const held = session?.heldLeases.get(fence);
    if (!session || !held || held.isSettling) {
      this.#context.emit({ type: "settled", p, id, fence, seq, accepted: false });
      return;
    }
    session.heldLeases.settle(held, input, settlement);
    this.#dirty.add(session);
  }

  onSettleReply(message: SettleReplyMessage): void {
    const session = this.#sessions[message.p];
    if (!session) return;
    for (const { fence, seq, accepted } of message.items) {
      const held = session.heldLeases.get(fence);
      const settlement = held && session.heldLeases.answered(fence, seq);
      if (!settlement) continue;
      if (held.isStarted) {
        this.#context.emit({ type: "settled", p: session.p, id: held.id, fence, seq, accepted });
      }
      if (accepted && settlement.type === "checkpoint") this.#admission.proven(held);
      const isOver = !keepsLease(settlement);
      if (isOver || !accepted) this.#forget(session, held);
      if (!isOver && !accepted && !held.isSettling) this.#lost(session, held, "stale");
    }
  }

  flush(): void {
    for (const session of this.#dirty) sendDue(this.#context, session);
    this.#dirty.clear();
  }
}

/** Notifies the host when this node can work: attached everywhere, and with a quorum for its leases. */
export class Readiness {
  isReady = false;
  readonly #context: Context;
  #hasQuorum = false;

  constructor(context: Context) {
    this.#context = context;
  }

  reset(): void {
    this.isReady = false;
  }

  /** `leftMs`: until what runs here must stop, if no keeper vouches for it again. */
  note(isAttached: boolean, leftMs: number): void {
    const hasQuorum = leftMs > 0;
    if (leftMs < this.#context.options.heartbeatMs) this.#context.tickSoon();
    if (isAttached && hasQuorum && !this.isReady) {
      this.isReady = this.#hasQuorum = true;
      const { epoch, members } = this.#context.roster!;
      this.#context.event({ type: "ready", epoch, members: members.length });
    } else if (this.isReady && hasQuorum !== this.#hasQuorum) {
      this.#hasQuorum = hasQuorum;
      this.#context.event({ type: "quorum", held: hasQuorum });
    }
  }
}

/** A node's sessions, one for each partition, over its memberships. The lease holder changes them. */
export class SessionTable {
  /** By partition; empty in no cluster. */
  readonly all: HolderSession[] = [];
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

  *running(): Iterable<Pick<HeldLease, "id" | "fence"> & { readonly p: number }> {
    for (const { p, heldLeases } of this.all) {
      for (const { id, fence, isStarted } of heldLeases.values()) if (isStarted) yield { p, id, fence };
    }
  }

  /** Partitions of which it holds leases. */
  *heldPartitions(): Iterable<number> {
    for (const { p, heldLeases } of this.all) if (heldLeases.size > 0) yield p;
  }

  /** Sessions that are not the first, for the heartbeat. */
  numbers(): { readonly p: number; readonly n: number }[] {
    const list: { p: number; n: number }[] = [];
    for (const { p, n } of this.all) if (n !== 1) list.push({ p, n });
    return list;
  }
}
