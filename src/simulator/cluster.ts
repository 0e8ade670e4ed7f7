/**
 * A whole cluster in one process without time: real engines, virtual clocks, disks and network, an oracle
 * that looks on. A seed decides everything; the same seed gives the same run on every runtime.
 */
import { Schedule } from "../testing/schedule.ts";
import { Trace } from "../testing/trace.ts";
import { Ambush } from "./ambush.ts";
import { Chaos } from "./chaos.ts";
import { compareKeepers, DeliveryWatch, isDissolved, whatIsMissing } from "./liveness.ts";
import { VirtualNetwork } from "./network.ts";
import { VirtualNode } from "./node.ts";
import { Oracle } from "./oracle.ts";
import type { Plan } from "./plan.ts";
import { Violation } from "./violation.ts";
import { Workload } from "./workload.ts";
import { newCounts, type RunCounts, type World } from "./world.ts";

const LOOK_EVERY_MS = 250;
const REST_MS = 3000;
/** Late frames, and what was accepted before the last fault, may lead to some more rosters. */
const REST_TRIES_MAX = 10;

export class VirtualCluster implements World {
  readonly plan: Plan;
  readonly schedule: Schedule = new Schedule();
  readonly trace: Trace;
  readonly oracle: Oracle;
  readonly network: VirtualNetwork;
  readonly nodes: VirtualNode[] = [];
  readonly counts: RunCounts = newCounts();
  calm = false;
  /** When the faults were over. */
  healedMs: number = Infinity;
  readonly #chaos: Chaos;
  readonly #workload: Workload;

  constructor(plan: Plan, trace: Trace = new Trace(false, 0)) {
    this.plan = plan;
    this.trace = trace;
    this.oracle = new Oracle(this);
    this.network = new VirtualNetwork(this);
    this.#chaos = new Chaos(this);
    this.#workload = new Workload(this);
    for (let no = 0; no < plan.nodeCount; no++) this.nodes.push(new VirtualNode(this, no));
  }

  /** Faults, healing, end. @throws Violation */
  run(): void {
    for (const node of this.nodes) if (node.isWanted) this.schedule.after(node.no * 3, () => node.start());
    this.#chaos.begin();
    new Ambush(this).begin();
    this.#workload.begin();
    this.runUntil(this.plan.faultsMs);
    this.heal();
    const endMs = this.schedule.nowMs + this.plan.healMs;
    const deliveries = new DeliveryWatch(this);
    for (;;) {
      this.runUntil(this.schedule.nowMs + LOOK_EVERY_MS);
      if (isDissolved(this)) return;
      deliveries.check();
      const missing = whatIsMissing(this);
      if (missing === "") break;
      if (this.schedule.nowMs >= endMs) {
        throw new Violation("L1", `${Math.round(this.plan.healMs)} ms after the last fault ${missing}`);
      }
    }
    compareKeepers(this);
    this.#rest();
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
      this.oracle.leases.check();
    }
    schedule.skipTo(endMs);
  }

  heal(): void {
    this.calm = true;
    this.healedMs = this.schedule.nowMs;
    if (this.trace.on) this.trace.line(this.schedule.nowMs, "net", "==== HEAL");
    for (const node of this.nodes) {
      node.clock.syncWall();
      if (node.isWanted) node.start();
    }
    this.network.heal();
    this.schedule.after(1000, () => this.#workload.askAgain());
  }
}
