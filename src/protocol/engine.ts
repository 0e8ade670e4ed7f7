/**
 * The protocol of one node: `step(inputs, clock)` takes all that happened in one turn of the loop and returns
 * what is to be done, in order. No I/O, no clock, no randomness of its own. It only routes; the parts are:
 * lifecycle.ts (the roster: founding, joining, leaving), keeper.ts (follower) with election.ts, term.ts
 * (steward's log) with steward.ts and session-expiry.ts, liveness.ts (vouching) with heartbeats.ts,
 * lease-holder.ts (leases held here), credit.ts and dispatcher.ts (who runs what), requests.ts (clients).
 */
import type { Clock, Effect, EngineOptions, Input, Observer, PersistRecord } from "./model/contract.ts";
import { Beats } from "./heartbeats.ts";
import { Belonging } from "./lifecycle.ts";
import { Connections } from "./router.ts";
import { Core } from "./context/context.ts";
import { Credit } from "./holder/credit.ts";
import { Desks } from "./steward/steward.ts";
import { Dispatcher } from "./steward/dispatcher.ts";
import { Founding } from "./roster/founding.ts";
import type { Keeper } from "./log/keeper.ts";
import { Keepers } from "./log/keeper-table.ts";
import type { Membership } from "./roster/membership.ts";
import { NodeCommands } from "./client/node-commands.ts";
import type { Parts } from "./roles.ts";
import type { Copy } from "./recovery.ts";
import { Requests } from "./client/requests.ts";
import { partitionOf } from "./context/ring.ts";
import { Router } from "./router.ts";
import { Sessions } from "./context/liveness.ts";
import { type EngineStatus, statusOf } from "./status.ts";
import type { Entry, LogEnd, MemberNo, Roster, TaskRecord } from "./model/types.ts";
import { LeaseHolder } from "./holder/lease-holder.ts";

const TRANSFERS_PER_TICK_MAX = 8;
/** What comes all the time, though nothing goes on. */
const ROUTINE: ReadonlySet<string> = new Set(["beat", "beatReply", "credit", "creditReply"]);

export class Engine {
  readonly #core: Core;
  readonly #sessions: Sessions;
  readonly #credit: Credit;
  readonly #dispatcher: Dispatcher;
  readonly #founding: Founding;
  readonly #requests: Requests;
  readonly #keepers: Keepers = new Keepers();
  readonly #belonging: Belonging;
  readonly #membership: Membership;
  readonly #parts: Parts;
  readonly #beats: Beats;
  readonly #router: Router;
  readonly #connections: Connections;
  readonly worker: LeaseHolder;
  #restored: readonly PersistRecord[] = [];
  #hasBegun = false;
  #tickDueMs = 0;

  constructor(options: EngineOptions, observer?: Observer) {
    this.#core = new Core(options, observer);
    this.#sessions = new Sessions(this.#core);
    this.#credit = new Credit(this.#core, this.#sessions);
    this.#dispatcher = new Dispatcher(this.#core, this.#sessions);
    this.#founding = new Founding(this.#core);
    this.worker = new LeaseHolder(this.#core, this.#credit);
    this.#requests = new Requests(this.#core, (p) => this.worker.reignOf(p)?.node ?? -1);
    this.#belonging = new Belonging({
      core: this.#core,
      sessions: this.#sessions,
      credit: this.#credit,
      dispatcher: this.#dispatcher,
      desks: new Desks(this.#core, this.#sessions, this.#dispatcher),
      founding: this.#founding,
      worker: this.worker,
      keepers: this.#keepers,
    });
    this.#membership = this.#belonging.membership;
    this.#parts = {
      ...this.#belonging.parts,
      requests: this.#requests,
      membership: this.#membership,
      joining: this.#belonging.joining,
      nodeCommands: new NodeCommands(this.#core),
    };
    this.#beats = new Beats(this.#parts);
    this.#router = new Router(this.#parts, this.#beats);
    this.#connections = new Connections(this.#parts, this.#beats);
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
    if (this.#core.standMs < this.#tickDueMs) this.#core.standMs = this.#firstToStandMs();
    return Math.min(this.#tickDueMs, this.#core.standMs);
  }

  /** This keeper's copy of a task, chosen or not. */
  record(p: number, id: string, cfg?: number): TaskRecord | undefined {
    return this.#keeper(p, cfg)?.replica.tasks.records.get(id);
  }

  /** Of the newest configuration, or of `cfg`. */
  #keeper(p: number, cfg?: number): Keeper | undefined {
    return cfg === undefined ? this.#keepers.newest(p) : this.#keepers.at(p, cfg);
  }

  /** It has a whole copy of the newest configuration. */
  isServing(p: number): boolean {
    return this.#keepers.newest(p)?.isServing ?? false;
  }

  /** What this node keeps, for the recovery from a lost majority. */
  copies(): readonly Copy[] {
    return this.#keepers.all.map(({ p, cfg, isInstalled, replica }) => ({ p, cfg, isInstalled, replica }));
  }

  /** The next roster may be decided without this node knowing it yet. */
  get isDeciding(): boolean {
    return this.#membership.register.isOpen;
  }

  logEnd(p: number, cfg?: number): LogEnd {
    return this.#keeper(p, cfg)?.replica.end ?? { ballot: null, index: 0 };
  }

  entryAt(p: number, index: number, cfg?: number): Entry | undefined {
    return this.#keeper(p, cfg)?.replica.entryAt(index);
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
    this.#tickDueMs = Math.min(this.#tickDueMs, clock.monoMs + this.#core.tickGapMs);
    if (clock.monoMs >= this.#tickDueMs || this.#beats.isAlong) this.#tick();
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
    this.#membership.forgive(gapMs);
    for (const keeper of this.#keepers.all) keeper.forgive(gapMs);
  }

  #begin(): void {
    this.#hasBegun = true;
    this.#core.bootMs = this.#tickDueMs = this.#core.clock.monoMs;
    this.#sessions.begin();
    for (const record of this.#restored) this.#belonging.restore(record);
    for (const keeper of this.#keepers.all) {
      this.#core.see(keeper.replica.promised);
      this.#core.see(keeper.replica.end.ballot);
    }
    this.#restored = [];
  }

  #tick(): void {
    const core = this.#core;
    core.transferBudget = TRANSFERS_PER_TICK_MAX;
    if (!core.roster) {
      core.hurry();
      this.#belonging.tick();
    }
    if (core.roster) this.#tickAsMember();
    this.#tickDueMs = core.clock.monoMs + core.tickGapMs;
    if (core.roster) this.#tickDueMs = Math.min(this.#tickDueMs, this.#beats.dueMs);
  }

  #tickAsMember(): void {
    const { tickMs } = this.#core.options;
    const mustBeat = this.#core.clock.monoMs >= this.#beats.dueMs - tickMs / 2;
    if (mustBeat) this.#beats.send();
    const keepers = this.#keepers.all;
    for (let at = 0; at < keepers.length; at++) {
      const { p, reign } = keepers[at]!;
      if (reign?.isActive) this.#membership.noteActive(p, reign.ballot.cfg);
    }
    for (let at = 0; at < keepers.length; at++) keepers[at]!.tick();
    this.#belonging.joining.askToStay();
    this.#membership.tick();
    this.#dispatcher.tick();
    this.worker.tick();
    this.#credit.tick(mustBeat);
    this.#requests.tick();
    this.#parts.nodeCommands.tick();
  }

  #standIfDue(): void {
    const { monoMs } = this.#core.clock;
    if (monoMs < this.#core.standMs) return;
    for (const keeper of this.#keepers.all) {
      if (!keeper.reign && monoMs >= keeper.election.atMs) keeper.tick();
    }
    this.#core.standMs = this.#firstToStandMs();
  }

  #firstToStandMs(): number {
    let standMs = Infinity;
    const keepers = this.#keepers.all;
    for (let at = 0; at < keepers.length; at++) {
      const { reign, election, isSealed } = keepers[at]!;
      if (!reign && !isSealed && election.atMs < standMs) standMs = election.atMs;
    }
    return standMs;
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
    if (input.type !== "message" || !ROUTINE.has(input.message.type)) this.#core.hurry();
    switch (input.type) {
      case "message":
        return this.#router.receive(input.from, input.message);
      case "peer":
        return this.#connections.peer(input);
      case "congested":
        return this.#connections.congested(input);
      case "submit":
        return this.#requests.submit(input);
      case "watch":
        return this.#requests.watch(input.id);
      case "unwatch":
        return this.#requests.unwatch(input.id);
      case "query":
        return this.#requests.query(input);
      case "command":
        return this.#requests.command(input);
      case "cancel":
        return this.#requests.cancel(input.rid);
      case "capacity":
        return this.#credit.offer(input);
      case "settle":
        return this.worker.settle(input);
      case "nodeCommand":
      case "nodeCommandDone":
      case "nodeCommandCancel":
        return this.#parts.nodeCommands.input(input);
      case "resign":
        for (const keeper of this.#keepers.all) keeper.resign();
        return;
      case "leave":
        this.#membership.isLeaving = true;
        return;
      default:
        return input satisfies never;
    }
  }
}
