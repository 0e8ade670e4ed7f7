/**
 * Watches tasks that kill their nodes, and those beside them. I15: a lapse counts only if the process died
 * (or its connections were closed from outside); no task is poison but one that kills its nodes; such a task
 * kills at most so many, never the quorum of three nodes, never while another one on probation runs on its
 * node, and never starts while it is suspected and one more death would cost a quorum. I16: nothing starts
 * when its time is over.
 */
import type { Engine } from "../protocol/engine.ts";
import type { GrantedTask } from "../protocol/model/messages.ts";
import type { Operation, Roster, SessionId } from "../protocol/model/types.ts";
import { WALL_START_MS } from "./clock.ts";
import { type ChosenTask, isFinished, isOnProbation } from "./oracle-model.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** A node that may die. */
export interface MortalNode {
  readonly no: number;
  readonly id: string;
  readonly boot: number;
  readonly up: boolean;
  readonly engine: Engine | null;
}

interface MortalWorld extends World {
  readonly nodes: readonly MortalNode[];
}

interface Chosen {
  readonly newestRoster: Roster | null;
  stateOf(p: number): { readonly tasks: ReadonlyMap<string, ChosenTask> };
}

/** Tasks of this payload kill their nodes. */
const POISON = "poison";
const PROBATION_MS = 30_000;
const SUSPECT_MS = 60_000;
/** A holder learns from others' clocks that a time is over, and its handlers are called a little late. */
const LATE_MS = 1000;

export function isPoison(payload: Uint8Array): boolean {
  return new TextDecoder().decode(payload).startsWith(POISON);
}

export function poisonPayload(number: number): Uint8Array {
  return new TextEncoder().encode(`${POISON} ${number}`);
}

export class DeathOracle {
  readonly #world: MortalWorld;
  readonly #chosen: Chosen;
  readonly #killsById: Map<string, number> = new Map();
  /** By node: what runs on probation there, and since when. */
  readonly #onProbation: Map<MortalNode, Map<string, number>> = new Map();
  readonly #downSinceMs: Map<MortalNode, number> = new Map();

  constructor(world: MortalWorld, chosen: Chosen) {
    this.#world = world;
    this.#chosen = chosen;
  }

  get #nowMs(): number {
    return this.#world.schedule.nowMs;
  }

  /** Nothing but the poison strikes: then every death is noticed. */
  get #isPure(): boolean {
    return this.#world.plan.work.isPure;
  }

  // ---- handlers -------------------------------------------------------------------------------------------

  started(node: MortalNode, p: number, { id }: GrantedTask): void {
    const task = this.#chosen.stateOf(p).tasks.get(id);
    if (!task) return;
    this.#checkTime(node, p, id, task);
    if (!isOnProbation(task)) return;
    const running = this.#onProbation.get(node) ?? new Map<string, number>();
    for (const [other, sinceMs] of running) {
      if (other === id || this.#nowMs - sinceMs > PROBATION_MS * 0.9) continue;
      throw new Violation("I15", `n${node.no} starts p${p} ${id} beside ${other}: both are on probation`);
    }
    running.set(id, this.#nowMs);
    this.#onProbation.set(node, running);
  }

  #checkTime(node: MortalNode, p: number, id: string, { overAtMs }: ChosenTask): void {
    const { plan } = this.#world;
    // by the cluster's time, which a sound run shows truly
    const lateMs = this.#nowMs + WALL_START_MS - overAtMs;
    if (plan.faults.wrongClocks || plan.faults.clockJumps || plan.faults.slowSync > 0) return;
    if (lateMs <= LATE_MS + 2.5 * plan.heartbeatMs + plan.faults.drift * 20_000) return;
    throw new Violation("I16", `n${node.no} starts p${p} ${id} ${Math.round(lateMs)} ms after its time`);
  }

  /** It ended, lost its lease, or stored a checkpoint. */
  proven(node: MortalNode, id: string): void {
    this.#onProbation.get(node)?.delete(id);
  }

  crashed(node: MortalNode): void {
    this.#onProbation.delete(node);
    this.#downSinceMs.set(node, this.#nowMs);
  }

  startedUp(node: MortalNode): void {
    this.#downSinceMs.delete(node);
  }

  /** The task has just killed the node. */
  killed(id: string, task: ChosenTask | undefined): void {
    const count = (this.#killsById.get(id) ?? 0) + 1;
    this.#killsById.set(id, count);
    if (!this.#isPure || !task) return;
    // of several at once nobody may be left who saw what happened; and it may have run before it was moved
    const { lapseCount, deaths, spec: { options } } = task;
    const max = (options?.lapsesMax ?? 5) + 2 + lapseCount - deaths.length;
    if (count > max) throw new Violation("I15", `${id} has killed ${count} nodes, it may kill ${max}`);
    this.#checkQuorum(id);
  }

  /** With one poison task the others serve on. */
  #checkQuorum(id: string): void {
    const { plan, nodes } = this.#world;
    if (plan.work.poison > 1) return;
    for (let p = 0; p < plan.partitionCount; p++) {
      const serving = nodes.filter((node) => node.engine?.isServing(p)).length;
      const needed = Math.floor(plan.nodeCount / 2) + 1;
      if (plan.nodeCount > 3 || serving >= needed) continue;
      throw new Violation("I15", `${id} has cost p${p} its quorum: ${serving} keepers serve it`);
    }
  }

  // ---- what is chosen -------------------------------------------------------------------------------------

  chosen(p: number, op: Operation, ids: readonly string[]): void {
    for (const id of ids) {
      const task = this.#chosen.stateOf(p).tasks.get(id);
      if (!task) continue;
      if (op.type === "revert" && op.isDead) this.#checkDead(p, id, op.session);
      if (op.type === "lease") this.#checkSuspect(p, id, task, op.atMs);
      if (task.failedBecause !== "poison" || isPoison(task.spec.payload)) continue;
      throw new Violation("I15", `p${p} ${id} is failed as poison, and it kills nobody`);
    }
  }

  /** Of a member that is none any more nothing can be said. */
  #nodeOf(no: number): MortalNode | undefined {
    const member = this.#chosen.newestRoster?.members.find((each) => each.no === no);
    return this.#world.nodes.find(({ id }) => id === member?.id);
  }

  #checkDead(p: number, id: string, { node: no, boot }: SessionId): void {
    const node = this.#nodeOf(no);
    if (this.#world.plan.faults.resets > 0 || !node?.up || node.boot !== boot) return;
    throw new Violation("I15", `p${p}: a lapse of ${id} counts, and n${node.no} has lived all the time`);
  }

  #checkSuspect(p: number, id: string, { deaths }: ChosenTask, atMs: number): void {
    const last = deaths.at(-1);
    const { plan, nodes } = this.#world;
    if (!last || !(last.isYoung || deaths.length > 1) || atMs - last.atMs >= SUSPECT_MS) return;
    const isLong = (node: MortalNode): boolean =>
      this.#nowMs - (this.#downSinceMs.get(node) ?? Infinity) > 4 * plan.heartbeatMs + 1000;
    if (!this.#isPure || plan.nodeCount > 3 || !nodes.some(isLong)) return;
    const why = `it is suspected, and ${nodes.filter(isLong).map(({ no }) => `n${no}`)} is down`;
    throw new Violation("I15", `p${p} ${id} is leased although ${why}`);
  }

  /** The faults are over: whatever kills nodes has done so for long enough. */
  healed(tasks: Iterable<readonly [string, ChosenTask]>): void {
    if (!this.#isPure) return;
    for (const [id, task] of tasks) {
      if (!isPoison(task.spec.payload) || task.failedBecause === "poison") continue;
      const how = isFinished(task) ? `${task.state} ${task.failedBecause}` : task.state;
      const kills = this.#killsById.get(id) ?? 0;
      throw new Violation("I15", `${id} has killed ${kills} nodes and is ${how}, not failed as poison`);
    }
  }
}
