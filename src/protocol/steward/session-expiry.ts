/**
 * Ending the sessions of silent nodes: CONDEMN, wait out, REVERT. From the moment that a keeper appended the
 * CONDEMN it vouches no more, so a majority that has it is the cut-off; the REVERT waits until every lease
 * that this majority may have vouched for has ended on the slowest clock allowed. Proof: docs/protocol.md.
 */
import { majorityOf } from "../model/ballot.ts";
import type { Context } from "../context/context.ts";
import type { Term } from "../log/term.ts";
import type { Liveness } from "../context/liveness.ts";
import type { SessionEnd } from "../state/lapses.ts";
import { ownerKey } from "../state/lease-counts.ts";
import type { Fate, MemberNo, SessionId, Silence } from "../model/types.ts";

export interface SessionExpiryPort {
  /** Leases were taken back. */
  reverted(): void;
  announceAll(): void;
}

interface Pending {
  readonly session: SessionId;
  readonly index: number;
  /** Per keeper: when its silence will have lasted for the whole wait. */
  readonly dueMs: Map<MemberNo, number>;
  /** What the keepers say of its process. */
  readonly fates: Map<MemberNo, Fate>;
  isReverted: boolean;
}

export class SessionExpiry {
  readonly #context: Context;
  readonly #liveness: Liveness;
  readonly #term: Term;
  readonly #port: SessionExpiryPort;
  readonly #pending: Map<number, Pending> = new Map();

  constructor(context: Context, liveness: Liveness, term: Term, port: SessionExpiryPort) {
    this.#port = port;
    this.#context = context;
    this.#liveness = liveness;
    this.#term = term;
  }

  /** How long a lease may live after the last vouch, seen from the fastest keeper and the slowest holder. */
  get waitMs(): number {
    const { leaseTtlMs, clockRateBound } = this.#context.options;
    return leaseTtlMs * (1 + clockRateBound) / (1 - clockRateBound);
  }

  tick(): void {
    const { tasks } = this.#term.replica;
    if (tasks.leases.total === 0) return;
    tasks.leases.forEach(this.#condemnIfSilent);
    const mine = this.#liveness.silences(tasks, this.#term.keeper.silenceFloorMs);
    if (mine.length === 0) return;
    this.#context.tickSoon();
    this.note(this.#context.self, mine, this.#term.replica.lastIndex);
    for (const pending of this.#pending.values()) this.#revertIfDue(pending);
  }

  readonly #condemnIfSilent = (owner: number, newest: number): void => {
    const lastHeardMs = Math.max(this.#liveness.ownerHeardMs(owner), this.#term.keeper.silenceFloorMs);
    const silentMs = this.#context.clock.monoMs - lastHeardMs;
    if (silentMs > 2 * this.#context.options.heartbeatMs) this.#context.tickSoon();
    if (silentMs <= this.#context.options.leaseTtlMs) return;
    const node = Math.floor(owner / 0x1_0000_0000);
    const session = { node, boot: owner % 0x1_0000_0000, n: newest };
    if (this.#term.replica.tasks.isCondemned(session)) return;
    this.#term.propose({ type: "condemn", session });
    const member = this.#context.memberByNo.get(node);
    if (member) this.#context.event({ type: "condemned", p: this.#term.p, node: member.id });
  };

  /** A keeper reports how long condemned sessions had been silent there. */
  note(keeper: MemberNo, silences: readonly Silence[], matchIndex: number): void {
    for (const { session, index, elapsedMs, fate } of silences) {
      if (index > matchIndex) continue;
      const owner = ownerKey(session);
      let pending = this.#pending.get(owner);
      if (!pending || pending.index !== index || pending.session.n !== session.n) {
        const known = this.#term.replica.tasks.condemned.get(owner);
        if (!known || known.session.n !== session.n) continue;
        if (!pending || pending.session.n < session.n) {
          pending = { session, index, dueMs: new Map(), fates: new Map(), isReverted: false };
          this.#pending.set(owner, pending);
        }
      }
      const dueMs = this.#context.clock.monoMs + this.waitMs - elapsedMs;
      pending.dueMs.set(keeper, Math.min(pending.dueMs.get(keeper) ?? Infinity, dueMs));
      pending.fates.set(keeper, fate);
    }
  }

  /** Most of those that know: one keeper alone may have lost its link to a node that lives. */
  #endOf({ session, fates }: Pending): SessionEnd {
    const atMs = this.#term.time.nowMs;
    const countOf = (fate: Fate): number =>
      this.#term.keeper.voters.filter((no) => fates.get(no) === fate).length;
    const isDead = countOf("dead") > countOf("silent");
    const aliveMs = (isDead ? this.#liveness.closedMs(session) : undefined) ??
      this.#liveness.heardMs(session);
    if (aliveMs === undefined) return { atMs, heardAtMs: 0, isDead };
    return { atMs, heardAtMs: Math.max(0, atMs - (this.#context.clock.monoMs - aliveMs)), isDead };
  }

  #revertIfDue(pending: Pending): void {
    const { replica, keeper } = this.#term;
    if (pending.isReverted || replica.commit < pending.index) return;
    const due = keeper.voters.map((no) => pending.dueMs.get(no) ?? Infinity).sort((a, b) => a - b);
    if (this.#context.clock.monoMs < due[majorityOf(due.length) - 1]!) return;
    pending.isReverted = true;
    const index = this.#term.propose({ type: "revert", session: pending.session, ...this.#endOf(pending) });
    this.#port.reverted();
    this.#term.whenChosen(index, () => this.#port.announceAll());
  }
}
