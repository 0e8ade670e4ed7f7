/** What a node knows of its own session in one partition. worker.ts changes it; nobody else looks. */
import type { Core } from "./core.ts";
import { Holdings } from "./holdings.ts";
import type { Ballot, MemberNo } from "./types.ts";

export interface WorkerSession {
  readonly p: number;
  readonly cfg: number;
  readonly keepers: readonly MemberNo[];
  n: number;
  /** Send times of beats vouched for, by position in `keepers`. */
  readonly vouchedMs: Float64Array;
  validUntilMs: number;
  /** Vouches for beats sent up to here are for an earlier session. */
  minSentMs: number;
  reign: Ballot | null;
  attach: number;
  isAttached: boolean;
  attachSentMs: number;
  /** Fences handled under the present attach, and the bound below which all were. */
  readonly seen: Set<number>;
  floor: number;
  readonly holdings: Holdings;
}

export function createSession(p: number, cfg: number, keepers: readonly MemberNo[]): WorkerSession {
  return {
    p,
    cfg,
    keepers,
    n: 1,
    vouchedMs: new Float64Array(keepers.length).fill(-Infinity),
    validUntilMs: -Infinity,
    minSentMs: -Infinity,
    reign: null,
    attach: 0,
    isAttached: false,
    attachSentMs: -Infinity,
    seen: new Set(),
    floor: 0,
    holdings: new Holdings(),
  };
}

/** Sends the steward what is due: the attach, acks of grants, reports of what ended. */
export function sendDue(core: Core, session: WorkerSession): void {
  const { p, reign: ballot, holdings, n, attach } = session;
  if (!ballot) return;
  const { monoMs } = core.clock;
  const { boot, resendMs } = core.options;
  if (!session.isAttached && monoMs - session.attachSentMs >= resendMs) {
    session.attachSentMs = monoMs;
    const held = Array.from(holdings.values(), ({ id, fence }) => ({ id, fence }));
    core.send(ballot.node, { type: "attach", p, ballot, boot, n, attach, held });
  }
  const fences = holdings.takeAcks();
  if (fences.length > 0) core.send(ballot.node, { type: "grantAck", p, ballot, fences });
  const items = holdings.takeDue(monoMs, resendMs);
  if (items.length > 0) core.send(ballot.node, { type: "settle", p, items });
}
