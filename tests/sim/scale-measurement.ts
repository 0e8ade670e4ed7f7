/** One size of tests/sim/scale.ts: a virtual cluster that is grown, loaded, disturbed and measured. */
import { encodeFrame } from "../../src/protocol/wire/frame.ts";
import type { Message } from "../../src/protocol/model/messages.ts";
import type { TaskSpec } from "../../src/protocol/model/types.ts";
import type { Plan } from "../../src/simulator/plan.ts";
import { planFor } from "../../src/simulator/profiles.ts";
import { Trace } from "../../src/testing/trace.ts";
import { VirtualCluster } from "../../src/simulator/cluster.ts";
import { taskSpec } from "../support/tasks.ts";

export interface Row {
  readonly nodes: number;
  readonly tasks: number;
  readonly waveEpochs: number;
  readonly waveS: number;
  readonly idleMessages: number;
  readonly idleBytes: number;
  readonly joinKiB: number;
  readonly joinS: number;
  readonly crashKiB: number;
  readonly crashS: number;
  readonly restartKiB: number;
  readonly restartS: number;
}

const FOUNDERS = 3;
const IDLE_MS = 20_000;
/** What goes on whatever happens; all else that is sent is on account of something. */
const ROUTINE: ReadonlySet<string> = new Set(["heartbeat", "heartbeatReply", "credit", "creditReply"]);
const RESTARTS = 5;
const PATIENCE_MS = 120_000;

/** A disk that writes for all who wait, as the real host does: else the steps of a busy keeper queue up. */
const FAULTS = { notice: 1, resign: false, split: false, blockingDisk: false, groupCommit: true, turnMs: 1 };
/** Tasks that run until they are asked to stop, and then are released. */
const WORK = { takesMs: 1e9, uneven: false, checkpoint: 0, stubborn: 0, error: 0, release: 0 };

export class Measurement {
  readonly #cluster: VirtualCluster;
  readonly #size: number;
  readonly #tasksEach: number;
  #messages = 0;
  #bytes = 0;
  /** Without the routine. */
  #extraBytes = 0;

  constructor(size: number, tasksEach: number) {
    this.#size = size;
    this.#tasksEach = tasksEach;
    this.#cluster = new VirtualCluster(planOf(size, tasksEach), new Trace(false, 0));
    this.#cluster.network.onSend((_from, messages) => {
      this.#messages += messages.length;
      this.#bytes += byteCount(messages);
      const extra = messages.filter(({ type }) => !ROUTINE.has(type));
      if (extra.length > 0) this.#extraBytes += byteCount(extra);
    });
  }

  get #nowMs(): number {
    return this.#cluster.schedule.nowMs;
  }

  run(): Row {
    const nodes = this.#cluster.nodes.slice(0, FOUNDERS);
    for (const node of nodes) node.start();
    this.#until(() => nodes.every((node) => node.engine?.status().serving));
    const wave = this.#join(FOUNDERS, this.#size);
    this.#load();
    const idle = this.#idle();
    const join = this.#disturb(() => this.#join(this.#size, this.#size + 1));
    const crash = this.#disturb(() => this.#crash());
    const restart = this.#restarts();
    return {
      nodes: this.#size,
      tasks: this.#size * this.#tasksEach,
      waveEpochs: wave.epochs,
      waveS: wave.s,
      idleMessages: round(idle.messages / this.#size / (IDLE_MS / 1000)),
      idleBytes: round(idle.bytes / this.#size / (IDLE_MS / 1000)),
      joinKiB: join.kiB,
      joinS: join.s,
      crashKiB: crash.kiB,
      crashS: crash.s,
      ...restart,
    };
  }

  #until(isDone: () => boolean): void {
    const endMs = this.#nowMs + PATIENCE_MS;
    while (!isDone()) {
      if (this.#nowMs > endMs) throw new Error(`${PATIENCE_MS} virtual ms were not enough`);
      this.#cluster.runUntil(this.#nowMs + 100);
    }
  }

  /** Everybody up is a member, and every partition has its keepers, once. */
  #isLevel(): boolean {
    const up = this.#cluster.nodes.filter((node) => node.up);
    const roster = up[0]?.engine?.roster;
    if (!roster || roster.members.length !== up.length) return false;
    if (roster.chains.some((chain) => chain.length > 1)) return false;
    return up.every(({ engine }) => engine!.roster?.epoch === roster.epoch && engine!.status().serving);
  }

  #join(from: number, to: number): { readonly epochs: number; readonly s: number } {
    const startMs = this.#nowMs;
    const before = this.#cluster.nodes[0]!.engine!.roster!.epoch;
    for (const node of this.#cluster.nodes.slice(from, to)) node.join();
    this.#until(() => this.#isLevel());
    const epochs = this.#cluster.nodes[0]!.engine!.roster!.epoch - before;
    return { epochs, s: round((this.#nowMs - startMs) / 1000) };
  }

  /** So many tasks for each node, submitted through all of them. */
  #load(): void {
    const total = this.#size * this.#tasksEach;
    for (let i = 0; i < total; i++) {
      const node = this.#cluster.nodes[i % this.#size]!;
      node.client.submit(specOf(i), false);
      if (i % 2000 === 1999) this.#cluster.runUntil(this.#nowMs + 20);
    }
    this.#until(() => this.#placedCount() === total);
  }

  /** Tasks that run where the log says, or that have ended (a lease that lapsed ends the attempt). */
  #placedCount(): number {
    const running = new Set<string>();
    for (const { engine } of this.#cluster.nodes) {
      for (const { id, fence } of engine?.holder.running() ?? []) running.add(`${id} ${fence}`);
    }
    let count = 0;
    for (let p = 0; p < this.#cluster.plan.partitionCount; p++) {
      for (const [id, task] of this.#cluster.oracle.stateOf(p).tasks) {
        if (task.state === "completed" || running.has(`${id} ${task.fence}`)) count++;
      }
    }
    return count;
  }

  #idle(): { readonly messages: number; readonly bytes: number } {
    this.#cluster.runUntil(this.#nowMs + 10_000);
    [this.#messages, this.#bytes] = [0, 0];
    this.#cluster.runUntil(this.#nowMs + IDLE_MS);
    return { messages: this.#messages, bytes: this.#bytes };
  }

  /** What it costs beyond heartbeats and credit, until all is at rest again. */
  #disturb(what: () => { readonly s: number }): { readonly kiB: number; readonly s: number } {
    this.#extraBytes = 0;
    const { s } = what();
    this.#cluster.runUntil(this.#nowMs + 3000);
    return { kiB: round(this.#extraBytes / 1024), s };
  }

  /** A node dies for good, with its tasks: until all of them run elsewhere. */
  #crash(): { readonly s: number } {
    const startMs = this.#nowMs;
    const total = this.#placedCount();
    this.#cluster.nodes[1]!.crash();
    this.#until(() => this.#placedCount() === total);
    const s = round((this.#nowMs - startMs) / 1000);
    this.#until(() => this.#isLevel());
    return { s };
  }

  /** Some nodes, one after the other: drained, stopped, started with the same disk. */
  #restarts(): Pick<Row, "restartKiB" | "restartS"> {
    const total = this.#placedCount();
    let most = 0;
    const { kiB } = this.#disturb(() => {
      for (const node of this.#cluster.nodes.slice(2, 2 + RESTARTS)) {
        const startMs = this.#nowMs;
        node.crash();
        this.#cluster.schedule.after(500, () => node.start());
        this.#until(() => this.#isLevel() && this.#placedCount() === total);
        most = Math.max(most, this.#nowMs - startMs);
      }
      return { s: 0 };
    });
    return { restartKiB: round(kiB / RESTARTS), restartS: round(most / 1000) };
  }
}

function byteCount(messages: readonly Message[]): number {
  return encodeFrame(messages).reduce((sum, frame) => sum + frame.length, 0);
}

function planOf(size: number, tasksEach: number): Plan {
  const base = planFor(1, "calm");
  return {
    ...base,
    nodeCount: size + 1,
    foundingCount: FOUNDERS,
    partitionCount: 128,
    replication: 3,
    leaseTtlMs: 4000,
    heartbeatMs: 1000,
    heartbeatAlongMs: 500,
    marginMs: 1000,
    clockRateBound: 0.01,
    electionMs: 2000,
    resendMs: 500,
    tickMs: 100,
    calmTickMs: 1000,
    evictAfterMs: 30_000,
    logEntriesMax: 2048,
    appendBytesMax: 262_144,
    snapshotChunkBytes: 262_144,
    compactBytes: Infinity,
    eventsMax: Infinity,
    faults: { ...base.faults, ...FAULTS },
    work: { ...base.work, ...WORK, slots: 2 * tasksEach },
  };
}

function specOf(i: number): TaskSpec {
  return taskSpec(`task-${i}`, { name: "alpha", payload: new Uint8Array(100) });
}

function round(value: number): number {
  return value >= 100 ? Math.round(value) : Math.round(value * 10) / 10;
}
