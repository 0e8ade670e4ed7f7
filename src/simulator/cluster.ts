/**
 * A whole cluster in one process without time: real engines, virtual clocks, disks and network, an oracle
 * that looks on. A seed decides everything; the same seed gives the same run on every runtime.
 */
import { Schedule } from "../testing/schedule.ts";
import { Trace } from "../testing/trace.ts";
import { Ambush } from "./ambush.ts";
import { strikeDisaster } from "./disaster.ts";
import { checkAnswers, compareKeepers, DeliveryWatch, isDissolved, whatIsMissing } from "./liveness.ts";
import { VirtualNetwork } from "./network.ts";
import { VirtualNode } from "./node.ts";
import type { Oracle } from "./oracle.ts";
import type { Plan } from "./plan.ts";
import { type Run, Side } from "./side.ts";
import { layTrap } from "./traps.ts";
import { Violation } from "./violation.ts";
import { newCounts, type RunCounts } from "./world.ts";

const LOOK_EVERY_MS = 250;
const REST_MS = 3000;
/** On probation. */
const PAUSE_MS_MAX = 300_000;
/** Late frames, and what was accepted before the last fault, may lead to some more rosters. */
const REST_TRIES_MAX = 10;

export class VirtualCluster implements Run {
  readonly plan: Plan;
  readonly schedule: Schedule = new Schedule();
  readonly trace: Trace;
  readonly network: VirtualNetwork;
  readonly nodes: VirtualNode[] = [];
  readonly counts: RunCounts = newCounts();
  calm = false;
  /** When the faults were over. */
  healedMs: number = Infinity;
  #sides: readonly Side[];

  constructor(plan: Plan, trace: Trace = new Trace(false, 0)) {
    this.plan = plan;
    this.trace = trace;
    this.network = new VirtualNetwork(this);
    const side = new Side(this, plan);
    for (let no = 0; no < plan.nodeCount; no++) side.nodes.push(new VirtualNode(side, no));
    this.nodes.push(...side.nodes);
    this.#sides = [side];
  }

  /** One, unless a disaster made two of it. */
  get sides(): readonly Side[] {
    return this.#sides;
  }

  get oracle(): Oracle {
    return this.#sides[0]!.oracle;
  }

  /** Faults, healing, end. @throws Violation */
  run(): void {
    const [side] = this.#sides;
    for (const node of this.nodes) if (node.isWanted) this.schedule.after(node.no * 3, () => node.start());
    side!.chaos.begin();
    new Ambush(side!).begin();
    layTrap(side!);
    side!.workload.begin();
    for (const [at, ms] of this.plan.disastersMs.entries()) {
      this.runUntil(ms);
      this.#strike(at + 1);
    }
    if (this.plan.faults.pair) this.#runWithCutPair();
    this.runUntil(this.plan.faultsMs);
    this.heal();
    const dueMs = this.schedule.nowMs + this.plan.healMs;
    let pausesMs = 0;
    const deliveries = this.#sides.map((each) => new DeliveryWatch(each));
    for (;;) {
      this.runUntil(this.schedule.nowMs + LOOK_EVERY_MS);
      const going = this.#sides.filter((each) => !isDissolved(each));
      if (going.length === 0) return;
      for (const watch of deliveries) watch.check();
      const missing = going.map((each) => whatIsMissing(each)).find((what) => what !== "") ?? "";
      if (missing === "") break;
      // a death of the last moment counts later
      pausesMs = Math.max(pausesMs, this.#pausesMs);
      if (this.schedule.nowMs >= dueMs + pausesMs) {
        throw new Violation("L1", `${Math.round(this.plan.healMs)} ms after the last fault ${missing}`);
      }
    }
    for (const each of this.#sides) if (!isDissolved(each)) compareKeepers(each);
    this.#rest();
  }

  #runWithCutPair(): void {
    const { plan, schedule } = this;
    while (schedule.nowMs < plan.faultsMs) {
      this.runUntil(Math.min(plan.faultsMs, schedule.nowMs + LOOK_EVERY_MS));
      for (const side of this.#sides) checkAnswers(side);
    }
  }

  /** Tasks that lost nodes by their deaths pause, however well the cluster is. */
  get #pausesMs(): number {
    return this.#sides.some(({ oracle }) => oracle.hasDeaths) ? PAUSE_MS_MAX : 0;
  }

  /** Of two clusters the first meets another one. */
  #strike(count: number): void {
    const [side, ...others] = this.#sides;
    this.#sides = [...strikeDisaster(this, side!, count), ...others];
    for (const each of this.#sides) for (const node of each.nodes) this.nodes[node.no] = node;
  }

  /** L4: sooner or later no roster is decided any more and none is sent: everybody has it. */
  #rest(): void {
    const { counts, network, schedule } = this;
    let sentCount = 0;
    network.onSend((_from, messages) => {
      for (const { type } of messages) if (type === "roster") sentCount++;
    });
    const { epochs: firstEpochs } = counts;
    for (let i = 0; i < REST_TRIES_MAX; i++) {
      const { epochs } = counts;
      sentCount = 0;
      this.runUntil(schedule.nowMs + REST_MS);
      if (counts.epochs === epochs && sentCount === 0) return;
    }
    const seen = `${counts.epochs - firstEpochs} epochs were decided, ${sentCount} rosters sent at the end`;
    throw new Violation("L4", `in ${REST_TRIES_MAX * REST_MS} ms in which nothing happened ${seen}`);
  }

  /** Runs all events up to `endMs` of true time. */
  runUntil(endMs: number): void {
    const { schedule, counts } = this;
    while (schedule.nextMs <= endMs) {
      if (++counts.events > this.plan.eventsMax) {
        throw new Violation("X-endless", `${counts.events} events and no end`);
      }
      schedule.take()!();
      for (let at = 0; at < this.#sides.length; at++) this.#sides[at]!.oracle.leases.check();
    }
    schedule.skipTo(endMs);
  }

  heal(): void {
    for (const { oracle } of this.#sides) oracle.healed();
    this.calm = true;
    this.healedMs = this.schedule.nowMs;
    if (this.trace.on) this.trace.line(this.schedule.nowMs, "net", "==== HEAL");
    for (const node of this.nodes) {
      node.clock.syncWall();
      if (node.isWanted) node.start();
    }
    this.network.heal();
    for (const { workload } of this.#sides) this.schedule.after(1000, () => workload.askAgain());
  }
}
