/**
 * Strikes a virtual cluster with the faults of its plan until the run is calm: cuts, crashes, pauses, clocks.
 */
import type { Roster } from "../protocol/model/types.ts";
import { Rng } from "../testing/rng.ts";
import { drawnWallError } from "./clock.ts";
import { isWell, type LivenessWorld } from "./liveness.ts";
import type { VirtualNetwork } from "./network.ts";
import type { VirtualNode } from "./node.ts";
import type { FaultPlan } from "./plan.ts";

interface ChaosWorld extends LivenessWorld {
  readonly network: VirtualNetwork;
}

type Direction = readonly [number, number];

/** By the newest roster that anybody up knows. */
function isMember(node: VirtualNode, nodes: readonly VirtualNode[]): boolean {
  let newest: Roster | null = null;
  for (const { engine } of nodes) {
    if (engine?.roster && engine.roster.epoch > (newest?.epoch ?? 0)) newest = engine.roster;
  }
  return newest?.members.some(({ id, leaving }) => id === node.id && !leaving) ?? false;
}

export class Chaos {
  readonly #world: ChaosWorld;
  readonly #rng: Rng;
  readonly #strokes: readonly (() => void)[];

  constructor(world: ChaosWorld) {
    this.#world = world;
    this.#rng = new Rng(world.plan.seed, 3);
    this.#strokes = this.#strokesOf(world.plan.faults);
  }

  #strokesOf(faults: FaultPlan): (() => void)[] {
    const strokes: (() => void)[] = [];
    const add = (isOn: boolean, weight: number, stroke: () => void): void => {
      for (let i = 0; isOn && i < weight; i++) strokes.push(stroke);
    };
    add(faults.crash, 3, () => this.#crash());
    add(faults.pause, 2, () => this.#pause());
    add(faults.partition, 3, () => this.#partition());
    add(faults.oneWay, 2, () => this.#oneWay());
    add(faults.isolate, 2, () => this.#isolate());
    add(faults.clockJumps, 1, () => this.#jump());
    add(faults.wrongClocks, 2, () => this.#jumpWrongClock());
    add(faults.congestion, 1, () => this.#congest());
    add(faults.reconfigure, 3, () => this.#join());
    add(faults.reconfigure, 2, () => this.#leave());
    add(faults.reconfigure, 1, () => this.#stayAway());
    add(faults.amnesia, 2, () => this.#forget());
    add(faults.resign, 2, () => this.#node().receive([{ type: "resign" }]));
    return strokes;
  }

  begin(): void {
    const { schedule, plan } = this.#world;
    const firstMs = plan.faults.early ? 10 : plan.leaseTtlMs;
    if (plan.faults.pair) schedule.after(firstMs, () => this.#cutPair());
    if (this.#strokes.length > 0) schedule.after(firstMs + this.#rng.range(0, 1000), () => this.#strike());
  }

  #strike(): void {
    if (this.#world.calm) return;
    this.#rng.pick(this.#strokes)();
    const { everyMs } = this.#world.plan.faults;
    this.#world.schedule.after(this.#rng.range(0.1, 1.9) * everyMs, () => this.#strike());
  }

  get #ttlMs(): number {
    return this.#world.plan.leaseTtlMs;
  }

  #note(what: string): void {
    const { trace, schedule } = this.#world;
    if (trace.on) trace.line(schedule.nowMs, "net", what);
  }

  #node(): VirtualNode {
    return this.#rng.pick(this.#world.nodes);
  }

  // ---- strokes -------------------------------------------------------------------------------------------

  #join(): void {
    const absent = this.#world.nodes.filter((node) => !node.isWanted);
    const count = this.#rng.chance(0.3) ? 3 : 1;
    for (const node of this.#rng.sample(absent, Math.min(count, absent.length))) {
      node.join();
    }
  }

  #leave(): void {
    const staying = this.#world.nodes.filter((node) => node.isWanted && !node.isLeaving);
    const node = this.#rng.pick(this.#world.nodes);
    const { nodes } = this.#world;
    const rest = staying.filter((other) =>
      other !== node && !other.candidate.witness && isMember(other, nodes)
    );
    if (!node.up || !node.isWanted || node.isLeaving || rest.length === 0) return;
    const { patience } = this.#world.plan.faults;
    node.leave(patience > 0 && this.#rng.chance(patience));
  }

  /** Down for so long that it is evicted. */
  #stayAway(): void {
    const node = this.#node();
    const { nodes, schedule, plan } = this.#world;
    if (!node.up || nodes.filter((other) => other.isWanted && !other.up).length > 0) return;
    node.crash();
    schedule.after(this.#rng.range(1, 2.5) * plan.evictAfterMs, () => node.isWanted && node.start());
  }

  /** At most a minority of each configuration may lose its state, so only when all is well. */
  #forget(): void {
    const node = this.#node();
    if (!node.up || node.isLeaving || !isWell(this.#world)) return;
    node.forget();
    this.#world.schedule.after(this.#rng.range(1, 2 * this.#ttlMs), () => node.isWanted && node.start());
  }

  #crash(): void {
    const node = this.#node();
    const { nodes, schedule } = this.#world;
    const downCount = nodes.filter((other) => !other.up).length;
    if (!node.up || downCount + 1 > nodes.length / 2 && !this.#rng.chance(0.1)) return;
    node.crash();
    const awayMs = this.#rng.chance(0.3) ? this.#rng.range(1, 100) : this.#rng.range(200, 2.5 * this.#ttlMs);
    schedule.after(awayMs, () => node.isWanted && node.start());
  }

  #pause(): void {
    const forMs = this.#rng.chance(0.4)
      ? this.#rng.range(this.#ttlMs * 0.7, 2.5 * this.#ttlMs)
      : this.#rng.range(50, this.#ttlMs * 0.7);
    this.#node().pause(forMs, this.#world.plan.faults.clockJumps && this.#rng.chance(0.4));
  }

  #partition(): void {
    const numbers = this.#world.nodes.map((node) => node.no);
    const side = this.#rng.sample(numbers, 1 + this.#rng.int(numbers.length - 1));
    const directions: Direction[] = [];
    for (const a of side) {
      for (const b of numbers) {
        if (side.includes(b)) continue;
        directions.push([a, b]);
        if (!(this.#world.plan.faults.oneWay && this.#rng.chance(0.4))) directions.push([b, a]);
      }
    }
    this.#cut("PARTITION", directions, this.#rng.range(0.1, 2.2) * this.#ttlMs);
  }

  #cutPair(): void {
    const { nodes, plan } = this.#world;
    const [a, b] = new Rng(plan.seed, 22).sample(nodes.map(({ no }) => no), 2) as [number, number];
    this.#cut("PAIR", [[a, b], [b, a]], plan.faultsMs);
  }

  #oneWay(): void {
    const from = this.#node().no;
    const others = this.#world.nodes.map((node) => node.no).filter((no) => no !== from);
    const targets = this.#rng.sample(others, 1 + this.#rng.int(others.length));
    const inwards = this.#rng.chance(0.5);
    const directions = targets.map((to): Direction => inwards ? [to, from] : [from, to]);
    this.#cut("ONEWAY", directions, this.#rng.range(0.2, 2.5) * this.#ttlMs);
  }

  /** One node loses most or all of its links, in one direction or both. */
  #isolate(): void {
    const alone = this.#node().no;
    const way = this.#rng.int(3);
    const directions: Direction[] = [];
    for (const { no } of this.#world.nodes) {
      if (no === alone || this.#rng.chance(0.15)) continue;
      if (way !== 1) directions.push([alone, no]);
      if (way !== 2) directions.push([no, alone]);
    }
    this.#cut("ISOLATE", directions, this.#rng.range(0.3, 2.2) * this.#ttlMs);
  }

  #cut(what: string, directions: readonly Direction[], forMs: number): void {
    this.#note(`${what} ${directions.map(([a, b]) => `${a}>${b}`).join(" ")} for ${Math.round(forMs)} ms`);
    this.#world.network.cut(directions, forMs);
  }

  #jump(): void {
    const node = this.#node();
    if (this.#rng.chance(0.4)) {
      node.note("lease clock jumps ahead");
      this.#world.oracle.executions.looked(node);
      node.clock.jumpLease(this.#rng.range(10, 1.5 * this.#ttlMs));
      this.#world.oracle.executions.looked(node);
    } else {
      node.note("wall clock jumps");
      node.clock.jumpWall(this.#rng.range(-10_000, 10_000));
    }
  }

  /** The one that is wrong is wrong in another way. */
  #jumpWrongClock(): void {
    const node = this.#world.nodes.find(({ clock }) => clock.wasWallWrong)!;
    const sign = Math.sign(node.clock.wallErrorMs);
    const errorMs = sign * drawnWallError(this.#rng, this.#world.plan.retention.completedMs);
    node.note(`wall clock is wrong by ${Math.round(errorMs)} ms`);
    node.clock.setWallError(errorMs);
  }

  #congest(): void {
    const [node, peer] = this.#rng.sample(this.#world.nodes, 2);
    if (!node || !peer) return;
    node.receive([{ type: "congested", node: peer.id, on: true }]);
    node.later(this.#rng.range(100, this.#ttlMs), () => {
      node.receive([{ type: "congested", node: peer.id, on: false }]);
    });
  }
}
