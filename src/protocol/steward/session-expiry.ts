/**
 * Ending the sessions of silent nodes: CONDEMN, wait out, REVERT. From the moment that a keeper appended the
 * CONDEMN it vouches no more, so a majority that has it is the cut-off; the REVERT waits until every lease
 * that this majority may have vouched for has ended on the slowest clock allowed. Proof: docs/protocol.md.
 */
import { majorityOf } from "../model/ballot.ts";
import type { Core } from "../context/context.ts";
import type { Silence } from "../model/messages.ts";
import type { Reign } from "../log/term.ts";
import type { Sessions } from "../context/liveness.ts";
import { ownerKey } from "../state/lease-counts.ts";
import type { MemberNo, SessionId } from "../model/types.ts";

export interface ExpiryPort {
  /** Leases were taken back. */
  reverted(): void;
  announceAll(): void;
}

interface Pending {
  readonly session: SessionId;
  readonly index: number;
  /** Per keeper: when its silence will have lasted for the whole wait. */
  readonly dueMs: Map<MemberNo, number>;
  isReverted: boolean;
}

export class Expiry {
  readonly #core: Core;
  readonly #sessions: Sessions;
  readonly #reign: Reign;
  readonly #port: ExpiryPort;
  readonly #pending: Map<number, Pending> = new Map();

  constructor(core: Core, sessions: Sessions, reign: Reign, port: ExpiryPort) {
    this.#port = port;
    this.#core = core;
    this.#sessions = sessions;
    this.#reign = reign;
  }

  /** How long a lease may live after the last vouch, seen from the fastest keeper and the slowest holder. */
  get waitMs(): number {
    const { leaseTtlMs, clockRateBound } = this.#core.options;
    return leaseTtlMs * (1 + clockRateBound) / (1 - clockRateBound);
  }

  tick(): void {
    const { tasks } = this.#reign.replica;
    if (tasks.leases.total === 0) return;
    tasks.leases.forEach(this.#condemnIfSilent);
    const mine = this.#sessions.silences(tasks, this.#reign.keeper.silenceFloorMs);
    if (mine.length === 0) return;
    this.#core.hurry();
    this.note(this.#core.self, mine, this.#reign.replica.lastIndex);
    for (const pending of this.#pending.values()) this.#revertIfDue(pending);
  }

  readonly #condemnIfSilent = (owner: number, newest: number): void => {
    const lastHeardMs = Math.max(this.#sessions.ownerHeardMs(owner), this.#reign.keeper.silenceFloorMs);
    const silentMs = this.#core.clock.monoMs - lastHeardMs;
    if (silentMs > 2 * this.#core.options.heartbeatMs) this.#core.hurry();
    if (silentMs <= this.#core.options.leaseTtlMs) return;
    const node = Math.floor(owner / 0x1_0000_0000);
    const session = { node, boot: owner % 0x1_0000_0000, n: newest };
    if (this.#reign.replica.tasks.isCondemned(session)) return;
    this.#reign.propose({ type: "condemn", session });
    const member = this.#core.memberByNo.get(node);
    if (member) this.#core.event({ type: "condemned", p: this.#reign.p, node: member.id });
  };

  /** A keeper reports how long condemned sessions had been silent there. */
  note(keeper: MemberNo, silences: readonly Silence[], matchIndex: number): void {
    for (const { session, index, elapsedMs } of silences) {
      if (index > matchIndex) continue;
      const owner = ownerKey(session);
      let pending = this.#pending.get(owner);
      if (!pending || pending.index !== index || pending.session.n !== session.n) {
        const known = this.#reign.replica.tasks.condemned.get(owner);
        if (!known || known.session.n !== session.n) continue;
        if (!pending || pending.session.n < session.n) {
          pending = { session, index, dueMs: new Map(), isReverted: false };
          this.#pending.set(owner, pending);
        }
      }
      const dueMs = this.#core.clock.monoMs + this.waitMs - elapsedMs;
      pending.dueMs.set(keeper, Math.min(pending.dueMs.get(keeper) ?? Infinity, dueMs));
    }
  }

  #revertIfDue(pending: Pending): void {
    const { replica, keeper } = this.#reign;
    if (pending.isReverted || replica.commit < pending.index) return;
    const due = keeper.keepers.map((no) => pending.dueMs.get(no) ?? Infinity).sort((a, b) => a - b);
    if (this.#core.clock.monoMs < due[majorityOf(due.length) - 1]!) return;
    pending.isReverted = true;
    const atMs = this.#core.clock.wallMs;
    const index = this.#reign.propose({ type: "revert", session: pending.session, atMs });
    this.#port.reverted();
    this.#reign.whenChosen(index, () => this.#port.announceAll());
  }
}
