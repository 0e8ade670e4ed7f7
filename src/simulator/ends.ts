/**
 * What clients of a virtual run do with tasks that have ended: several at once retry and purge one end, some
 * name an end that is long past, or none; they clone tasks, submit purged ids anew, and say for how long
 * ended tasks are to be known.
 */
import type { TaskRequest, TaskSpec } from "../protocol/model/types.ts";
import { Rng } from "../testing/rng.ts";
import type { VirtualNode } from "./node.ts";
import { isFinished } from "./oracle-model.ts";
import type { Oracle } from "./oracle.ts";
import type { World } from "./world.ts";

interface EndsWorld extends World {
  readonly oracle: Oracle;
}

/** What the other clients of the run share with these. */
export interface EndsPort {
  nextCid(): number;
  /** The spec of a task that nobody has submitted yet. */
  newSpec(): TaskSpec;
  /** From now on it is one of those that are asked about. */
  sent(spec: TaskSpec): void;
  specs(): readonly TaskSpec[];
}

/** An end as somebody saw it. */
interface SeenEnd {
  readonly id: string;
  readonly fence: number;
}

const SEEN_MAX = 30;

export class EndClients {
  readonly #world: EndsWorld;
  readonly #rng: Rng;
  readonly #port: EndsPort;
  readonly #seen: SeenEnd[] = [];
  #retentionNo = 0;

  constructor(world: EndsWorld, port: EndsPort) {
    this.#world = world;
    this.#port = port;
    this.#rng = new Rng(world.plan.seed, 41);
  }

  act(up: readonly VirtualNode[]): void {
    const rng = this.#rng;
    this.#look();
    const choice = rng.int(16);
    if (choice < 5) this.#request("retry", this.#recent(), up);
    else if (choice < 7) this.#request("retry", this.#pick(this.#seen), up);
    else if (choice < 9) this.#request("purge", this.#recent(), up);
    else if (choice < 10) this.#request("purge", this.#pick(this.#seen), up);
    else if (choice < 11) this.#askOfOpen(up);
    else if (choice < 13) this.#submitAgain(up);
    else if (choice < 14) this.#kill(up);
    else if (choice < 15) this.#list(up);
    else this.#retain(up);
  }

  /** Ends that are there now; an end is noted once. */
  #look(): void {
    for (let p = 0; p < this.#world.plan.partitionCount; p++) {
      for (const [id, task] of this.#world.oracle.stateOf(p).tasks) {
        if (!isFinished(task) || !this.#rng.chance(0.3)) continue;
        const { fence } = task;
        if (this.#seen.some((seen) => seen.id === id && seen.fence === fence)) continue;
        this.#seen.push({ id, fence });
        if (this.#seen.length > SEEN_MAX) this.#seen.shift();
      }
    }
  }

  #recent(): SeenEnd | undefined {
    return this.#pick(this.#seen.slice(-4));
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list.length === 0 ? undefined : this.#rng.pick(list);
  }

  /** By one to three clients, nearly at once; a call may be repeated with its own number. */
  #request(type: "retry" | "purge", end: SeenEnd | undefined, up: readonly VirtualNode[]): void {
    if (!end) return;
    const rng = this.#rng;
    const { id, fence } = end;
    let cid = this.#port.nextCid();
    for (let count = 1 + rng.int(3); count > 0; count--) {
      this.#ask(rng.pick(up), id, cid, { type, fence });
      if (rng.chance(0.8)) cid = this.#port.nextCid();
    }
  }

  #ask(node: VirtualNode, id: string, cid: number, request: TaskRequest): void {
    node.later(this.#rng.range(0, 60), () => node.client.command(id, cid, request));
  }

  /** Of a task that has not ended, under the fence that it has. */
  #askOfOpen(up: readonly VirtualNode[]): void {
    const rng = this.#rng;
    const open = this.#pick([...this.#world.oracle.unfinished()]);
    if (!open) return;
    const { fence } = this.#world.oracle.stateOf(open.p).tasks.get(open.id)!;
    const type = rng.pick(["purge", "purge", "retry"] as const);
    this.#ask(rng.pick(up), open.id, this.#port.nextCid(), { type, fence });
  }

  /** A task under another id, or an id that may be free again. */
  #submitAgain(up: readonly VirtualNode[]): void {
    const rng = this.#rng;
    const known = this.#pick(this.#port.specs().slice(-20));
    if (!known) return;
    const { client } = rng.pick(up);
    const cid = this.#port.nextCid();
    if (rng.chance(0.5)) return client.submit({ ...known, cid, runAtMs: 0, delayMs: 0 }, false);
    const { id } = this.#port.newSpec();
    const clone = { ...known, id, cid, runAtMs: 0, delayMs: 0 };
    this.#port.sent(clone);
    client.submit(clone, rng.chance(0.5));
  }

  /** Some end without that anybody ever held them. */
  #kill(up: readonly VirtualNode[]): void {
    const rng = this.#rng;
    const open = this.#pick([...this.#world.oracle.unfinished()]);
    if (open) this.#ask(rng.pick(up), open.id, this.#port.nextCid(), { type: "kill" });
  }

  #list(up: readonly VirtualNode[]): void {
    const rng = this.#rng;
    const state = rng.pick(["", "failed", "killed", "completed"] as const);
    const idPrefix = rng.pick(["", "t1", "t2"]);
    const { client } = rng.pick(up);
    client.list(rng.int(this.#world.plan.partitionCount), state, 1 + rng.int(4), idPrefix);
  }

  #retain(up: readonly VirtualNode[]): void {
    const rng = this.#rng;
    const { leaseTtlMs, partitionCount } = this.#world.plan;
    const retention = {
      no: rng.chance(0.7) ? ++this.#retentionNo : Math.max(1, this.#retentionNo),
      completedMs: leaseTtlMs * rng.range(1, 8),
      failedMs: leaseTtlMs * rng.range(2, 30),
    };
    for (let p = 0; p < partitionCount; p++) {
      const node = rng.pick(up);
      node.later(rng.range(0, 60), () => node.client.retain(p, retention));
    }
  }
}
