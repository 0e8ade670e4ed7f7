/**
 * Watches who runs what: I1 at most one node holds a valid, started lease of a task and the chosen record
 * agrees with it, I8 a fence starts at most once, and what was granted is what was chosen.
 */
import type { Engine } from "../protocol/engine.ts";
import type { GrantedTask } from "../protocol/model/messages.ts";
import { type ChosenState, sessionText } from "./oracle-model.ts";
import type { PlacedNode, PlacementOracle } from "./oracle-placement.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** A node that may hold leases. */
export interface LeaseNode extends PlacedNode {
  readonly boot: number;
  readonly engine: Engine | null;
  readonly clock: { leaseMs(nowMs: number): number };
}

/** What the log says of the tasks of a partition. */
interface ChosenTasks {
  stateOf(p: number): ChosenState;
}

interface Holder {
  readonly node: LeaseNode;
  readonly boot: number;
  /** Its number as a member. */
  readonly self: number;
  readonly p: number;
  readonly id: string;
  readonly fence: number;
  readonly task: GrantedTask;
}

export class LeaseOracle {
  readonly #world: World;
  readonly #chosen: ChosenTasks;
  readonly #placement: PlacementOracle;
  readonly #holders: Map<string, Holder[]> = new Map();
  /** Holders that would be wrong if their lease were valid. */
  readonly #suspects: Set<Holder> = new Set();
  readonly #everStarted: Set<string> = new Set();

  constructor(world: World, chosen: ChosenTasks, placement: PlacementOracle) {
    this.#world = world;
    this.#chosen = chosen;
    this.#placement = placement;
  }

  started(node: LeaseNode, p: number, task: GrantedTask): void {
    const { id, fence } = task;
    const key = `${p}/${id}/${fence}`;
    if (this.#everStarted.has(key)) throw new Violation("I8", `n${node.no} starts ${key} a second time`);
    this.#everStarted.add(key);
    const holder: Holder = { node, boot: node.boot, self: node.engine!.self, p, id, fence, task };
    if (this.#world.plan.work.placement > 0) {
      this.#placement.started(node, task, this.#liveAt(node));
    }
    const holders = this.#holders.get(id);
    if (holders) holders.push(holder);
    else this.#holders.set(id, [holder]);
    this.changed(id);
    const chosen = this.#chosen.stateOf(p).tasks.get(id);
    if (chosen?.fence === fence && chosen.state === "leased") {
      if (chosen.attempt !== task.attempt || String(chosen.spec.payload) !== String(task.payload)) {
        throw new Violation("I1", `n${node.no} was granted a ${key} that is not the chosen one`);
      }
    }
    this.check();
  }

  #liveAt(node: LeaseNode): GrantedTask[] {
    const tasks: GrantedTask[] = [];
    for (const holders of this.#holders.values()) {
      for (const holder of holders) if (holder.node === node && this.#isLive(holder)) tasks.push(holder.task);
    }
    return tasks;
  }

  ended(node: LeaseNode, id: string, fence: number): void {
    this.#drop(id, (holder) => holder.node === node && holder.fence === fence);
  }

  crashed(node: LeaseNode): void {
    for (const id of [...this.#holders.keys()]) this.#drop(id, (holder) => holder.node === node);
  }

  #drop(id: string, isGone: (holder: Holder) => boolean): void {
    const holders = this.#holders.get(id);
    if (!holders) return;
    const rest: Holder[] = [];
    for (const holder of holders) {
      if (isGone(holder)) this.#suspects.delete(holder);
      else rest.push(holder);
    }
    if (rest.length === 0) this.#holders.delete(id);
    else this.#holders.set(id, rest);
  }

  /** The chosen record of the task, or who runs it, has changed. */
  changed(id: string): void {
    const holders = this.#holders.get(id);
    if (!holders) return;
    for (const holder of holders) {
      if (holders.length > 1 || !this.#isChosen(holder)) this.#suspects.add(holder);
      else this.#suspects.delete(holder);
    }
    this.check();
  }

  #isChosen({ self, boot, p, id, fence }: Holder): boolean {
    const chosen = this.#chosen.stateOf(p).tasks.get(id);
    if (chosen?.state !== "leased" || chosen.fence !== fence) return false;
    const { session } = chosen;
    return session !== null && session.node === self && session.boot === boot;
  }

  /** Called after every event: a suspect whose lease is valid is a violation. */
  check(): void {
    if (this.#suspects.size === 0) return;
    for (const suspect of this.#suspects) {
      if (!this.#isLive(suspect)) continue;
      const { node, id, fence, p } = suspect;
      for (const other of this.#holders.get(id)!) {
        if (other === suspect || !this.#isLive(other)) continue;
        const both = `n${node.no} (fence ${fence}) and n${other.node.no} (fence ${other.fence})`;
        throw new Violation("I1", `two live leases of p${p} ${id}: ${both}`);
      }
      if (this.#isChosen(suspect)) continue;
      const chosen = this.#chosen.stateOf(p).tasks.get(id);
      const record = chosen
        ? `${chosen.state}, fence ${chosen.fence}, session ${sessionText(chosen.session)}`
        : "no such task";
      throw new Violation(
        "I1",
        `n${node.no} runs p${p} ${id} (fence ${fence}) validly, but chosen is: ${record}`,
      );
    }
  }

  #isLive({ node, boot, p, id, fence }: Holder): boolean {
    const { engine } = node;
    if (!engine || node.boot !== boot) return false;
    if (node.clock.leaseMs(this.#world.schedule.nowMs) >= engine.holder.validUntilMs(p)) return false;
    for (const held of engine.holder.running()) {
      if (held.id === id && held.fence === fence && held.p === p) return true;
    }
    return false;
  }
}
