/**
 * The task handlers of one virtual node: they take their time, succeed, fail, release, store checkpoints.
 * Most stop within the margin when asked to; a stubborn one goes on until its lease is gone, and even then
 * speaks.
 */
import type { Effect, Input, StartEffect } from "../protocol/model/contract.ts";
import type { Settlement, TaskMessage } from "../protocol/model/types.ts";
import { Rng } from "../testing/rng.ts";
import type { VirtualClock } from "./clock.ts";
import { type ReportKind, reportOf } from "./oracle-checkpoints.ts";
import { isPoison, type MortalNode } from "./oracle-deaths.ts";
import type { ExecutingNode } from "./oracle-executions.ts";
import type { LeaseNode } from "./oracle-leases.ts";
import { settleKey, wakeIn } from "./oracle-times.ts";
import type { Oracle } from "./oracle.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** The node that the handlers run on. */
interface HandlerNode extends LeaseNode, ExecutingNode, MortalNode {
  readonly clock: VirtualClock;
  receive(inputs: readonly Input[]): void;
  later(delayMs: number, run: () => void): void;
  /** A handler holds the loop for so long. */
  block(forMs: number): void;
  /** Its process dies, and another one starts after so long. */
  die(awayMs: number): void;
}

interface HandlerWorld extends World {
  readonly oracle: Oracle;
}

type HandlerEffect = Extract<Effect, { readonly type: "start" | "command" | "abort" | "lost" | "settled" }>;

/** One attempt that runs, or ran and waits for its settlement to be recorded. */
interface Run {
  readonly p: number;
  readonly id: string;
  readonly fence: number;
  readonly stubborn: boolean;
  seq: number;
  /** How many checkpoints and progresses it has reported, and the one that it waits for. */
  reportCount: number;
  awaited: { readonly seq: number; readonly kind: ReportKind; readonly count: number } | null;
  /** Number of the last command received, and carried out. */
  deliveredNo: number;
  doneNo: number;
  hasEnded: boolean;
  isLost: boolean;
}

/** Of a task that runs until it is told to end. */
export function endlessPayload(id: string): Uint8Array {
  return new TextEncoder().encode(`endless ${id}`);
}

function isEndlessPayload(payload: Uint8Array): boolean {
  return new TextDecoder().decode(payload).startsWith("endless");
}

export const HANDLER_NAMES: readonly string[] = ["alpha", "beta"];

export class VirtualHandlers {
  readonly #world: HandlerWorld;
  readonly #node: HandlerNode;
  readonly #rng: Rng;
  readonly #names: readonly string[];
  /** Declines have their own, so that a run without them is the same as before. */
  readonly #declineRng: Rng;
  readonly #reportRng: Rng;
  readonly #deathRng: Rng;
  /** Until when (true time) it does not want a task, and whether it says until when. */
  readonly #declined: Map<string, { readonly untilMs: number; readonly isTimed: boolean }> = new Map();
  readonly #runs: Map<string, Run> = new Map();

  constructor(world: HandlerWorld, node: HandlerNode) {
    this.#world = world;
    this.#node = node;
    this.#rng = new Rng(world.plan.seed, 200 + node.no);
    this.#declineRng = new Rng(world.plan.seed, 400 + node.no);
    this.#reportRng = new Rng(world.plan.seed, 500 + node.no);
    this.#deathRng = new Rng(world.plan.seed, 600 + node.no);
    this.#names = world.plan.work.uneven && node.no % 2 === 1 ? HANDLER_NAMES.slice(0, 1) : HANDLER_NAMES;
  }

  get runningCount(): number {
    return this.#runs.size;
  }

  started(): void {
    this.#offer(false);
  }

  has(name: string): boolean {
    return this.#names.includes(name);
  }

  limitOf(name: string): number {
    const { limit, slots } = this.#world.plan.work;
    return limit > 0 && name === HANDLER_NAMES[0] ? limit : slots;
  }

  /** Number of the last command that the attempt received; undefined: it does not run here. */
  deliveredNo(p: number, id: string, fence: number): number | undefined {
    return this.#runs.get(keyOf({ p, id, fence }))?.deliveredNo;
  }

  crashed(): void {
    this.#runs.clear();
    this.#declined.clear();
  }

  /** Takes new tasks again after a drain. */
  offerAgain(): void {
    this.#offer(false);
  }

  drain(): void {
    this.#offer(true);
  }

  #offer(draining: boolean): void {
    const slots = this.#node.candidate.witness ? 0 : this.#world.plan.work.slots;
    const standing = draining ? "draining" : "up";
    const first = HANDLER_NAMES[0]!;
    const limits = this.#world.plan.work.limit > 0 ? { [first]: this.limitOf(first) } : {};
    this.#node.receive([{ type: "capacity", slots, handlers: this.#names, standing, limits }]);
  }

  take(effect: HandlerEffect): void {
    switch (effect.type) {
      case "start":
        return this.#start(effect);
      case "command":
        return this.#command(effect);
      case "abort":
        return this.#abort(this.#runs.get(keyOf(effect)));
      case "lost":
        return this.#lose(this.#runs.get(keyOf(effect)));
      case "settled":
        this.#world.oracle.clients.settled(this.#node, effect);
        if (effect.accepted) this.#acked(effect);
        return;
      default:
        return effect satisfies never;
    }
  }

  #start({ p, task }: StartEffect): void {
    const { plan, oracle, counts, calm } = this.#world;
    const { id, fence } = task;
    // as a host does: the step that started it may be long over
    const { engine, clock } = this.#node;
    if (!engine!.holder.mayBegin(p, fence, clock.leaseMs(this.#world.schedule.nowMs))) {
      const release: Settlement = { type: "release" };
      oracle.clients.settling(this.#node, { p, id, fence, seq: 1 }, release);
      this.#node.receive([{ type: "settle", p, id, fence, seq: 1, upTo: 0, settlement: release }]);
      return;
    }
    counts.starts++;
    oracle.executions.started(this.#node, p, task);
    oracle.leases.started(this.#node, p, task);
    oracle.deaths.started(this.#node, p, task);
    const isEndless = isEndlessPayload(task.payload);
    const stubborn = !calm && this.#rng.chance(plan.work.stubborn) && !isEndless;
    const zeros = { seq: 0, reportCount: 0, awaited: null, deliveredNo: 0, doneNo: 0 };
    const run: Run = { p, id, fence, stubborn, ...zeros, hasEnded: false, isLost: false };
    this.#runs.set(keyOf(run), run);
    if (plan.work.decline > 0 && !calm && this.#decline(run)) return;
    if (!calm) this.#block();
    if (!calm && isPoison(task.payload)) return this.#killNode(run);
    if (isEndless) return;
    const takesMs = this.#takesMs();
    if (this.#rng.chance(plan.work.checkpoint)) {
      this.#node.later(takesMs * this.#rng.float(), () => this.#report(run));
    }
    this.#node.later(takesMs, () => this.#finish(run, this.#verdict(run)));
  }

  #killNode(run: Run): void {
    const { plan, oracle } = this.#world;
    const rng = this.#deathRng;
    // who comes back late is waited for only if the task was young
    const isSlow = plan.work.awayMs <= 1000 && rng.chance(0.2);
    const afterMs = rng.range(0, isSlow ? 20_000 : 400);
    this.#node.later(afterMs, () => {
      if (run.hasEnded || run.isLost) return;
      this.#node.die(plan.work.awayMs);
      oracle.deaths.killed(run.id, oracle.stateOf(run.p).tasks.get(run.id));
    });
  }

  /** What it does before its first await takes time. */
  #block(): void {
    const { plan } = this.#world;
    if (plan.work.blocking === 0 || !this.#rng.chance(plan.work.blocking)) return;
    this.#node.block(this.#rng.range(0, this.#rng.chance(0.5) ? plan.marginMs : 2 * plan.leaseTtlMs));
  }

  /** It does not want the task for a while. */
  #decline(run: Run): boolean {
    const rng = this.#declineRng;
    const { plan, schedule, oracle } = this.#world;
    let decline = this.#declined.get(run.id);
    if (!decline || decline.untilMs <= schedule.nowMs) {
      if (!rng.chance(plan.work.decline)) return false;
      decline = { untilMs: schedule.nowMs + rng.range(500, 8000), isTimed: rng.chance(0.5) };
      this.#declined.set(run.id, decline);
    }
    const leftMs = decline.untilMs - schedule.nowMs;
    if (decline.isTimed) oracle.placement.declined(this.#node, run.id, leftMs);
    this.#finish(run, { type: "decline", forMs: decline.isTimed ? Math.ceil(leftMs) : 0 });
    return true;
  }

  #takesMs(): number {
    const { plan, calm } = this.#world;
    if (plan.work.takesMs > 0) return plan.work.takesMs;
    if (calm) return this.#rng.range(10, 300);
    if (plan.work.long) return plan.leaseTtlMs * this.#rng.range(0.3, 4);
    return this.#rng.range(20, this.#rng.chance(0.2) ? plan.leaseTtlMs : 1200);
  }

  #verdict(run: Run): Settlement {
    const { plan, schedule, calm } = this.#world;
    const result = new TextEncoder().encode(`${run.id}/${run.fence}`);
    if (calm) return { type: "complete", result };
    const { error, release } = plan.work;
    if (this.#rng.chance(error)) {
      if (this.#rng.chance(0.15)) return { type: "fail", message: "out of luck", because: "errors" };
      const forMs = this.#rng.chance(0.5) ? 0 : this.#rng.int(plan.leaseTtlMs);
      this.#world.oracle.times.asked(settleKey(run.id, run.fence, run.seq + 1), forMs);
      const isTime = forMs > 0 && this.#reportRng.chance(0.3);
      return { type: "error", message: "bad luck", ...wakeIn(forMs, isTime, schedule.nowMs) };
    }
    if (this.#rng.chance(release)) return { type: "release" };
    return this.#rng.chance(0.1) ? { type: "complete", result: null } : { type: "complete", result };
  }

  /** It waits for each before it goes on. */
  #report(run: Run): void {
    if (run.hasEnded || run.isLost) return;
    const count = ++run.reportCount;
    const kind = this.#reportRng.chance(0.7) ? "checkpoint" : "progress";
    const bytes = reportOf(run.id, { fence: run.fence, count });
    run.awaited = { seq: run.seq + 1, kind, count };
    this.#settle(
      run,
      kind === "checkpoint" ? { type: kind, state: bytes } : { type: kind, value: bytes },
    );
  }

  #acked(effect: Extract<HandlerEffect, { readonly type: "settled" }>): void {
    const run = this.#runs.get(keyOf(effect));
    const awaited = run?.awaited;
    if (!run || !awaited || awaited.seq !== effect.seq) return;
    run.awaited = null;
    if (awaited.kind === "checkpoint") this.#world.oracle.deaths.proven(this.#node, run.id);
    this.#world.oracle.checkpoints.acked(awaited.kind, run.id, { fence: run.fence, count: awaited.count });
    this.#node.later(this.#reportRng.range(1, 300), () => this.#report(run));
  }

  /**
   * Carries it out after a while, unless the attempt ends before; some report that they did before they go
   * on.
   */
  #command({ p, id, fence, no, message }: Extract<HandlerEffect, { readonly type: "command" }>): void {
    const run = this.#runs.get(keyOf({ p, id, fence }));
    if (!run || run.hasEnded || run.isLost) return;
    if (no <= run.deliveredNo) {
      throw new Violation("I6", `n${this.#node.no}: command ${no} of ${id} comes after ${run.deliveredNo}`);
    }
    run.deliveredNo = no;
    if (message.type === "expire") return this.#abort(run);
    this.#node.later(
      this.#rng.range(0, this.#rng.chance(0.3) ? 2000 : 100),
      () => this.#carryOut(run, no, message),
    );
  }

  #carryOut(run: Run, no: number, message: TaskMessage): void {
    if (run.hasEnded || run.isLost || no < run.doneNo) return;
    run.doneNo = no;
    switch (message.type) {
      case "run":
      case "checkpoint":
        return this.#settle(run, { type: "ack" });
      case "complete":
        return this.#finish(run, { type: "complete", result: null });
      case "error":
        return this.#finish(run, { type: "error", message: message.message, forMs: 0 });
      case "sleep":
        return this.#finish(run, message);
      case "pause":
      case "kill":
      case "release":
        return this.#finish(run, { type: message.type });
      default:
        return message satisfies never;
    }
  }

  #abort(run: Run | undefined): void {
    if (!run || run.hasEnded) return;
    this.#world.oracle.executions.aborted(this.#node, run.id, run.fence);
    if (run.stubborn) return;
    const withinMs = this.#world.plan.marginMs * 0.9 / (1 + this.#world.plan.clockRateBound);
    const saysMore = this.#rng.chance(0.2);
    this.#node.later(this.#rng.range(0, withinMs), () => {
      this.#finish(run, saysMore ? this.#verdict(run) : { type: "release" });
    });
  }

  /** The lease is gone. A well-behaved handler has stopped; a stubborn one may still report a result. */
  #lose(run: Run | undefined): void {
    if (!run) return;
    this.#world.oracle.executions.aborted(this.#node, run.id, run.fence);
    run.isLost = true;
    this.#world.oracle.deaths.proven(this.#node, run.id);
    this.#world.counts.lapses++;
    if (!run.stubborn || run.hasEnded) this.#end(run);
  }

  #finish(run: Run, settlement: Settlement): void {
    if (run.hasEnded) return;
    run.hasEnded = true;
    this.#settle(run, settlement);
    this.#world.oracle.executions.reported(this.#node, run.id, run.fence);
    this.#end(run);
  }

  #end(run: Run): void {
    run.hasEnded = true;
    this.#runs.delete(keyOf(run));
    this.#world.oracle.leases.ended(this.#node, run.id, run.fence);
    this.#world.oracle.deaths.proven(this.#node, run.id);
  }

  #settle(run: Run, settlement: Settlement): void {
    const { p, id, fence } = run;
    const seq = ++run.seq;
    this.#world.oracle.times.said(settleKey(id, fence, seq));
    this.#world.oracle.clients.settling(this.#node, { p, id, fence, seq }, settlement);
    this.#node.receive([{ type: "settle", p, id, fence, seq, upTo: run.doneNo, settlement }]);
  }
}

function keyOf(run: { readonly p: number; readonly id: string; readonly fence: number }): string {
  return `${run.p}/${run.id}/${run.fence}`;
}
