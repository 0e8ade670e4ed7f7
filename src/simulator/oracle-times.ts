/**
 * I12: no wrong clock decides. As long as at most one of the keepers of a partition has a wrong wall clock, the
 * times in its log are true, nothing starts before it is due, nothing is forgotten before its retention, and
 * whatever anybody's clock says, no submit is refused that is younger than what is remembered.
 */
import type { Operation } from "../protocol/model/types.ts";
import { WALL_START_MS } from "./clock.ts";
import type { Change, ChosenTask } from "./oracle-model.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** What right clocks differ by, what an estimate may be off, and what an entry waits to be chosen. */
const EARLY_MS = 150;
/** After the faults, when every entry is chosen at once. */
const LATE_MS = 1000;
/** An entry is chosen later than it takes effect. */
const CHOSEN_WITHIN_MS = 5000;

/** A node whose clock may be wrong, by its number. */
interface TimedWorld extends World {
  readonly nodes: readonly { readonly no: number; readonly id: string; readonly clock: WallClock }[];
  readonly healedMs: number;
}

interface WallClock {
  /** It was wrong at some time. */
  readonly wasWallWrong: boolean;
}

export class TimeOracle {
  readonly #world: TimedWorld;
  /** True time at which a task is due by what somebody asked for; the earliest that anybody asked for it. */
  readonly #asked: Map<string, number> = new Map();
  readonly #due: Map<string, number> = new Map();
  /** By task: true time of the first submit, of the end. */
  readonly #sentMs: Map<string, number> = new Map();
  readonly #finishedMs: Map<string, number> = new Map();
  /** By partition: up to when the tasks finished that are forgotten. */
  readonly #forgottenMs: Map<number, number> = new Map();

  constructor(world: TimedWorld) {
    this.#world = world;
  }

  get #nowMs(): number {
    return this.#world.schedule.nowMs;
  }

  // ---- what was asked for --------------------------------------------------------------------------------

  /** `key`: of the submit, command or settlement that says so. `afterMs`: from now, in true time. */
  asked(key: string, afterMs: number): void {
    const dueMs = this.#nowMs + afterMs;
    this.#asked.set(key, Math.min(dueMs, this.#asked.get(key) ?? Infinity));
  }

  /** By whom first is what `who` says: a copy of it has the same. */
  sent(who: string): void {
    if (!this.#sentMs.has(who)) this.#sentMs.set(who, this.#nowMs);
  }

  /** A submit was refused for its age. */
  refused(p: number, who: string, where: string): void {
    const sentMs = this.#sentMs.get(who) ?? this.#nowMs;
    const forgottenMs = this.#forgottenMs.get(p) ?? -Infinity;
    if (sentMs <= forgottenMs + EARLY_MS) return;
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
    { p, op, change, keepers }: {
      readonly p: number;
      readonly op: Operation;
      readonly change: Change;
      readonly keepers: readonly string[];
    },
    taskOf: (id: string) => ChosenTask | undefined,
  ): void {
    const isTrusted = this.#isTrusted(keepers);
    if (isTrusted && "atMs" in op) this.#checkTime(p, op.atMs);
    for (const id of change.ids) {
      const task = taskOf(id);
      if (change.kind === "leased" && isTrusted) this.#checkDue(p, id);
      if (change.kind === "purged") this.#forgotten(p, id, isTrusted);
      else if (task) this.#note(id, op, task);
    }
  }

  /** Of three or more at most one was ever wrong: its time never goes back. */
  #isTrusted(keepers: readonly string[]): boolean {
    if (keepers.length < 3) return false;
    const { nodes } = this.#world;
    const wrong = keepers.filter((id) => nodes.find((node) => node.id === id)?.clock.wasWallWrong ?? true);
    return wrong.length <= 1;
  }

  #checkTime(p: number, atMs: number): void {
    const aheadMs = atMs - WALL_START_MS - this.#nowMs;
    const { calm, healedMs } = this.#world;
    const isSettled = calm && this.#nowMs - healedMs > CHOSEN_WITHIN_MS;
    if (aheadMs <= EARLY_MS && !(isSettled && aheadMs < -LATE_MS)) return;
    throw new Violation("I12", `p${p}: an entry's time is ${Math.round(aheadMs)} ms ahead of the true time`);
  }

  #checkDue(p: number, id: string): void {
    const earlyMs = (this.#due.get(id) ?? -Infinity) - this.#nowMs;
    if (earlyMs <= EARLY_MS) return;
    throw new Violation("I12", `p${p}: ${id} is leased ${Math.round(earlyMs)} ms before it is due`);
  }

  #note(id: string, op: Operation, task: ChosenTask): void {
    if (["completed", "failed", "killed"].includes(task.state)) this.#finishedMs.set(id, this.#nowMs);
    const dueMs = task.state === "sleeping" ? this.#asked.get(keyOf(op, task)) : undefined;
    if (dueMs === undefined) this.#due.delete(id);
    else this.#due.set(id, dueMs);
  }

  #forgotten(p: number, id: string, isTrusted: boolean): void {
    const finishedMs = this.#finishedMs.get(id) ?? this.#nowMs;
    this.#forgottenMs.set(p, Math.max(finishedMs, this.#forgottenMs.get(p) ?? -Infinity));
    const { retentionMs, finishedPerPartitionMax } = this.#world.plan;
    // too many finished tasks are forgotten at any age
    if (!isTrusted || finishedPerPartitionMax < 1000) return;
    const ageMs = this.#nowMs - finishedMs;
    if (ageMs >= retentionMs - CHOSEN_WITHIN_MS) return;
    throw new Violation("I12", `p${p}: ${id} is forgotten ${Math.round(ageMs)} ms after its end`);
  }
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

export function submitKey(id: string): string {
  return `submit ${id}`;
}

export function settleKey(id: string, fence: number, seq: number): string {
  return `settle ${id}/${fence}/${seq}`;
}

export function commandKey(id: string, cid: number): string {
  return `command ${id}/${cid}`;
}
