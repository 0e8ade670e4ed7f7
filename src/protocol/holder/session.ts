/** What a node knows of its own session in one partition. lease-holder.ts changes it; nobody else looks. */
import { isSameBallot, majorityReached } from "../model/ballot.ts";
import type { Core } from "../context/context.ts";
import { Holdings } from "./held-leases.ts";
import type { GrantedTask, GrantMessage } from "../model/messages.ts";
import type { Delivery } from "../model/messages.ts";
import type { Ballot, Configuration, MemberNo } from "../model/types.ts";

/** Vouches count within one configuration only: those of two never make a majority together. */
export interface Vouchers {
  readonly cfg: number;
  readonly keepers: readonly MemberNo[];
  /** Send times of beats vouched for, by position in `keepers`. */
  readonly vouchedMs: Float64Array;
}

export interface WorkerSession {
  readonly p: number;
  /** One per configuration that is not retired yet. */
  vouchers: readonly Vouchers[];
  n: number;
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

/** Those of configurations that stay are kept. */
export function vouchersOf(chain: readonly Configuration[], known: readonly Vouchers[]): Vouchers[] {
  return chain.map(({ epoch: cfg, keepers }) =>
    known.find((vouchers) => vouchers.cfg === cfg) ??
      { cfg, keepers, vouchedMs: new Float64Array(keepers.length).fill(-Infinity) }
  );
}

/** `after`: what an earlier membership of this node left behind; its messages must not count for this one. */
export function createSession(p: number, after: { attach: number; sentMs: number }): WorkerSession {
  return {
    p,
    vouchers: [],
    n: 1,
    validUntilMs: -Infinity,
    minSentMs: after.sentMs,
    reign: null,
    attach: after.attach,
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
  if (core.reach.isLarge && !(ballot && core.isConnected(ballot.node))) return askAround(core, session);
  if (!ballot) return;
  const { monoMs } = core.clock;
  const { boot, resendMs } = core.options;
  const isWanted = core.reach.wants(p) || holdings.size > 0;
  if (isWanted && !session.isAttached && monoMs - session.attachSentMs >= resendMs) {
    session.attachSentMs = monoMs;
    const held = Array.from(holdings.values(), ({ id, fence }) => ({ id, fence }));
    core.send(ballot.node, { type: "attach", p, ballot, node: core.self, boot, n, attach, held });
  }
  const fences = holdings.takeAcks();
  if (fences.length > 0) core.send(ballot.node, { type: "grantAck", p, ballot, fences });
  const items = holdings.takeDue(monoMs, resendMs);
  if (items.length > 0) core.send(ballot.node, { type: "settle", p, items });
}

/** Nobody may have told who reigns now: a keeper answers with it, or takes the reports itself. */
function askAround(core: Core, { p, holdings }: WorkerSession): void {
  const items = holdings.takeDue(core.clock.monoMs, core.options.resendMs);
  const to = core.reach.keeperToAsk(p);
  if (items.length > 0 && to >= 0) core.send(to, { type: "settle", p, items });
}

/** From now on only what answers this attach counts. */
export function beginAttach(session: WorkerSession): void {
  session.attach++;
  session.isAttached = false;
  session.attachSentMs = -Infinity;
  session.seen.clear();
  session.floor = 0;
  session.holdings.acks.length = 0;
}

/** A grant counts only for the reign, session and attach that this node is in now. */
export function isPresent(core: Core, session: WorkerSession, message: GrantMessage): boolean {
  if (message.boot !== core.options.boot) return false;
  return message.n === session.n && message.attach === session.attach &&
    isSameBallot(message.ballot, session.reign);
}

/** The tasks of a grant that were not seen yet; all of them are acked. */
export function newGrants(session: WorkerSession, message: GrantMessage): GrantedTask[] {
  session.floor = Math.max(session.floor, message.floor);
  for (const fence of session.seen) {
    if (fence >= session.floor) break;
    session.seen.delete(fence);
  }
  const tasks: GrantedTask[] = [];
  for (const task of message.tasks) {
    session.holdings.acks.push(task.fence);
    if (isSeen(session, task.fence)) continue;
    session.seen.add(task.fence);
    tasks.push(task);
  }
  return tasks;
}

function isSeen(session: WorkerSession, fence: number): boolean {
  return fence < session.floor || session.seen.has(fence);
}

/** Commands for what runs here, each told once; the steward repeats them until they are carried out. */
export function tell(core: Core, { p, holdings }: WorkerSession, items: readonly Delivery[]): void {
  for (const { id, fence, commands } of items) {
    const held = holdings.get(fence);
    if (!held?.isStarted || held.isSettling) continue;
    for (const { no, message } of commands) {
      if (no <= held.toldNo) continue;
      held.toldNo = no;
      core.emit({ type: "tell", p, id, fence, no, message });
    }
  }
}

/** A keeper vouched in configuration `cfg` for the beat that was sent at `sentMs`. */
export function takeVouch(
  core: Core,
  session: WorkerSession,
  { cfg, from, sentMs }: { readonly cfg: number; readonly from: MemberNo; readonly sentMs: number },
): void {
  for (let i = 0; i < session.vouchers.length; i++) {
    const vouchers = session.vouchers[i]!;
    if (vouchers.cfg !== cfg) continue;
    const at = vouchers.keepers.indexOf(from);
    if (at < 0 || sentMs <= session.minSentMs || sentMs <= vouchers.vouchedMs[at]!) return;
    vouchers.vouchedMs[at] = sentMs;
    session.validUntilMs = Math.max(session.validUntilMs, leaseEnd(core, vouchers));
    return;
  }
}

/** Counted from when the beats were sent, never from when their answers came. */
function leaseEnd(core: Core, { vouchedMs }: Vouchers): number {
  return majorityReached(vouchedMs) + core.options.leaseTtlMs;
}
