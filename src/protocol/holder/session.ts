/** What a node knows of its own session in one partition. lease-holder.ts changes it; nobody else looks. */
import { isSameBallot, majorityReached } from "../model/ballot.ts";
import type { Context } from "../context/context.ts";
import { HeldLeases } from "./held-leases.ts";
import type { GrantedTask, GrantMessage } from "../model/messages.ts";
import type { Delivery } from "../model/messages.ts";
import type { Ballot, Configuration, MemberNo } from "../model/types.ts";

/** Vouches count within one configuration only: those of two never make a majority together. */
export interface Vouchers {
  readonly cfg: number;
  readonly keepers: readonly MemberNo[];
  /** Send times of heartbeats vouched for, by position in `keepers`. */
  readonly vouchedMs: Float64Array;
}

export interface HolderSession {
  readonly p: number;
  /** One per configuration that is not retired yet. */
  vouchers: readonly Vouchers[];
  n: number;
  validUntilMs: number;
  /** Vouches for heartbeats sent up to here are for an earlier session. */
  minSentMs: number;
  term: Ballot | null;
  attach: number;
  isAttached: boolean;
  attachSentMs: number;
  /**
   * Handlers whose leases are lost have the margin to stop, from when their signals aborted. Until then no
   * attach says that they are not held: the steward would give their tasks to others at once.
   */
  quietUntilMs: number;
  /** It let go of something and no attach has said so yet. */
  owesAttach: boolean;
  /** Fences handled under the present attach, and the bound below which all were. */
  readonly seen: Set<number>;
  grantFloor: number;
  readonly heldLeases: HeldLeases;
}

/** Those of configurations that stay are kept. */
export function vouchersOf(chain: readonly Configuration[], known: readonly Vouchers[]): Vouchers[] {
  return chain.map(({ epoch: cfg, keepers }) =>
    known.find((vouchers) => vouchers.cfg === cfg) ??
      { cfg, keepers, vouchedMs: new Float64Array(keepers.length).fill(-Infinity) }
  );
}

/** `after`: what an earlier membership of this node left behind; its messages must not count for this one. */
export function createSession(p: number, after: { attach: number; sentMs: number }): HolderSession {
  return {
    p,
    vouchers: [],
    n: 1,
    validUntilMs: -Infinity,
    minSentMs: after.sentMs,
    term: null,
    attach: after.attach,
    isAttached: false,
    attachSentMs: -Infinity,
    quietUntilMs: -Infinity,
    owesAttach: false,
    seen: new Set(),
    grantFloor: 0,
    heldLeases: new HeldLeases(),
  };
}

/** Sends the steward what is due: the attach, acks of grants, reports of what ended. */
export function sendDue(context: Context, session: HolderSession): void {
  const { p, term: ballot, heldLeases, n, attach } = session;
  if (context.topology.isLarge && !(ballot && context.isConnected(ballot.node))) {
    return askAround(context, session);
  }
  if (!ballot) return;
  const { monoMs } = context.clock;
  const { boot, resendMs } = context.options;
  const isWanted = context.topology.wants(p) || heldLeases.size > 0;
  const isDue = monoMs >= session.quietUntilMs && monoMs - session.attachSentMs >= resendMs;
  if (isWanted && !session.isAttached && isDue) {
    session.attachSentMs = monoMs;
    const held = Array.from(heldLeases.values(), ({ id, fence }) => ({ id, fence }));
    context.send(ballot.node, { type: "attach", p, ballot, node: context.self, boot, n, attach, held });
  }
  const fences = heldLeases.takeAcks();
  if (fences.length > 0) context.send(ballot.node, { type: "grantAck", p, ballot, fences });
  const items = heldLeases.takeDue(monoMs, resendMs);
  if (items.length > 0) context.send(ballot.node, { type: "settle", p, items });
}

/** This node may not have heard who the steward is: a keeper answers with it, or takes the reports itself. */
function askAround(context: Context, { p, heldLeases }: HolderSession): void {
  const items = heldLeases.takeDue(context.clock.monoMs, context.options.resendMs);
  const to = context.topology.keeperToAsk(p);
  if (items.length > 0 && to >= 0) context.send(to, { type: "settle", p, items });
}

/** From now on only what answers this attach counts. */
export function beginAttach(session: HolderSession): void {
  session.attach++;
  session.isAttached = false;
  session.attachSentMs = -Infinity;
  session.seen.clear();
  session.grantFloor = 0;
  session.heldLeases.acks.length = 0;
}

/** A grant counts only for the term, session and attach that this node is in now. */
export function isPresent(context: Context, session: HolderSession, message: GrantMessage): boolean {
  if (message.boot !== context.options.boot) return false;
  return message.n === session.n && message.attach === session.attach &&
    isSameBallot(message.ballot, session.term);
}

/** The tasks of a grant that were not seen yet; all of them are acked. */
export function newGrants(session: HolderSession, message: GrantMessage): GrantedTask[] {
  session.grantFloor = Math.max(session.grantFloor, message.grantFloor);
  for (const fence of session.seen) {
    if (fence >= session.grantFloor) break;
    session.seen.delete(fence);
  }
  const tasks: GrantedTask[] = [];
  for (const task of message.tasks) {
    session.heldLeases.acks.push(task.fence);
    if (isSeen(session, task.fence)) continue;
    session.seen.add(task.fence);
    tasks.push(task);
  }
  return tasks;
}

function isSeen(session: HolderSession, fence: number): boolean {
  return fence < session.grantFloor || session.seen.has(fence);
}

/** Commands for what runs here, each delivered once; the steward repeats them until they are carried out. */
export function deliverCommands(
  context: Context,
  { p, heldLeases }: HolderSession,
  items: readonly Delivery[],
): void {
  for (const { id, fence, commands } of items) {
    const held = heldLeases.get(fence);
    if (!held?.isStarted || held.isSettling) continue;
    for (const { no, message } of commands) {
      if (no <= held.deliveredNo) continue;
      held.deliveredNo = no;
      context.emit({ type: "command", p, id, fence, no, message });
    }
  }
}

/** A keeper vouched in configuration `cfg` for the heartbeat that was sent at `sentMs`. */
export function takeVouch(
  context: Context,
  session: HolderSession,
  { cfg, from, sentMs }: { readonly cfg: number; readonly from: MemberNo; readonly sentMs: number },
): void {
  for (let i = 0; i < session.vouchers.length; i++) {
    const vouchers = session.vouchers[i]!;
    if (vouchers.cfg !== cfg) continue;
    const at = vouchers.keepers.indexOf(from);
    if (at < 0 || sentMs <= session.minSentMs || sentMs <= vouchers.vouchedMs[at]!) return;
    vouchers.vouchedMs[at] = sentMs;
    session.validUntilMs = Math.max(session.validUntilMs, leaseEnd(context, vouchers));
    return;
  }
}

/** Counted from when the heartbeats were sent, never from when their answers came. */
function leaseEnd(context: Context, { vouchedMs }: Vouchers): number {
  return majorityReached(vouchedMs) + context.options.leaseTtlMs;
}
