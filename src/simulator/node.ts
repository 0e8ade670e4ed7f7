/**
 * One virtual node: hosts a real engine with a virtual clock and disk, runs its effects in order (what
 * follows a persist waits for the sync), crashes, starts again, stands still. Handlers, clients: other files.
 */
import { Engine } from "../protocol/engine.ts";
import type {
  CandidateInfo,
  Effect,
  EngineEvent,
  EngineOptions,
  Input,
  PersistRecord,
} from "../protocol/model/contract.ts";
import { Rng } from "../testing/rng.ts";
import { describe } from "../testing/trace.ts";
import { VirtualClient } from "./clients.ts";
import { drawnWallError, VirtualClock, WALL_SPREAD_MS } from "./clock.ts";
import { takeWrites, VirtualDisk } from "./disk.ts";
import { VirtualHandlers } from "./handlers.ts";
import type { VirtualNetwork } from "./network.ts";
import type { Oracle } from "./oracle.ts";
import { labelsOf } from "./placement.ts";
import type { Plan } from "./plan.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** What surrounds a node. */
interface NodeWorld extends World {
  readonly network: VirtualNetwork;
  readonly oracle: Oracle;
}

export class VirtualNode {
  readonly no: number;
  /** A node without its disk is another one, of the same name. */
  id: string;
  candidate: CandidateInfo;
  readonly clock: VirtualClock;
  readonly disk: VirtualDisk;
  readonly handlers: VirtualHandlers;
  readonly client: VirtualClient;
  engine: Engine | null = null;
  boot: number;
  /** Grows at every start and every crash. */
  life = 0;
  pausedUntilMs = 0;
  isLeaving = false;
  /** What it names in its hellos: the cluster that it belongs to and does not yield; "" = none. */
  cluster = "";
  readonly world: NodeWorld;
  readonly #rng: Rng;
  #isWanted: boolean;
  #inbox: Input[] = [];
  #effects: Effect[] = [];
  #resumed: (() => void)[] = [];
  #isSyncing = false;
  #isTurnPlanned = false;
  #timerAtMs = Infinity;
  #isAnother: boolean;
  #isBlocked = false;

  /** `earlier`: the same machine in another world. */
  constructor(world: NodeWorld, no: number, earlier: VirtualNode | null = null) {
    const { plan } = world;
    this.world = world;
    this.no = no;
    this.id = earlier?.id ?? `n${no}-${plan.seed}`;
    this.#rng = new Rng(plan.seed, 100 + no);
    this.clock = earlier?.clock ?? new VirtualClock(this.#rng, plan.faults.drift);
    if (plan.faults.wrongClocks) this.#setWall();
    this.disk = earlier?.disk ?? new VirtualDisk();
    this.boot = earlier?.boot ?? 0;
    this.#isAnother = earlier !== null;
    this.#isWanted = earlier?.isWanted ?? no < plan.foundingCount;
    const expect = this.#isWanted ? plan.foundingCount : 1;
    this.candidate = earlier?.candidate ?? {
      name: `node-${no}`,
      labels: labelsOf(plan, no),
      witness: plan.faults.reconfigure && no >= 3 && no % 3 === 0,
      expect,
    };
    this.handlers = new VirtualHandlers(world, this);
    this.client = new VirtualClient(world, this);
  }

  #setWall(): void {
    const { seed, nodeCount, retention: { completedMs: retentionMs } } = this.world.plan;
    const rng = new Rng(seed, 10);
    const isWrong = rng.int(nodeCount) === this.no;
    const spreadMs = new Rng(seed, 700 + this.no).range(-WALL_SPREAD_MS, WALL_SPREAD_MS);
    // one that was behind is never ahead later: see oracle-times.ts
    const sign = rng.chance(0.5) ? 1 : -1;
    this.clock.setWallError(isWrong ? sign * drawnWallError(rng, retentionMs) : spreadMs);
  }

  /** It shall be a member: not yet to come, not gone for good. */
  get isWanted(): boolean {
    return this.#isWanted;
  }

  get up(): boolean {
    return this.engine !== null;
  }

  get isPaused(): boolean {
    return this.pausedUntilMs > this.world.schedule.nowMs;
  }

  // ---- life ----------------------------------------------------------------------------------------------

  /** From now on it shall be a member. */
  join(): void {
    this.#isWanted = true;
    this.start();
  }

  start(): void {
    if (this.engine) return;
    this.boot++;
    this.cluster = "";
    this.life++;
    if (this.boot > 1 && this.#rng.chance(0.5)) this.clock.reboot(this.#rng);
    this.engine = new Engine(
      optionsOf(this.world.plan, this, { isAnother: this.#isAnother, rng: this.#rng }),
      this.world.oracle.observe(this),
    );
    if (this.disk.records.length > 0) this.engine.restore(this.disk.records);
    this.note(`START boot ${this.boot}`);
    this.world.oracle.deaths.startedUp(this);
    this.world.oracle.times.startedUp();
    this.handlers.started();
    if (this.isLeaving) this.receive([{ type: "leave", isPatient: false }]);
    this.world.network.started(this);
    this.later(this.#rng.range(0, 2), () => this.#turn());
  }

  /** The disk is gone, and with it the identity. */
  forget(): void {
    this.crash();
    this.world.network.forgotten(this);
    this.disk.wipe();
    this.id = `n${this.no}-${this.world.plan.seed}-${this.life}`;
    this.candidate = { ...this.candidate, expect: 1 };
    this.isLeaving = false;
    this.#isAnother = true;
    this.note(`FORGETS, is now ${this.id}`);
  }

  /** The process is dead for good; what is left of it goes on elsewhere. */
  moveTo(world: NodeWorld): VirtualNode {
    this.crash();
    const next = new VirtualNode(world, this.no, this);
    this.#isWanted = false;
    return next;
  }

  leave(isPatient: boolean): void {
    this.note(isPatient ? "LEAVES IN ITS TURN" : "LEAVES");
    this.isLeaving = true;
    this.receive([{ type: "leave", isPatient }]);
  }

  /** Its process may take so long to end: what it still says is heard. */
  get #lingersMs(): number {
    const { faults, resendMs, seed } = this.world.plan;
    return faults.patience > 0 && new Rng(seed, 44).chance(0.5) ? 2 * resendMs : 0;
  }

  /** It is a member no more: the process ends, its disk is thrown away. */
  #left(): void {
    this.#isWanted = false;
    this.forget();
  }

  crash(): void {
    if (!this.engine) return;
    this.note("CRASH");
    this.world.counts.crashes++;
    this.world.oracle.crashed(this);
    this.handlers.crashed();
    this.client.crashed();
    this.engine = null;
    this.life++;
    this.pausedUntilMs = 0;
    this.#isBlocked = false;
    this.#inbox = [];
    this.#effects = [];
    this.#resumed = [];
    this.#isSyncing = false;
    this.#isTurnPlanned = false;
    this.#timerAtMs = Infinity;
    this.world.network.stopped(this);
  }

  /** A task kills the process; another one starts after a while. */
  die(awayMs: number): void {
    this.crash();
    this.world.schedule.after(awayMs, () => this.isWanted && this.start());
  }

  /** A handler holds the loop: nothing else happens here for so long. */
  block(forMs: number): void {
    if (!this.engine || this.isPaused) return;
    this.#isBlocked = true;
    this.pause(forMs, false);
  }

  /** The process itself stands still, or there is none. */
  get isStopped(): boolean {
    return this.isPaused && !this.#isBlocked;
  }

  /** Stands still; what happens meanwhile happens to it late. `asleep`: the machine slept, its clock too. */
  pause(forMs: number, asleep: boolean): void {
    if (!this.engine || this.isPaused) return;
    const { schedule } = this.world;
    this.note(`${asleep ? "SUSPEND" : "PAUSE"} ${Math.round(forMs)} ms`);
    this.pausedUntilMs = schedule.nowMs + forMs;
    const { life } = this;
    schedule.after(forMs, () => {
      if (this.life !== life) return;
      if (asleep) this.clock.suspended(forMs);
      this.#resume();
    });
  }

  #resume(): void {
    const { life } = this;
    this.note("RESUME");
    this.#isBlocked = false;
    const due = this.#resumed;
    this.#resumed = [];
    this.#run();
    if (this.life !== life) return;
    // often the timers come first and what the network has queued up is read a turn later
    const unread = !this.isPaused && this.#rng.chance(0.5) ? this.#takeNews() : [];
    if (!this.isPaused && this.#inbox.length > 0) this.#turn();
    for (const run of due) {
      if (this.life !== life) return;
      if (this.isPaused) this.#resumed.push(run);
      else run();
    }
    if (this.life !== life) return;
    this.receive(unread);
    if (!this.isPaused && this.#inbox.length > 0) this.#turn();
  }

  /** What the network has brought; what this node was asked for itself stays. */
  #takeNews(): readonly Input[] {
    const inbox = this.#inbox;
    this.#inbox = inbox.filter(({ type }) => type !== "message" && type !== "peer");
    return inbox.filter(({ type }) => type === "message" || type === "peer");
  }

  /** Runs `run` in `delayMs` unless the node crashed before; late if it stands still then. */
  later(delayMs: number, run: () => void): void {
    const { life } = this;
    this.world.schedule.after(delayMs, () => {
      if (this.life !== life) return;
      if (this.isPaused) this.#resumed.push(run);
      else run();
    });
  }

  note(what: string): void {
    const { trace, schedule } = this.world;
    if (trace.on) trace.line(schedule.nowMs, `n${this.no}`, what);
  }

  // ---- turns ---------------------------------------------------------------------------------------------

  receive(inputs: readonly Input[]): void {
    if (!this.engine) return;
    for (const input of inputs) this.#inbox.push(input);
    if (this.isPaused || this.#isTurnPlanned) return;
    const { turnMs } = this.world.plan.faults;
    this.#isTurnPlanned = true;
    this.later(turnMs === 0 ? 0 : this.#rng.range(0, turnMs), () => {
      this.#isTurnPlanned = false;
      if (this.#inbox.length > 0) this.#turn();
    });
  }

  #turn(): void {
    const { engine } = this;
    if (!engine) return;
    const { plan, schedule, oracle, counts, trace } = this.world;
    if (this.#isSyncing && plan.faults.blockingDisk) return; // the end of the sync takes the turn
    const inputs = this.#inbox;
    this.#inbox = [];
    counts.steps++;
    if (trace.on) { for (const input of inputs) this.note(`<- ${describe(input)}`); }
    let effects: readonly Effect[];
    oracle.executions.looked(this);
    try {
      effects = engine.step(inputs, this.clock.read(schedule.nowMs));
    } catch (error) {
      if (error instanceof Violation) throw error;
      throw new Violation("X-threw", `n${this.no} threw: ${error instanceof Error ? error.stack : error}`);
    }
    oracle.stepped(this, effects);
    for (const effect of effects) this.#effects.push(effect);
    this.#run();
    if (this.engine) this.#arm();
  }

  #arm(): void {
    const { schedule } = this.world;
    const untilMs = this.clock.untilMs(schedule.nowMs, this.engine!.deadlineMs);
    const delayMs = Math.max(0.1, untilMs) + 0.001;
    const atMs = schedule.nowMs + delayMs;
    if (atMs >= this.#timerAtMs) return;
    this.#timerAtMs = atMs;
    this.later(delayMs, () => {
      if (this.#timerAtMs !== atMs) return;
      this.#timerAtMs = Infinity;
      this.#turn();
    });
  }

  // ---- effects -------------------------------------------------------------------------------------------

  #run(): void {
    while (this.engine && !this.#isSyncing && !this.isPaused && this.#effects.length > 0) {
      const effect = this.#effects.shift()!;
      if (effect.type === "persist") this.#sync(effect.records);
      else this.#do(effect);
    }
  }

  /** Starts a sync; crashes happen just before it counts, just after, or after what it allowed to leave. */
  #sync(records: readonly PersistRecord[]): void {
    const { plan, calm } = this.world;
    const { boundaryCrash, slowSync, groupCommit } = plan.faults;
    const writes = groupCommit ? [records, ...takeWrites(this.#effects)] : [records];
    if (this.world.trace.on) { for (const write of writes) this.note(`sync ${describe(write)}`); }
    const fate = !calm && this.#rng.chance(boundaryCrash) ? this.#rng.int(3) : -1;
    this.#isSyncing = true;
    const isSlow = !calm && this.#rng.chance(slowSync);
    this.later(isSlow ? this.#rng.range(20, 200) : this.#rng.range(0.1, 5), () => {
      const isFated = fate >= 0 && !this.world.calm;
      if (isFated && fate === 0) return this.#crashAndReturn();
      this.#isSyncing = false;
      for (const write of writes) {
        this.disk.write(write);
        this.world.oracle.persisted(this, write);
      }
      if (isFated && fate === 1) return this.#crashAndReturn();
      this.#run();
      if (isFated && fate === 2) return this.#crashAndReturn();
      if (!this.engine || this.#isSyncing || this.isPaused) return;
      const isTickDue = this.clock.untilMs(this.world.schedule.nowMs, this.engine.deadlineMs) <= 0;
      if (plan.faults.blockingDisk && (this.#inbox.length > 0 || isTickDue)) this.#turn();
      // its timer may have come while it could handle nothing, and nobody else wakes a node that is alone
      else if (this.#timerAtMs === Infinity) this.#arm();
    });
  }

  #crashAndReturn(): void {
    this.crash();
    const { plan, schedule } = this.world;
    const awayMs = this.#rng.chance(0.7) ? this.#rng.range(1, 100) : this.#rng.range(100, plan.leaseTtlMs);
    schedule.after(awayMs, () => this.isWanted && this.start());
  }

  #do(effect: Exclude<Effect, { readonly type: "persist" }>): void {
    const { network, oracle, trace } = this.world;
    if (trace.on) this.note(`-> ${describe(effect)}`);
    switch (effect.type) {
      case "send":
        return network.send(this, effect.to, effect.messages);
      case "submitted":
      case "commanded":
      case "outcome":
      case "answer":
        return this.client.take(effect);
      case "event":
        this.#event(effect.event);
        return oracle.event(this, effect.event);
      default:
        return this.handlers.take(effect);
    }
  }

  #event(event: EngineEvent): void {
    if (event.type === "left" && event.why === "left") this.later(this.#lingersMs, () => this.#left());
    if (event.type !== "roster") return;
    this.cluster = event.isSettled ? event.roster.cluster : "";
    this.world.network.clusterChanged(this);
  }
}

/**
 * The options of its engine, by the plan of the run. `isAnother`: the node lost its disk or left, so it
 * founds nothing any more.
 */
export function optionsOf(
  plan: Plan,
  node: Pick<VirtualNode, "no" | "id" | "boot" | "candidate">,
  { isAnother, rng }: { readonly isAnother: boolean; readonly rng: Rng },
): EngineOptions {
  const { no, id, boot, candidate } = node;
  return {
    self: id,
    ...candidate,
    boot,
    foundAfterMs: plan.foundingCount === 1 && no === 0 && !isAnother ? 0 : Infinity,
    evictAfterMs: plan.evictAfterMs,
    nonce: `${no}.${boot}.${rng.int(1_000_000)}`,
    seed: rng.int(0x7fff_ffff),
    partitionCount: plan.partitionCount,
    replication: plan.replication,
    leaseTtlMs: plan.leaseTtlMs,
    heartbeatMs: plan.heartbeatMs,
    heartbeatAlongMs: plan.heartbeatAlongMs,
    marginMs: plan.marginMs,
    clockRateBound: plan.clockRateBound,
    electionMs: plan.electionMs,
    resendMs: plan.resendMs,
    tickMs: plan.tickMs,
    calmTickMs: plan.calmTickMs,
    retention: plan.retention,
    finishedPerPartitionMax: plan.finishedPerPartitionMax,
    logEntriesMax: plan.logEntriesMax,
    appendBytesMax: plan.appendBytesMax,
    snapshotChunkBytes: plan.snapshotChunkBytes,
    compactBytes: plan.compactBytes,
    keepingMembersMax: plan.keepingMembersMax,
    wantedCount: plan.wantedCount,
  };
}
