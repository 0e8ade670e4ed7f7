/** What a node knows of the cluster from where it stands: deadlines, reachable stewards, missing quorums. */
import type { Environment } from "../base/environment.ts";
import { type KeeperState, NoQuorumError, UnknownOutcomeError } from "../base/errors.ts";
import type { Engine } from "../protocol/engine.ts";
import type { GroupHealth } from "../protocol/keeper-health.ts";
import type { MemberNo, NodeId, Roster } from "../protocol/model/types.ts";
import type { Members } from "./members.ts";
import type { NodeClock } from "../base/node-clock.ts";
import type { Settings } from "./settings.ts";
import { keepersOf } from "./task-snapshot.ts";
import type { Transport } from "./transport.ts";

export interface DiagnosisOptions {
  readonly self: NodeId;
  readonly settings: Settings;
  readonly engine: Engine;
  readonly clock: NodeClock;
  readonly environment: Environment;
  readonly transport: Transport | null;
  readonly members: Members;
}

export class Diagnosis {
  readonly #options: DiagnosisOptions;

  constructor(options: DiagnosisOptions) {
    this.#options = options;
  }

  /** A submit or command waits, and no copy of it has left for a steward. */
  isUnsent(rid: number): boolean {
    return this.#options.engine.isUnsent(rid);
  }

  /** The member with that id or name; null while this node is in no cluster, unless it is meant itself. */
  memberOf(nameOrId: string): NodeId | undefined | null {
    const { self, settings, engine } = this.#options;
    const members = engine.roster?.members ?? [{ id: self, name: settings.name }];
    const found = members.find(({ id }) => id === nameOrId) ?? members.find(({ name }) => name === nameOrId);
    return found?.id ?? (engine.roster ? undefined : null);
  }

  /** It is this node, or what is sent to it now may arrive. */
  isConnected(node: NodeId): boolean {
    return node === this.#options.self || (this.#options.transport?.isUp(node) ?? false);
  }

  /** Exact for this node; for others what is left of a lease since their last heartbeat. */
  leaseRemainingMs(p: number, owner: MemberNo): number {
    const { engine, clock, settings } = this.#options;
    const { leaseMs, monoMs } = clock.read();
    if (owner === engine.self) return engine.holder.validUntilMs(p) - leaseMs;
    return settings.leaseTtlMs - (monoMs - engine.status().lastHeardMs(owner));
  }

  /** `attempt` completes "Cannot …". */
  noQuorum(p: number, attempt: string): NoQuorumError {
    return noQuorumError(this.#quorumView(), p, attempt);
  }

  cannotSubmit(id: string): NoQuorumError {
    return this.noQuorum(this.#options.engine.partitionOf(id), `submit task ${JSON.stringify(id)}`);
  }

  cannotCommand(id: string): NoQuorumError {
    return this.noQuorum(this.#options.engine.partitionOf(id), `command task ${JSON.stringify(id)}`);
  }

  /** A command to the task may have been recorded; `why` there is no answer. */
  unknownCommand(id: string, why: string): UnknownOutcomeError {
    const trouble = this.trouble(id);
    return new UnknownOutcomeError(
      `Cannot know whether the command to task ${JSON.stringify(id)} was recorded: ${why}` +
        (trouble === "" ? "" : ` (${trouble})`),
      [id],
    );
  }

  /** What is wrong with the task's partition; "" when nothing is. */
  trouble(id: string): string {
    return quorumTrouble(this.#quorumView(), this.#options.engine.partitionOf(id));
  }

  /** Why this node is in no cluster; null when it is in one. */
  get outside(): string | null {
    return this.#options.engine.roster ? null : outsideText(this.#quorumView());
  }

  #quorumView(): QuorumView {
    const { engine, settings, environment, transport, members } = this.#options;
    const status = engine.status();
    const nowMs = environment.monoMs();
    return {
      roster: engine.roster,
      isOut: status.isOut,
      expect: settings.expect,
      connectedNames: [settings.name, ...transport?.upNames ?? []],
      isUp: (node) => members.isUp(node, status, nowMs),
      healthOf: (partition) => status.healths.find(({ p }) => p === partition),
    };
  }
}

/** What it takes to say in words why a partition cannot be served. */
export interface QuorumView {
  readonly roster: Roster | null;
  /** It was in a cluster, or knows one that has not let it in yet. */
  readonly isOut: boolean;
  readonly expect: number;
  /** Nodes that this one is connected to, itself included. */
  readonly connectedNames: readonly string[];
  isUp(node: NodeId): boolean;
  /** The keepers that count in the partition, and which of them do not serve; undefined: not known. */
  healthOf(partition: number): Pick<GroupHealth, "keepers" | "absent"> | undefined;
}

function keeperStates(view: QuorumView, partition: number): KeeperState[] {
  const { roster } = view;
  if (!roster) return [];
  const { keepers: numbers, absent = [] } = view.healthOf(partition) ?? {};
  const keepers = numbers
    ? numbers.flatMap((no) => roster.members.find((member) => member.no === no) ?? [])
    : keepersOf(roster, partition);
  return keepers.map(({ no, id, name }) => ({ id, name, up: view.isUp(id) && !absent.includes(no) }));
}

function outsideText({ expect, connectedNames, isOut }: QuorumView): string {
  if (isOut) return "it asks to be let in (again)";
  const here = `${connectedNames.length} ${connectedNames.length === 1 ? "is" : "are"} connected`;
  const names = connectedNames.slice(0, 8).join(", ");
  return `a cluster is founded by ${expect} nodes, of which ${here}: ${names}`;
}

/** "" when a majority of the keepers is up. */
export function quorumTrouble(view: QuorumView, partition: number): string {
  if (!view.roster) return `this node is in no cluster yet: ${outsideText(view)}`;
  const keepers = keeperStates(view, partition);
  const needed = Math.floor(keepers.length / 2) + 1;
  if (keepers.filter((keeper) => keeper.up).length >= needed) return "";
  const stateOf = ({ id, up }: KeeperState): string => up ? "up" : view.isUp(id) ? "copying" : "down";
  const states = keepers.map((keeper) => `${keeper.name} (${stateOf(keeper)})`).join(", ");
  return `no quorum: partition ${partition} needs ${needed} of ${keepers.length} keepers, ${states}`;
}

/** `attempt` completes "Cannot …". */
export function noQuorumError(view: QuorumView, partition: number, attempt: string): NoQuorumError {
  const trouble = quorumTrouble(view, partition);
  const why = trouble === "" ? `no answer from the steward of partition ${partition}` : trouble;
  return new NoQuorumError(`Cannot ${attempt}: ${why}`, partition, keeperStates(view, partition));
}
