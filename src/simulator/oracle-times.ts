/**
 * I12: no wrong clock decides. As long as at most one of the keepers of a partition has a wrong wall clock,
 * the times in its log are true, nothing starts before it is due, nothing is forgotten before its retention,
 * and whatever anybody's wall clock says, no submit is refused that is younger than what is forgotten. Of
 * what was sent before the steward's term, or before a node started last, a new steward may refuse more, once
 * something is forgotten: a clock that is heard late looks behind. Where one is behind, and may hold a new
 * term's time back, it may refuse what is older by the log's own time.
 */
import type { Ballot, Operation, Retention, Wake } from "../protocol/model/types.ts";
import { WALL_START_MS } from "./clock.ts";
import { type Change, type ChosenTask, isFinished } from "./oracle-model.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** What right clocks differ by, and what an estimate may be off between two heartbeats. */
const EARLY_MS = 150;
/** A fast clock makes it more: by what it gains in so many leases, while a steward hears nobody. */
const DRIFT_LEASES = 3;
/** An entry that is appended when all have been heard since the faults is late by no more. */
const LATE_MS = 1000;
/** In so many heartbeats after the faults all are heard. */
const HEARTBEATS_SETTLED = 3;
/** Who started follows the logs after so long. */
const START_MS = 2000;
/** Ends are chosen so late. */
const CHOSEN_WITHIN_MS = 5000;

/** Nodes whose clocks may be wrong. */
interface TimedWorld extends World {
  readonly nodes: readonly {
    readonly id: string;
    readonly pausedUntilMs: number;
    readonly clock: ClockErrors;
  }[];
  readonly healedMs: number;
}

/** How wrong the clocks of a node are. */
export interface ClockErrors {
  /** Its ms in one true ms. */
  readonly rate: number;
  /** Its wall clock was wrong at some time. */
  readonly wasWallWrong: boolean;
  readonly wallErrorMs: number;
  /** By so much a length of time by its lease clock may be too long. */
  readonly leaseAheadMs: number;
}

/** Of a node that is another one now. */
const GONE: ClockErrors = { rate: 1, wasWallWrong: true, wallErrorMs: 0, leaseAheadMs: 0 };

export class TimeOracle {
  readonly #world: TimedWorld;
  /** True time at which a task is due by what somebody asked for, the earliest; and how long that was. */
  readonly #asked: Map<string, { readonly dueMs: number; readonly afterMs: number }> = new Map();
  readonly #due: Map<string, number> = new Map();
  /** When a settlement or command was sent. */
  readonly #saidMs: Map<string, number> = new Map();
  /** True time of the first submit. */
  readonly #sentMs: Map<string, number> = new Map();
  /** By task. */
  readonly #endings: Map<string, Ending> = new Map();
  /** By partition: the last time in the log. */
  readonly #timeMs: Map<number, number> = new Map();
  /** True time at which an entry was first seen in a steward's log, until it is chosen. */
  readonly #appendedMs: Map<string, number> = new Map();
  /** When a node started last. */
  #startedMs = 0;
  /** By partition: when its newest term began. Its steward may follow the log since then only. */
  readonly #termMs: Map<number, number> = new Map();
  /** Partitions that had a keeper with a clock that was behind. */
  readonly #delayed: Set<number> = new Set();
  /** By partition: the time in the log up to which the tasks finished that are forgotten. */
  readonly #horizonMs: Map<number, number> = new Map();
  /** Partitions of too few keepers with right clocks at some time. */
  readonly #misled: Set<number> = new Set();
  /** By partition: up to when the tasks finished that are forgotten. */
  readonly #forgottenMs: Map<number, number> = new Map();

  constructor(world: TimedWorld) {
    this.#world = world;
  }

  /** By the fastest of those who may have been the steward, also of an earlier configuration. */
  get #earlyMs(): number {
    const gains = this.#world.nodes.map(({ clock }) => clock.rate - 1);
    return EARLY_MS + Math.max(0, ...gains) * DRIFT_LEASES * this.#world.plan.leaseTtlMs;
  }

  get #nowMs(): number {
    return this.#world.schedule.nowMs;
  }

  /** Some node. What it has not seen itself it judges by the clocks. */
  startedUp(): void {
    this.#startedMs = this.#nowMs;
  }

  /** Some node, as a steward. */
  elected(p: number): void {
    this.#termMs.set(p, this.#nowMs);
  }

  // ---- what was asked for --------------------------------------------------------------------------------

  /** `key`: of the submit, command or settlement that says so. `afterMs`: from now, in true time. */
  asked(key: string, afterMs: number): void {
    const dueMs = this.#nowMs + afterMs;
    if (dueMs < (this.#asked.get(key)?.dueMs ?? Infinity)) this.#asked.set(key, { dueMs, afterMs });
  }

  /** `key`: as above. */
  said(key: string): void {
    if (!this.#saidMs.has(key)) this.#saidMs.set(key, this.#nowMs);
  }

  /** By whom first is what `who` says: a copy of it has the same. */
  sent(who: string): void {
    if (!this.#sentMs.has(who)) this.#sentMs.set(who, this.#nowMs);
  }

  /** A steward appends an entry, or somebody has it from there. */
  appended(p: number, index: number, ballot: Ballot | null): void {
    const key = entryKey(p, index, ballot);
    if (!this.#appendedMs.has(key)) this.#appendedMs.set(key, this.#nowMs);
  }

  /**
   * A submit was refused for its age. Where a clock is behind, a steward may have begun behind as well: then
   * the log's own time must say so.
   */
  refused(p: number, who: string, where: string): void {
    const sentMs = this.#sentMs.get(who) ?? this.#nowMs;
    const forgottenMs = this.#forgottenMs.get(p) ?? -Infinity;
    // a steward allows for rates that are wrong and for the time on the way; an age is by a lease clock
    const { clockRateBound, heartbeatMs } = this.#world.plan;
    const aheadMs = Math.max(...this.#world.nodes.map(({ clock }) => clock.leaseAheadMs));
    const allowedMs = this.#earlyMs + heartbeatMs + aheadMs + 3 * clockRateBound * (this.#nowMs - sentMs);
    if (sentMs <= forgottenMs + allowedMs) return;
    const behindMs = this.#nowMs + WALL_START_MS - (this.#timeMs.get(p) ?? Infinity);
    const isByTheLog = sentMs + WALL_START_MS - behindMs <= (this.#horizonMs.get(p) ?? -Infinity) + allowedMs;
    const beganMs = Math.max(this.#startedMs + START_MS, this.#termMs.get(p) ?? 0);
    if (forgottenMs > -Infinity && sentMs < beganMs) return;
    if (this.#delayed.has(p) && isByTheLog) return;
    const known = forgottenMs === -Infinity ? "nothing" : `what ended up to ${Math.round(forgottenMs)} ms`;
    throw new Violation(
      "I12",
      `${where}: refused as too old, but it was first sent at ${
        Math.round(sentMs)
      } ms and ${known} is forgotten`,
    );
  }

  // ---- what is chosen ------------------------------------------------------------------------------------

  /** `keepers`: ids of those whose clocks count. `before`: the states before this operation. */
  chosen(
    { p, index, ballot, op, change, keepers, told }: {
      readonly p: number;
      readonly index: number;
      readonly ballot: Ballot | null;
      readonly op: Operation;
      readonly change: Change;
      readonly keepers: readonly string[];
      /** What the cluster was told of how long ended tasks are to be known. */
      readonly told: Retention | null;
    },
    taskOf: (id: string) => ChosenTask | undefined,
  ): void {
    const wrong = this.#wrongOf(keepers);
    if (keepers.length < 3 || wrong.length > 1) this.#misled.add(p);
    if (wrong.some(({ wallErrorMs }) => wallErrorMs < 0)) this.#delayed.add(p);
    const isTrusted = !this.#misled.has(p);
    const key = entryKey(p, index, ballot);
    const appendedMs = this.#appendedMs.get(key) ?? this.#nowMs;
    this.#appendedMs.delete(key);
    // with another keeper down, one that is behind delays the time: what began then may be shorter in truth
    // and on a machine that slept the monotonic clock did not count
    const { clockJumps } = this.#world.plan.faults;
    const isSteady = isTrusted && !clockJumps && wrong.every(({ wallErrorMs }) => wallErrorMs > 0);
    if ("atMs" in op) this.#checkOrder(p, op.atMs);
    if (isTrusted && "atMs" in op) this.#checkTime(p, op.atMs, appendedMs);
    for (const id of change.ids) {
      const task = taskOf(id);
      if (change.kind === "leased" && isSteady) this.#checkDue(p, id);
      if (change.kind === "purged") this.#forgotten(p, id, isSteady, told);
      else if (change.kind === "forgotten") this.#noteForgotten(p, id);
      else if (task) this.#note(id, op, task);
    }
  }

  /** Those that were ever wrong, as the time never goes back. */
  #wrongOf(keepers: readonly string[]): readonly ClockErrors[] {
    const clocks = keepers.map((id) => this.#world.nodes.find((node) => node.id === id)?.clock ?? GONE);
    return clocks.filter((clock) => clock.wasWallWrong);
  }

  /** True of any clocks. */
  #checkOrder(p: number, atMs: number): void {
    const beforeMs = this.#timeMs.get(p) ?? 0;
    this.#timeMs.set(p, atMs);
    if (atMs >= beforeMs) return;
    throw new Violation("I12", `p${p}: the time goes back by ${Math.round(beforeMs - atMs)} ms`);
  }

  #checkTime(p: number, atMs: number, appendedMs: number): void {
    const earlyMs = this.#earlyMs;
    const aheadMs = atMs - WALL_START_MS - appendedMs;
    const { healedMs, nodes, plan } = this.#world;
    const soundMs = Math.max(healedMs, ...nodes.map((node) => node.pausedUntilMs));
    const isSettled = appendedMs - soundMs > HEARTBEATS_SETTLED * plan.heartbeatMs;
    if (aheadMs <= earlyMs && !(isSettled && aheadMs < -LATE_MS - earlyMs)) return;
    throw new Violation("I12", `p${p}: an entry's time is ${Math.round(aheadMs)} ms ahead of the true time`);
  }

  #checkDue(p: number, id: string): void {
    const earlyMs = (this.#due.get(id) ?? -Infinity) - this.#nowMs;
    if (earlyMs <= this.#earlyMs) return;
    throw new Violation("I12", `p${p}: ${id} is leased ${Math.round(earlyMs)} ms before it is due`);
  }

  #note(id: string, op: Operation, task: ChosenTask): void {
    if (isFinished(task) && "atMs" in op) {
      // it may be chosen long after it was recorded
      const saidMs = this.#saidMs.get(keyOf(op, task)) ?? op.atMs - WALL_START_MS;
      const key = task.state === "completed" ? "completedMs" : "failedMs";
      const ownMs = task.spec.options?.retention?.[key] ?? 0;
      this.#endings.set(id, { saidMs, chosenMs: this.#nowMs, atMs: op.atMs, key, ownMs });
    }
    const asked = task.state === "sleeping" && "atMs" in op ? this.#asked.get(keyOf(op, task)) : undefined;
    if (asked === undefined || !("atMs" in op)) this.#due.delete(id);
    // where few are heard the time may be behind, and what is to last from then ends with the time
    else this.#due.set(id, Math.min(asked.dueMs, op.atMs - WALL_START_MS + asked.afterMs));
  }

  #noteForgotten(p: number, id: string): Ending {
    const ending = this.#endings.get(id)!;
    this.#horizonMs.set(p, Math.max(ending.atMs, this.#horizonMs.get(p) ?? -Infinity));
    this.#forgottenMs.set(p, Math.max(ending.chosenMs, this.#forgottenMs.get(p) ?? -Infinity));
    return ending;
  }

  #forgotten(p: number, id: string, isSteady: boolean, told: Retention | null): void {
    const { saidMs, key, ownMs } = this.#noteForgotten(p, id);
    const retentionMs = ownMs || (told ?? this.#world.plan.retention)[key];
    const { finishedPerPartitionMax } = this.#world.plan;
    // too many finished tasks are forgotten at any age
    if (!isSteady || finishedPerPartitionMax < 1000) return;
    const ageMs = this.#nowMs - saidMs;
    if (ageMs >= retentionMs - CHOSEN_WITHIN_MS) return;
    throw new Violation("I12", `p${p}: ${id} is forgotten ${Math.round(ageMs)} ms after its end`);
  }
}

/** Of a task: between these times it ended, by the truth. */
interface Ending {
  readonly saidMs: number;
  readonly chosenMs: number;
  /** By the log. */
  readonly atMs: number;
  /** Which retention counts; 0 = it has none of its own. */
  readonly key: keyof Retention;
  readonly ownMs: number;
}

/** Of all entries. */
function entryKey(p: number, index: number, ballot: Ballot | null): string {
  return `${p}/${index}/${ballot?.cfg}.${ballot?.counter}.${ballot?.node}.${ballot?.boot}`;
}

/** Of the words that make a task sleep; "" when others may have made it. */
function keyOf(op: Operation, { commandIds }: ChosenTask): string {
  switch (op.type) {
    case "submit":
      return submitKey(op.spec.id);
    case "settle":
      return commandIds.length === 0 ? settleKey(op.id, op.fence, op.seq) : "";
    case "command":
      return commandKey(op.id, op.cid);
    default:
      return "";
  }
}

/** So long from now, said as a length of time or as a time of day. */
export function wakeIn(forMs: number, isTimeOfDay: boolean, nowMs: number): Wake {
  return isTimeOfDay ? { untilMs: Math.ceil(WALL_START_MS + nowMs + forMs) } : { forMs };
}

export function submitKey(id: string): string {
  return `submit ${id}`;
}

export function settleKey(id: string, fence: number, seq: number): string {
  return `settle ${id}/${fence}/${seq}`;
}

export function commandKey(id: string, cid: number): string {
  return `command ${id}/${cid}`;
}
