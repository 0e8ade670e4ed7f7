/**
 * The protocol of one node: `step(inputs, clock)` takes all that happened in one turn of the loop and returns
 * what is to be done, in order. No I/O, no clock, no randomness of its own. It only routes.
 *
 * The files beside the rooms put the roles together, and may touch every room: router.ts (which message is
 * whose), heartbeats.ts, lifecycle.ts (from a roster to its keepers), roles.ts, status.ts, recovery.ts.
 * Next, the rooms from the bottom up: model, wire and state, context, then the roles: log, roster, holder,
 * client, and steward on top of log. Each says at the top of its main file what it is: model/types.ts,
 * wire/frame.ts, state/partition-tasks.ts, context/context.ts, log/keeper.ts, roster/membership.ts,
 * holder/lease-holder.ts, client/requests.ts, steward/steward.ts.
 */
import type { Clock, Effect, EngineOptions, Input, Observer, PersistRecord } from "./model/contract.ts";
import { Heartbeats } from "./heartbeats.ts";
import { Lifecycle } from "./lifecycle.ts";
import { Connections } from "./router.ts";
import { Context } from "./context/context.ts";
import { Credit } from "./holder/credit.ts";
import { Stewards } from "./steward/steward.ts";
import { Dispatcher } from "./steward/dispatcher.ts";
import { Founding } from "./roster/founding.ts";
import type { Keeper } from "./log/keeper.ts";
import { KeeperTable } from "./log/keeper-table.ts";
import type { Membership } from "./roster/membership.ts";
import { NodeCommands } from "./client/node-commands.ts";
import type { Roles } from "./roles.ts";
import { Requests } from "./client/requests.ts";
import { partitionOf } from "./context/ring.ts";
import { Router } from "./router.ts";
import { Liveness } from "./context/liveness.ts";
import { type EngineStatus, statusOf } from "./status.ts";
import type { Entry, LogEnd, MemberNo, Roster, TaskRecord } from "./model/types.ts";
import { LeaseHolder } from "./holder/lease-holder.ts";

const TRANSFERS_PER_TICK_MAX = 8;
/** What comes all the time, though nothing goes on. */
const ROUTINE: ReadonlySet<string> = new Set(["heartbeat", "heartbeatReply", "credit", "creditReply"]);

export class Engine {
  readonly #context: Context;
  readonly #liveness: Liveness;
  readonly #credit: Credit;
  readonly #dispatcher: Dispatcher;
  readonly #founding: Founding;
  readonly #requests: Requests;
  readonly #keepers: KeeperTable = new KeeperTable();
  readonly #lifecycle: Lifecycle;
  readonly #membership: Membership;
  readonly #roles: Roles;
  readonly #heartbeats: Heartbeats;
  readonly #router: Router;
  readonly #connections: Connections;
  readonly holder: LeaseHolder;
  #restored: readonly PersistRecord[] = [];
  #hasBegun = false;
  #tickDueMs = 0;

  constructor(options: EngineOptions, observer?: Observer) {
    this.#context = new Context(options, observer);
    this.#liveness = new Liveness(this.#context);
    this.#credit = new Credit(this.#context, this.#liveness);
    this.#dispatcher = new Dispatcher(this.#context, this.#liveness);
    this.#founding = new Founding(this.#context);
    this.holder = new LeaseHolder(this.#context, this.#credit);
    this.#requests = new Requests(this.#context, this.holder.termOf);
    this.#lifecycle = new Lifecycle({
      context: this.#context,
      liveness: this.#liveness,
      credit: this.#credit,
      dispatcher: this.#dispatcher,
      stewards: new Stewards(this.#context, this.#liveness, this.#dispatcher),
      founding: this.#founding,
      holder: this.holder,
      keepers: this.#keepers,
    });
    this.#membership = this.#lifecycle.membership;
    this.#roles = {
      ...this.#lifecycle.roles,
      requests: this.#requests,
      membership: this.#membership,
      joining: this.#lifecycle.joining,
      nodeCommands: new NodeCommands(this.#context),
    };
    this.#heartbeats = new Heartbeats(this.#roles);
    this.#router = new Router(this.#roles, this.#heartbeats);
    this.#connections = new Connections(this.#roles, this.#heartbeats);
  }

  /** What an earlier life wrote, in the order in which it was written. Before the first step. */
  restore(records: readonly PersistRecord[]): void {
    this.#restored = records;
  }

  get roster(): Roster | null {
    return this.#context.roster;
  }

  get self(): MemberNo {
    return this.#context.self;
  }

  partitionOf(id: string): number {
    return partitionOf(id, this.#context.options.partitionCount);
  }

  /** Monotonic ms at which the engine wants a step even if nothing happens. */
  get deadlineMs(): number {
    if (this.#context.standMs < this.#tickDueMs) this.#context.standMs = this.#firstToStandMs();
    return Math.min(this.#tickDueMs, this.#context.standMs);
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

  /** It runs tasks of that partition: not because it holds some already, as anybody may. */
  wants(p: number): boolean {
    return this.#context.topology.wants(p);
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

  /** Whether a submit or command that has no answer yet has surely not been sent. */
  isUnsent(rid: number): boolean {
    return this.#requests.isUnsent(rid);
  }

  status(): EngineStatus {
    return statusOf(this.#roles);
  }

  step(inputs: readonly Input[], clock: Clock): Effect[] {
    this.#context.clock = clock;
    if (!this.#hasBegun) this.#begin();
    const lateMs = clock.monoMs - this.#tickDueMs;
    if (lateMs > this.#stallMs) this.#addStall(lateMs);
    for (const input of inputs) this.#input(input);
    this.#tickDueMs = Math.min(this.#tickDueMs, clock.monoMs + this.#context.tickGapMs);
    if (clock.monoMs >= this.#tickDueMs || this.#heartbeats.isAlong) this.#tick();
    else this.#standIfDue();
    this.#settleDown();
    return this.#context.takeEffects();
  }

  /** Later than this, the loop of this node stood still. */
  get #stallMs(): number {
    return Math.max(3 * this.#context.options.tickMs, this.#context.options.heartbeatMs / 4);
  }

  #addStall(gapMs: number): void {
    this.#liveness.addStall(gapMs);
    this.#membership.addStall(gapMs);
    for (const keeper of this.#keepers.all) keeper.addStall(gapMs);
  }

  #begin(): void {
    this.#hasBegun = true;
    this.#context.bootMs = this.#tickDueMs = this.#context.clock.monoMs;
    this.#liveness.begin();
    for (const record of this.#restored) this.#lifecycle.restore(record);
    for (const keeper of this.#keepers.all) {
      this.#context.see(keeper.replica.promised);
      this.#context.see(keeper.replica.end.ballot);
    }
    this.#restored = [];
  }

  #tick(): void {
    const context = this.#context;
    context.transferBudget = TRANSFERS_PER_TICK_MAX;
    if (!context.roster) {
      context.tickSoon();
      this.#lifecycle.tick();
    }
    if (context.roster) this.#tickAsMember();
    this.#tickDueMs = context.clock.monoMs + context.tickGapMs;
    if (context.roster) this.#tickDueMs = Math.min(this.#tickDueMs, this.#heartbeats.dueMs);
  }

  #tickAsMember(): void {
    const { tickMs } = this.#context.options;
    const mustHeartbeat = this.#context.clock.monoMs >= this.#heartbeats.dueMs - tickMs / 2;
    if (mustHeartbeat) this.#heartbeats.send();
    const keepers = this.#keepers.all;
    for (let at = 0; at < keepers.length; at++) {
      const { p, term } = keepers[at]!;
      if (term?.isActive) this.#membership.noteActive(p, term.ballot.cfg);
    }
    for (let at = 0; at < keepers.length; at++) keepers[at]!.tick();
    this.#lifecycle.joining.askToStay();
    this.#membership.tick();
    this.#dispatcher.tick();
    this.holder.tick();
    this.#credit.tick(mustHeartbeat);
    this.#requests.tick();
    this.#roles.nodeCommands.tick();
  }

  #standIfDue(): void {
    const { monoMs } = this.#context.clock;
    if (monoMs < this.#context.standMs) return;
    for (const keeper of this.#keepers.all) {
      if (!keeper.term && monoMs >= keeper.election.atMs) keeper.tick();
    }
    this.#context.standMs = this.#firstToStandMs();
  }

  #firstToStandMs(): number {
    let standMs = Infinity;
    const keepers = this.#keepers.all;
    for (let at = 0; at < keepers.length; at++) {
      const { term, election, isSealed } = keepers[at]!;
      if (!term && !isSealed && election.atMs < standMs) standMs = election.atMs;
    }
    return standMs;
  }

  /** Until nothing more follows: own messages, dispatch, replication, what leaves. */
  #settleDown(): void {
    const context = this.#context;
    for (;;) {
      while (context.loopback.length > 0) {
        for (const message of context.loopback.splice(0)) this.#router.deliver(context.self, message);
      }
      if (this.#dispatcher.isDirty) this.#dispatcher.run();
      if (context.dirty.size > 0) {
        const terms = [...context.dirty];
        context.dirty.clear();
        for (const term of terms) term.flush();
      }
      this.holder.flush();
      this.#requests.flush();
      if (context.termsChanged) this.#heartbeats.send();
      if (this.#credit.isDirty && context.roster) this.#credit.flush();
      if (context.loopback.length === 0 && context.dirty.size === 0 && !this.#dispatcher.isDirty) return;
    }
  }

  // ---- inputs ---------------------------------------------------------------------------------------------

  #input(input: Input): void {
    if (input.type !== "message" || !ROUTINE.has(input.message.type)) this.#context.tickSoon();
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
        return this.holder.settle(input);
      case "nodeCommand":
      case "nodeCommandDone":
      case "nodeCommandCancel":
        return this.#roles.nodeCommands.input(input);
      case "resign":
        for (const keeper of this.#keepers.all) keeper.resign();
        return;
      case "leave":
        this.#membership.leave(input.isPatient);
        return;
      default:
        return input satisfies never;
    }
  }
}
