/**
 * Watches a virtual cluster and throws a Violation as soon as a guarantee is broken. Here: the log (I2 one
 * operation per index, I3 completions, I4 fences, I5 elected logs) and the roster (I7). Leases are in
 * oracle-leases.ts, answers to clients in oracle-clients.ts, checkpoints in oracle-checkpoints.ts, the end of
 * a run in liveness.ts.
 */
import type { Effect, EngineEvent, Observer, PersistRecord } from "../protocol/model/contract.ts";
import type { Ballot, Entry, LogEnd, NodeId, Operation, Roster, TaskSpec } from "../protocol/model/types.ts";
import { describe } from "../testing/trace.ts";
import { CheckpointOracle } from "./oracle-checkpoints.ts";
import { ClientOracle } from "./oracle-clients.ts";
import { DeathOracle, type MortalNode } from "./oracle-deaths.ts";
import { DepartureOracle } from "./oracle-departures.ts";
import { type ExecutingNode, ExecutionOracle } from "./oracle-executions.ts";
import { type LeaseNode, LeaseOracle } from "./oracle-leases.ts";
import {
  ballotOrder,
  ballotText,
  type Change,
  ChosenState,
  differenceOf,
  isFinished,
} from "./oracle-model.ts";
import { PlacementOracle } from "./oracle-placement.ts";
import { type ClockErrors, TimeOracle } from "./oracle-times.ts";
import { Violation } from "./violation.ts";
import type { World } from "./world.ts";

/** A node that is watched. */
interface WatchedNode extends LeaseNode, ExecutingNode, MortalNode {
  readonly clock: LeaseNode["clock"] & ClockErrors;
  readonly pausedUntilMs: number;
  note(what: string): void;
}

interface WatchedWorld extends World {
  readonly nodes: readonly WatchedNode[];
  /** A node of another cluster, with which this one never merges. */
  isForeign(id: NodeId): boolean;
  readonly healedMs: number;
}

/** What a recovered cluster begins with. */
export interface Heritage {
  /** By partition: its tasks, and which of them the old cluster had acknowledged. */
  readonly states: readonly ChosenState[];
  readonly end: LogEnd;
  readonly fences: ReadonlyMap<string, number>;
  readonly acked: ReadonlySet<string>;
  readonly purged: ReadonlySet<string>;
}

/** What is chosen in one partition. */
export interface ChosenLog {
  /** The log begins after this end, with these tasks. */
  readonly base: LogEnd;
  readonly first: ChosenState;
  readonly entries: Entry[];
  /** The term that was the first to know that the entry is chosen. */
  readonly terms: Ballot[];
  readonly state: ChosenState;
}

export class Oracle {
  readonly leases: LeaseOracle;
  readonly executions: ExecutionOracle;
  readonly placement: PlacementOracle;
  readonly clients: ClientOracle;
  readonly checkpoints: CheckpointOracle = new CheckpointOracle();
  readonly times: TimeOracle;
  readonly deaths: DeathOracle;
  readonly departures: DepartureOracle;
  newestRoster: Roster | null = null;
  readonly #world: WatchedWorld;
  readonly #logs: ChosenLog[] = [];
  /** Per task: its partition, its highest fence. */
  readonly #partitionOf: Map<string, number> = new Map();
  readonly #fences: Map<string, number> = new Map();
  /** By epoch. */
  readonly #rosters: Map<number, string> = new Map();

  readonly #undurableCount: Map<WatchedNode, number> = new Map();
  /** A sole keeper knows at once what it has chosen, but it counts when it is durable. */
  readonly #undurable: (() => void)[] = [];
  readonly #whenDurable: WeakMap<readonly PersistRecord[], readonly (() => void)[]> = new WeakMap();

  constructor(world: WatchedWorld, heritage: Heritage | null = null) {
    this.#world = world;
    for (let p = 0; p < world.plan.partitionCount; p++) {
      const first = heritage?.states[p] ?? new ChosenState();
      const base = heritage?.end ?? { ballot: null, index: 0 };
      this.#logs.push({ base, first, entries: [], terms: [], state: first.copy() });
    }
    this.placement = new PlacementOracle(world, this);
    this.executions = new ExecutionOracle(world);
    this.leases = new LeaseOracle(world, this, this.placement);
    this.times = new TimeOracle(world);
    this.deaths = new DeathOracle(world, this);
    this.departures = new DepartureOracle(world);
    this.clients = new ClientOracle(this, this.times);
    if (heritage) this.#inherit(heritage);
  }

  #inherit({ states, fences, acked, purged }: Heritage): void {
    for (const [id, fence] of fences) this.#fences.set(id, fence);
    for (const id of purged) this.clients.purged.add(id);
    for (const [p, { tasks }] of states.entries()) {
      for (const [id, task] of tasks) {
        this.#partitionOf.set(id, p);
        this.clients.versions.add(id, task);
        this.clients.inherits(task.spec);
        if (acked.has(id)) this.clients.acked.add(id);
      }
    }
  }

  observe(node: WatchedNode): Observer {
    return {
      chosen: (p, index, entry, term) => {
        const chosen = (): void => this.#chosen(node, p, index, entry, term);
        if (keeperCount(node, p, term.cfg) === 1) this.#undurable.push(chosen);
        else chosen();
      },
      elected: (p, term, end) => this.#elected(node, p, term, end),
    };
  }

  /** What this node has chosen alone is not durable yet. */
  #noteUndurable(node: WatchedNode, by: 1 | -1): void {
    const count = (this.#undurableCount.get(node) ?? 0) + by;
    this.#undurableCount.set(node, count);
  }

  stateOf(p: number): ChosenState {
    return this.#logs[p]!.state;
  }

  logOf(p: number): ChosenLog {
    return this.#logs[p]!;
  }

  /** Where the log ends that is chosen. */
  chosenEnd(p: number): LogEnd {
    const { base, entries } = this.#logs[p]!;
    const last = entries.at(-1);
    return last ? { ballot: last.ballot, index: base.index + entries.length } : base;
  }

  /** The highest fence of each task. */
  get fences(): ReadonlyMap<string, number> {
    return this.#fences;
  }

  specOf(id: string): TaskSpec | undefined {
    return this.#logs[this.#partitionOf.get(id) ?? -1]?.state.tasks.get(id)?.spec;
  }

  /** Where the task is; undefined when no submit of it was chosen. */
  partitionOf(id: string): number | undefined {
    return this.#partitionOf.get(id);
  }

  stepped(node: WatchedNode, effects: readonly Effect[]): void {
    this.executions.looked(node);
    this.leases.check();
    for (const effect of effects) if (effect.type === "persist") this.#noteAppended(effect.records);
    if (this.#undurable.length === 0) return;
    const chosen = this.#undurable.splice(0);
    for (const effect of effects) {
      if (effect.type !== "persist") continue;
      this.#whenDurable.set(effect.records, chosen);
      this.#noteUndurable(node, 1);
    }
  }

  #noteAppended(records: readonly PersistRecord[]): void {
    for (const record of records) {
      if (record.type !== "append") continue;
      record.entries.forEach(({ ballot }, at) =>
        this.times.appended(record.p, record.prevIndex + 1 + at, ballot)
      );
    }
  }

  crashed(node: WatchedNode): void {
    this.#undurableCount.delete(node);
    this.leases.crashed(node);
    this.executions.crashed(node);
    this.deaths.crashed(node);
  }

  persisted(node: WatchedNode, records: readonly PersistRecord[]): void {
    for (const record of records) if (record.type === "snapshot") this.#world.counts.snapshots++;
    const chosen = this.#whenDurable.get(records);
    if (!chosen) return;
    for (const run of chosen) run();
    this.#noteUndurable(node, -1);
  }

  event(node: WatchedNode, event: EngineEvent): void {
    if (event.type === "rejected") {
      throw new Violation("X-rejected", `n${node.no} rejected a message of ${event.from}: ${event.reason}`);
    }
    if (event.type === "condemned") this.#condemned(node, event.node);
    // who only wanted to be let in, and gives up, may be let in yet
    if (event.type === "left" && event.why === "left" && event.cluster !== "") this.departures.left(node.id);
    if (event.type !== "roster") return;
    const { epoch, members } = event.roster;
    const roster = textOf(event.roster);
    const stranger = members.find(({ id }) => this.#world.isForeign(id));
    if (stranger) {
      const both = `n${node.no} and ${stranger.id}, of two clusters recovered from one,`;
      throw new Violation("I14", `${both} are members of one: ${roster}`);
    }
    if (epoch > (this.newestRoster?.epoch ?? 0)) this.newestRoster = event.roster;
    const known = this.#rosters.get(epoch);
    if (known === undefined) this.#rosters.set(epoch, roster);
    else if (known !== roster) {
      throw new Violation("I7", `n${node.no} has another roster of epoch ${epoch}: ${roster}, not ${known}`);
    }
    this.departures.roster(node.id, event.roster);
    this.#world.counts.epochs = Math.max(this.#world.counts.epochs, epoch);
  }

  /** L2: where nothing but pauses happens, only who was paused is condemned. */
  #condemned(by: WatchedNode, id: string): void {
    const { plan, nodes, schedule } = this.#world;
    const node = nodes.find((node) => node.id === id);
    if (plan.profile !== "pauses" || !node) return;
    if (schedule.nowMs - node.pausedUntilMs < 3 * plan.leaseTtlMs && node.pausedUntilMs > 0) return;
    throw new Violation("L2", `n${by.no} condemns n${node.no}, which has been up and in touch all the time`);
  }

  // ---- the log -------------------------------------------------------------------------------------------

  #chosen(node: WatchedNode, p: number, index: number, entry: Entry, term: Ballot): void {
    const log = this.#logs[p]!;
    const known = log.entries[index - 1 - log.base.index];
    const where = `p${p} index ${index}`;
    if (known) {
      if (known !== entry && !isSameEntry(known, entry)) {
        const seen = `${entryText(known)} is chosen, but n${node.no} in term ${ballotText(term)} chose`;
        throw new Violation("I2", `${where}: ${seen} ${entryText(entry)}`);
      }
      return;
    }
    const count = this.chosenEnd(p).index;
    if (index !== count + 1) {
      throw new Violation("I2", `${where}: n${node.no} chose it, but ${count} are chosen so far`);
    }
    log.entries.push(entry);
    log.terms.push(term);
    const { counts } = this.#world;
    counts.chosen++;
    if (this.#world.trace.on) node.note(`CHOSEN ${where} ${entryText(entry)}`);
    const change = log.state.apply(index, entry.op);
    this.#account(p, index, entry, change);
    const keepers = keeperIds(node, p, term.cfg);
    this.times.chosen(
      { p, index, ballot: entry.ballot, op: entry.op, change, keepers, told: log.state.retention },
      (id) => log.state.tasks.get(id),
    );
    this.deaths.chosen(p, entry.op, change.ids);
    this.#checkHeld(node, p, entry, term);
    this.#compareCopy(node, p, index, term.cfg, change.ids.length > 0 ? change.ids : touchedBy(entry.op));
    for (const id of change.ids) this.leases.changed(id);
  }

  /** I5: a majority has it. Of a keeper that is down, or retired, or has nothing yet, nothing is known. */
  #checkHeld(node: WatchedNode, p: number, entry: Entry, term: Ballot): void {
    const { index } = this.chosenEnd(p);
    const ids = keeperIds(node, p, term.cfg);
    const lacking = this.#world.nodes.filter(({ id, engine }) => {
      const held = ids.includes(id) ? engine?.logEnd(p, term.cfg).index ?? 0 : 0;
      return held > 0 && held < index;
    });
    if (ids.length - lacking.length > ids.length / 2) return;
    const names = lacking.map(({ no }) => `n${no}`).join(" and ");
    throw new Violation("I5", `p${p} index ${index}: ${entryText(entry)} is chosen, ${names} do not have it`);
  }

  #account(p: number, index: number, { op, ballot }: Entry, change: Change): void {
    const { counts } = this.#world;
    const term = ballotText(ballot);
    for (const id of change.ids) {
      this.clients.versions.add(id, this.#logs[p]!.state.tasks.get(id));
      if (change.kind === "submitted") this.#partitionOf.set(id, p);
      if (change.kind === "purged" || change.kind === "forgotten") this.clients.purged.add(id);
      if (change.kind === "retried") this.clients.retried.add(id);
      if (change.kind === "leased" || change.kind === "retried") {
        const before = this.#fences.get(id) ?? 0;
        if (index <= before) throw new Violation("I4", `p${p} ${id}: fence ${index} after fence ${before}`);
        this.#fences.set(id, index);
      }
    }
    if (change.kind === "submitted" && op.type === "submit") this.clients.submitChosen(op.spec, term);
    const isCommand = change.kind === "commanded" || change.kind === "retried" || change.kind === "forgotten";
    if (isCommand && op.type === "command") this.clients.commandChosen(op.id, op.cid, term);
    if (change.kind === "reverted") counts.reverts += change.ids.length;
    if (change.kind === "purged") counts.purged += change.ids.length;
    const isEnd = change.kind === "expired" && op.type === "settle" && op.settlement.type !== "complete";
    if (isEnd) this.clients.tookEffect(op.id, op.fence, op.settlement);
    if (change.kind === "settled" && op.type === "settle") {
      this.clients.tookEffect(op.id, op.fence, op.settlement);
      if (op.settlement.type === "complete") counts.completions++;
    }
  }

  /** When the steward's log ends here, its tasks must be what the chosen operations make of them. */
  #compareCopy(node: WatchedNode, p: number, index: number, cfg: number, ids: readonly string[]): void {
    const engine = node.engine!;
    if (engine.logEnd(p, cfg).index !== index) return;
    for (const id of ids) this.compareTask(node, p, id, cfg);
  }

  /** @throws Violation I3 when the node's copy of the task is not the chosen one, I11 when that is older. */
  compareTask(node: WatchedNode, p: number, id: string, cfg?: number): void {
    const copy = node.engine!.record(p, id, cfg);
    if (!this.clients.purged.has(id)) this.checkpoints.check(node, copy);
    const difference = differenceOf(this.#logs[p]!.state.tasks.get(id), copy);
    if (difference !== "") throw new Violation("I3", `p${p} ${id} at n${node.no}: ${difference}`);
  }

  #elected(node: WatchedNode, p: number, term: Ballot, end: LogEnd): void {
    this.#world.counts.elected++;
    this.times.elected(p);
    const log = this.#logs[p]!;
    node.note(`ELECTED p${p} ${ballotText(term)} with ${end.index} entries`);
    const { index: first } = log.base;
    let due = first;
    while (due < this.chosenEnd(p).index && ballotOrder(log.terms[due - first]!, term) < 0) due++;
    const who = `p${p}: n${node.no} starts term ${ballotText(term)}`;
    if (end.index < due) throw new Violation("I5", `${who} with ${end.index} entries, but ${due} are chosen`);
    const engine = node.engine!;
    let isTrimmed = false;
    for (let index = due; index > first; index--) {
      const mine = engine.entryAt(p, index, term.cfg);
      if (!mine) {
        isTrimmed = true;
        break;
      }
      const chosen = log.entries[index - 1 - first]!;
      if (mine !== chosen && !isSameEntry(mine, chosen)) {
        throw new Violation(
          "I5",
          `${who} with ${entryText(mine)} at ${index}, chosen is ${entryText(chosen)}`,
        );
      }
    }
    if (isTrimmed) this.#compareState(node, p, end, term.cfg, who);
  }

  /** The beginning of the log is gone: compares the tasks that it led to. */
  #compareState(node: WatchedNode, p: number, end: LogEnd, cfg: number, who: string): void {
    const engine = node.engine!;
    const log = this.#logs[p]!;
    const expected = log.first.copy();
    const { index: first } = log.base;
    for (let index = first + 1; index <= end.index; index++) {
      const entry = engine.entryAt(p, index, cfg) ?? log.entries[index - 1 - first];
      if (!entry && (this.#undurableCount.get(node) ?? 0) > 0) return;
      if (!entry) throw new Violation("I5", `${who} and has trimmed entry ${index}, which is not chosen`);
      expected.apply(index, entry.op);
    }
    for (const id of this.#partitionOf.keys()) {
      if (this.#partitionOf.get(id) !== p) continue;
      const difference = differenceOf(expected.tasks.get(id), engine.record(p, id, cfg));
      if (difference !== "") throw new Violation("I5", `${who} with a wrong ${id}: ${difference}`);
    }
  }

  /** The faults are over. */
  healed(): void {
    for (const { state } of this.#logs) this.deaths.healed(state.tasks);
  }

  /** Ids of all tasks that are chosen and not finished. */
  *unfinished(): Iterable<{ readonly p: number; readonly id: string; readonly state: string }> {
    for (const [p, log] of this.#logs.entries()) {
      for (const [id, task] of log.state.tasks) if (!isFinished(task)) yield { p, id, state: task.state };
    }
  }

  /** Some task that goes on has lost a node by its death. */
  get hasDeaths(): boolean {
    return this.#logs.some(({ state }) =>
      [...state.tasks.values()].some((task) => task.deaths.length > 0 && !isFinished(task))
    );
  }

  knownIds(): Iterable<readonly [string, number]> {
    return this.#partitionOf.entries();
  }
}

const textByRoster: WeakMap<Roster, string> = new WeakMap();

function textOf(roster: Roster): string {
  let text = textByRoster.get(roster);
  if (text === undefined) textByRoster.set(roster, text = describe(roster));
  return text;
}

function keeperCount(node: WatchedNode, p: number, cfg: number): number {
  const chain = node.engine!.roster!.chains[p]!;
  return chain.find((configuration) => configuration.epoch === cfg)?.keepers.length ?? 0;
}

function keeperIds(node: WatchedNode, p: number, cfg: number): readonly string[] {
  const { members, chains } = node.engine!.roster!;
  const keepers = chains[p]!.find((configuration) => configuration.epoch === cfg)?.keepers ?? [];
  return keepers.map((no) => members.find((member) => member.no === no)?.id ?? "");
}

function touchedBy(op: Operation): readonly string[] {
  if (op.type === "submit") return [op.spec.id];
  return op.type === "lease" || op.type === "settle" || op.type === "command" ? [op.id] : [];
}

function isSameEntry(a: Entry, b: Entry): boolean {
  return ballotOrder(a.ballot, b.ballot) === 0 && describe(a.op) === describe(b.op);
}

function entryText(entry: Entry): string {
  return `${ballotText(entry.ballot)} ${describe(entry.op)}`;
}
