/** Words for a partition that cannot be served: which keepers it needs, and which are up. */
import type { NodeId, Roster } from "../protocol/types.ts";
import { type KeeperState, NoQuorumError } from "./errors.ts";
import { keepersOf } from "./task-snapshot.ts";

export interface QuorumView {
  readonly roster: Roster | null;
  /** It was in a cluster, or knows one that has not let it in yet. */
  readonly isOut: boolean;
  readonly expect: number;
  /** Nodes that this one is connected to, itself included. */
  readonly connectedCount: number;
  isUp(node: NodeId): boolean;
}

export function keeperStates(view: QuorumView, partition: number): KeeperState[] {
  const keepers = view.roster ? keepersOf(view.roster, partition) : [];
  return keepers.map(({ id, name }) => ({ id, name, up: view.isUp(id) }));
}

/** "" when a majority of the keepers is up. */
export function quorumTrouble(view: QuorumView, partition: number): string {
  if (!view.roster) {
    const { expect, connectedCount, isOut } = view;
    if (isOut) return "this node is in no cluster at the moment: it asks to be let in (again)";
    return `no cluster yet: it is founded by ${expect} nodes, of which ${connectedCount} are connected`;
  }
  const keepers = keeperStates(view, partition);
  const needed = Math.floor(keepers.length / 2) + 1;
  if (keepers.filter((keeper) => keeper.up).length >= needed) return "";
  const states = keepers.map(({ name, up }) => `${name} (${up ? "up" : "down"})`).join(", ");
  return `no quorum: partition ${partition} needs ${needed} of ${keepers.length} keepers, ${states}`;
}

/** `attempt` completes "Cannot …". */
export function noQuorumError(view: QuorumView, partition: number, attempt: string): NoQuorumError {
  const trouble = quorumTrouble(view, partition);
  const why = trouble === "" ? `no answer from the steward of partition ${partition}` : trouble;
  return new NoQuorumError(`Cannot ${attempt}: ${why}`, partition, keeperStates(view, partition));
}
