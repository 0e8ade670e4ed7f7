/**
 * The protocol of one node: `step(inputs, clock)` takes all that happened in one turn of the loop and returns
 * what is to be done, in order. No I/O, no clock, no randomness of its own. It only routes; the parts are:
 * founding.ts, keeper.ts (elections, follower), reign.ts (steward's log) with desk.ts and expiry.ts,
 * sessions.ts
 * (vouching) with beats.ts, worker.ts (leases held here), credit.ts and dispatch.ts (who runs what),
 * requests.ts (clients).
 */
import type { Clock, Effect, EngineOptions, Input, Observer, PersistRecord } from "./api.ts";
import { Beats } from "./beats.ts";
import { Core } from "./core.ts";
import { Credit } from "./credit.ts";
import { Dispatcher } from "./dispatch.ts";
import { Founding } from "./founding.ts";
import { Keeper } from "./keeper.ts";
import type { Parts } from "./parts.ts";
import { Requests } from "./requests.ts";
import { partitionOf } from "./ring.ts";
import { restoreReplica } from "./restore.ts";
import { Router } from "./router.ts";
import { Sessions } from "./sessions.ts";
import { type EngineStatus, statusOf } from "./status.ts";
import type { Candidate, Entry, LogEnd, MemberNo, NodeId, Roster, TaskRecord } from "./types.ts";
import { LeaseHolder } from "./worker.ts";

const TRANSFERS_PER_TICK_MAX = 8;

export class Engine {
  readonly #core: Core;
  readonly #sessions: Sessions;
  readonly #credit: Credit;
  readonly #dispatcher: Dispatcher;
  readonly #founding: Founding;
  readonly #requests: Requests;
  /** Partitions that this node keeps. */
  readonly #keepers: Map<number, Keeper> = new Map();
  readonly #parts: Parts;
  readonly #beats: Beats;
  readonly #router: Router;
  readonly worker: LeaseHolder;
  #restored: readonly PersistRecord[] = [];
  #hasBegun = false;
  #tickDueMs = 0;

  constructor(options: EngineOptions, observer?: Observer) {
    this.#core = new Core(options, observer);
    this.#sessions = new Sessions(this.#core);
    this.#credit = new Credit(this.#core, this.#sessions);
    this.#dispatcher = new Dispatcher(this.#core, this.#sessions);
    this.#core.dispatcher = this.#dispatcher;
    this.#founding = new Founding(this.#core);
    this.worker = new LeaseHolder(this.#core, this.#credit);
    this.#requests = new Requests(this.#core, (p) => this.worker.reignOf(p)?.node ?? -1);
    this.#parts = {
      core: this.#core,
      sessions: this.#sessions,
      credit: this.#credit,
      dispatcher: this.#dispatcher,
      founding: this.#founding,
      requests: this.#requests,
      worker: this.worker,
      keepers: this.#keepers,
    };
    this.#beats = new Beats(this.#parts);
    this.#router = new Router(this.#parts, this.#beats, (roster) => this.#found(roster));
  }

  /** What an earlier life wrote, in the order in which it was written. Before the first step. */
  restore(records: readonly PersistRecord[]): void {
    this.#restored = records;
  }

  get roster(): Roster | null {
    return this.#core.roster;
  }

  get self(): MemberNo {
    return this.#core.self;
  }

  partitionOf(id: string): number {
    return partitionOf(id, this.#core.options.partitionCount);
  }

  /** Monotonic ms at which the engine wants a step even if nothing happens. */
  get deadlineMs(): number {
    let dueMs = this.#tickDueMs;
    for (const keeper of this.#keepers.values()) {
      if (!keeper.reign && keeper.electionAtMs < dueMs) dueMs = keeper.electionAtMs;
    }
    return dueMs;
  }

  /** This keeper's copy of a task, chosen or not. */
  record(p: number, id: string): TaskRecord | undefined {
    return this.#keepers.get(p)?.replica.tasks.records.get(id);
  }

  logEnd(p: number): LogEnd {
    return this.#keepers.get(p)?.replica.end ?? { ballot: null, index: 0 };
  }

  entryAt(p: number, index: number): Entry | undefined {
    return this.#keepers.get(p)?.replica.entryAt(index);
  }

  status(): EngineStatus {
    return statusOf(this.#parts);
  }

  step(inputs: readonly Input[], clock: Clock): Effect[] {
    this.#core.clock = clock;
    if (!this.#hasBegun) this.#begin();
    const lateMs = clock.monoMs - this.#tickDueMs;
    if (lateMs > this.#stallMs) this.#forgive(lateMs);
    for (const input of inputs) this.#input(input);
    if (clock.monoMs >= this.#tickDueMs) this.#tick();
    else this.#standIfDue();
    this.#settleDown();
    return this.#core.takeEffects();
  }

  /** Later than this, the loop of this node stood still. */
  get #stallMs(): number {
    return Math.max(3 * this.#core.options.tickMs, this.#core.options.heartbeatMs / 4);
  }

  #forgive(gapMs: number): void {
    this.#sessions.forgive(gapMs);
    for (const keeper of this.#keepers.values()) keeper.forgive(gapMs);
  }

  #begin(): void {
    this.#hasBegun = true;
    this.#tickDueMs = this.#core.clock.monoMs;
    this.#sessions.begin();
    for (const record of this.#restored) {
      if (record.type === "roster") this.#adopt(record.roster);
      else if (record.type === "founding") {
        this.#founding.restore(record.founding, record.members as readonly Candidate[]);
      } else {
        const keeper = this.#keepers.get(record.p);
        if (keeper) restoreReplica(keeper.replica, record);
      }
    }
    for (const keeper of this.#keepers.values()) {
      this.#core.see(keeper.replica.promised);
      this.#core.see(keeper.replica.end.ballot);
    }
    this.#restored = [];
  }

  #adopt(roster: Roster): void {
    this.#core.adoptRoster(roster);
    this.#sessions.begin();
    roster.chains.forEach((chain, p) => {
      const { epoch, keepers } = chain.at(-1)!;
      if (!keepers.includes(this.#core.self)) return;
      this.#keepers.set(p, new Keeper(this.#core, this.#sessions, p, epoch, keepers));
    });
    this.worker.begin();
    this.#sessions.heard(this.#core.self, this.#core.options.boot);
    this.#credit.open(this.#core.self);
    this.#core.event({ type: "founded", roster });
  }

  #found(roster: Roster): void {
    if (roster.chains.length !== this.#core.options.partitionCount) return;
    this.#core.persist({ type: "roster", roster });
    this.#adopt(roster);
    for (const member of roster.members) this.#core.send(member.no, { type: "roster", roster });
  }

  #tick(): void {
    const { monoMs } = this.#core.clock;
    const { tickMs, heartbeatMs } = this.#core.options;
    this.#tickDueMs = monoMs + tickMs;
    this.#core.transferBudget = TRANSFERS_PER_TICK_MAX;
    if (!this.#core.roster) {
      const decided = this.#founding.tick();
      if (decided) this.#found(decided);
      else return;
    }
    if (monoMs - this.#beats.sentMs >= heartbeatMs - tickMs / 2) this.#beats.send();
    for (const keeper of this.#keepers.values()) keeper.tick();
    this.#dispatcher.isDirty = true;
    this.worker.tick();
    this.#credit.tick();
    this.#requests.tick();
  }

  #standIfDue(): void {
    const { monoMs } = this.#core.clock;
    for (const keeper of this.#keepers.values()) {
      if (!keeper.reign && monoMs >= keeper.electionAtMs) keeper.tick();
    }
  }

  /** Until nothing more follows: own messages, dispatch, replication, what leaves. */
  #settleDown(): void {
    const core = this.#core;
    for (;;) {
      while (core.loopback.length > 0) {
        for (const message of core.loopback.splice(0)) this.#router.deliver(core.self, message);
      }
      if (this.#dispatcher.isDirty) this.#dispatcher.run();
      if (core.dirty.size > 0) {
        const reigns = [...core.dirty];
        core.dirty.clear();
        for (const reign of reigns) reign.flush();
      }
      this.worker.flush();
      this.#requests.flush();
      if (core.reignsChanged) this.#beats.send();
      if (this.#credit.isDirty && core.roster) this.#credit.flush();
      if (core.loopback.length === 0 && core.dirty.size === 0 && !this.#dispatcher.isDirty) return;
    }
  }

  // ---- inputs --------------------------------------------------------------------------------------------

  #input(input: Input): void {
    switch (input.type) {
      case "message":
        return this.#router.receive(input.from, input.message);
      case "peer":
        return this.#peer(input);
      case "congested": {
        const no = this.#core.noOf(input.node);
        if (input.on) this.#core.congested.add(no);
        else if (this.#core.congested.delete(no)) {
          for (const { reign } of this.#keepers.values()) if (reign) this.#core.dirty.add(reign);
        }
        return;
      }
      case "submit":
        return this.#requests.submit(input);
      case "watch":
        return this.#requests.watch(input.id);
      case "unwatch":
        return this.#requests.unwatch(input.id);
      case "query":
        return this.#requests.query(input);
      case "cancel":
        return this.#requests.cancel(input.rid);
      case "capacity":
        return this.#credit.offer(input.slots, input.handlers, input.draining);
      case "settle":
        return this.worker.settle(input);
      case "resign":
        for (const keeper of this.#keepers.values()) keeper.resign();
        return;
      default:
        return input satisfies never;
    }
  }

  #peer(input: { readonly node: NodeId; readonly up: boolean; readonly candidate?: unknown }): void {
    const { node, up } = input;
    const core = this.#core;
    const no = core.noOf(node);
    if (up) {
      core.connected.add(node);
      core.congested.delete(no);
      if (input.candidate) this.#founding.seen(node, input.candidate as Parameters<Founding["seen"]>[1]);
      if (core.roster) {
        if (no >= 0) core.sendToId(node, this.#beats.message());
        else core.sendToId(node, { type: "roster", roster: core.roster });
      }
      if (no < 0) return;
      this.worker.onPeerUp(no);
      core.roster!.chains.forEach((_, p) => {
        if (this.worker.reignOf(p)?.node === no) this.#requests.stewardMoved(p);
      });
      return;
    }
    core.connected.delete(node);
    core.congested.delete(no);
    if (no < 0) return;
    this.#dispatcher.forget(no);
    this.#credit.close(no);
    for (const [p, keeper] of this.#keepers) if (this.worker.reignOf(p)?.node === no) keeper.stewardGone();
  }
}
