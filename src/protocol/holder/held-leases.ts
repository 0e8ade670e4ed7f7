/** What a node holds in one partition: granted leases by fence, and what it has to report about them. */
import { LIMITS } from "../model/limits.ts";
import type { GrantedTask, SettleMessage } from "../model/messages.ts";
import { keepsLease } from "../state/task-machine.ts";
import type { MemberNo, Settlement } from "../model/types.ts";
import { byteLength, clipText } from "../wire/writer.ts";

export interface HeldLease {
  readonly id: string;
  readonly fence: number;
  readonly task: GrantedTask;
  readonly from: MemberNo;
  /** Lease clock. */
  readonly grantedMs: number;
  isStarted: boolean;
  /** Monotonic time at which its handler's signal aborted; null: it has not. */
  abortedMs: number | null;
  /** Its end was reported: only the steward's answer is missing. */
  isSettling: boolean;
  /** Those without an answer: mostly there is one at most. */
  readonly reports: Report[];
  /** Number of the last command that the handler was given. */
  deliveredNo: number;
}

interface Report {
  readonly item: SettleMessage["items"][number];
  sentMs: number;
}

export class HeldLeases {
  readonly #heldByFence: Map<number, HeldLease> = new Map();
  /** Reports without an answer; those that were sent longest ago first. */
  readonly #reports: Set<Report> = new Set();
  readonly #due: Report[] = [];
  /** Fences whose grants were received; acknowledged to the steward unless a report does it first. */
  readonly acks: number[] = [];
  /** Set once a tick: now the acks go. */
  areAcksDue = false;
  waitingCount = 0;

  get size(): number {
    return this.#heldByFence.size;
  }

  values(): Iterable<HeldLease> {
    return this.#heldByFence.values();
  }

  get(fence: number): HeldLease | undefined {
    return this.#heldByFence.get(fence);
  }

  has(held: HeldLease): boolean {
    return this.#heldByFence.get(held.fence) === held;
  }

  add(task: GrantedTask, from: MemberNo, grantedMs: number): HeldLease {
    const { id, fence } = task;
    const flags = { isStarted: false, abortedMs: null, isSettling: false };
    const held = { id, fence, task, from, grantedMs, ...flags, reports: [], deliveredNo: 0 };
    this.#heldByFence.set(fence, held);
    this.waitingCount++;
    return held;
  }

  start(held: HeldLease): void {
    held.isStarted = true;
    this.waitingCount--;
  }

  remove(fence: number): boolean {
    const held = this.#heldByFence.get(fence);
    if (!held) return false;
    this.#heldByFence.delete(fence);
    if (!held.isStarted) this.waitingCount--;
    for (const report of held.reports) this.#reports.delete(report);
    return true;
  }

  settle(held: HeldLease, { seq, upTo }: { seq: number; upTo: number }, settlement: Settlement): void {
    if (!keepsLease(settlement)) held.isSettling = true;
    const { id, fence } = held;
    const report = {
      item: { id, fence, seq, upTo, settlement: clippedSettlement(settlement) },
      sentMs: -Infinity,
    };
    held.reports.push(report);
    this.#reports.add(report);
    this.#due.push(report);
  }

  /** The steward answered; returns what it answered to, once. */
  answered(fence: number, seq: number): Settlement | undefined {
    const held = this.#heldByFence.get(fence);
    const at = held?.reports.findIndex((each) => each.item.seq === seq) ?? -1;
    if (!held || at < 0) return undefined;
    const report = held.reports.splice(at, 1)[0]!;
    this.#reports.delete(report);
    return report.item.settlement;
  }

  /** The oldest report without an answer was sent before `sinceMs`. */
  hasOverdue(sinceMs: number): boolean {
    for (const report of this.#reports) return report.sentMs < sinceMs;
    return false;
  }

  resendAll(): void {
    for (const report of this.#reports) report.sentMs = -Infinity;
  }

  takeDue(nowMs: number, resendMs: number): SettleMessage["items"][number][] {
    const items = [];
    for (const report of this.#due) {
      if (report.sentMs !== -Infinity) continue;
      report.sentMs = nowMs;
      items.push(report.item);
    }
    this.#due.length = 0;
    for (const report of this.#reports) {
      if (report.sentMs > nowMs - resendMs) break;
      report.sentMs = nowMs;
      this.#reports.delete(report);
      this.#reports.add(report);
      items.push(report.item);
    }
    return items;
  }

  /** Acks are lazy: a short task's report comes first and says the same. */
  takeAcks(): number[] {
    if (!this.areAcksDue || this.acks.length === 0) return [];
    const fences = this.acks.filter((fence) => this.#heldByFence.has(fence));
    this.acks.length = 0;
    this.areAcksDue = false;
    return fences;
  }
}

/** An error's text can have any length; what is kept of it cannot. */
export function clippedSettlement(settlement: Settlement): Settlement {
  if (settlement.type === "decline" && settlement.why !== undefined) {
    return { ...settlement, why: clipText(settlement.why, LIMITS.declineWhyBytesMax) };
  }
  if (settlement.type !== "error" && settlement.type !== "fail") return settlement;
  const message = clipText(settlement.message, LIMITS.errorMessageBytesMax);
  const { trace } = settlement;
  if (!trace) return { ...settlement, message };
  const cause = clipText(trace.cause, LIMITS.errorCauseBytesMax);
  const roomBytes = LIMITS.errorBytesMax - byteLength(message) - byteLength(cause);
  return { ...settlement, message, trace: { cause, stack: clipText(trace.stack, roomBytes) } };
}
