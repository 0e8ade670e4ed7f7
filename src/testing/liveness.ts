/**
 * L1: after the faults everything comes to its end. Says what is still missing; the run fails when that is
 * not
 * "" in time. When all is done, every keeper's copy of every task must be the chosen one.
 */
import { isSameBallot } from "../protocol/ballot.ts";
import type { World } from "./world.ts";

/** In words what has not happened yet; "" when all is well. */
export function whatIsMissing(world: World): string {
  const { nodes, oracle } = world;
  for (const node of nodes) {
    if (!node.engine) return `n${node.no} is down`;
    if (!node.engine.roster) return `n${node.no} has not founded`;
  }
  for (const { p, id, state } of oracle.unfinished()) return `p${p} ${id} is still ${state}`;
  for (const node of nodes) {
    const { waitsFor } = node.client;
    if (waitsFor !== "") return `a client at n${node.no} still waits for ${waitsFor}`;
    if (node.handlers.runningCount > 0) {
      return `n${node.no} still runs ${node.handlers.runningCount} handlers`;
    }
    for (const { p, id } of node.engine!.worker.running()) return `n${node.no} still holds p${p} ${id}`;
  }
  return keepersBehind(world);
}

function keepersBehind({ nodes, oracle, plan }: World): string {
  for (let p = 0; p < plan.partitionCount; p++) {
    const chosenCount = oracle.chosenCount(p);
    for (const node of keepersOf(nodes, p)) {
      const { index, ballot } = node.engine!.logEnd(p);
      if (index !== chosenCount) {
        return `n${node.no} has ${index} entries of p${p}, ${chosenCount} are chosen`;
      }
      if (!isSameBallot(ballot, oracle.chosenBallot(p))) {
        return `n${node.no} ends p${p} with an entry that is not the chosen one`;
      }
    }
  }
  return "";
}

/** @throws Violation when a keeper's copy differs from what was chosen. */
export function compareKeepers({ nodes, oracle }: World): void {
  for (const [id, p] of oracle.knownIds()) {
    for (const node of keepersOf(nodes, p)) oracle.compareTask(node, p, id);
  }
}

function keepersOf(nodes: World["nodes"], p: number): World["nodes"] {
  const keepers = nodes[0]!.engine!.roster!.chains[p]!.at(-1)!.keepers;
  return nodes.filter((node) => keepers.includes(node.engine!.self));
}
