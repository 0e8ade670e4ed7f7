/**
 * What the tasks of a virtual run ask of their nodes, and whether a node has it. Written apart from the
 * protocol's placement, so that a mistake there shows.
 */
import type { CandidateInfo } from "../protocol/model/contract.ts";
import type { TaskOptions, TaskSpec } from "../protocol/model/types.ts";
import { LAPSES_MAX } from "../protocol/state/lapses.ts";
import type { Rng } from "../testing/rng.ts";
import type { Plan } from "./plan.ts";

export function labelsOf(plan: Plan, no: number): Readonly<Record<string, string>> {
  if (plan.work.placement === 0) return {};
  // in the order in which the roster names them
  return { gpu: no === 1 || no === 4 ? "yes" : "no", rack: `r${no % 2}` };
}

export const PLAIN_OPTIONS: TaskOptions = {
  priority: 0,
  retry: null,
  placement: null,
  expiresMs: 0,
  lapsesMax: LAPSES_MAX,
  tags: [],
  retention: null,
};

/** What one task asks for. */
export function drawnOptions(rng: Rng, plan: Plan): TaskOptions {
  const requires: { key: string; value: string }[] = [];
  if (rng.chance(0.3)) requires.push({ key: "rack", value: rng.pick(["r0", "r1"]) });
  if (rng.chance(0.15)) requires.push({ key: "gpu", value: "yes" });
  const prefers = rng.chance(0.3) ? [{ key: "rack", value: "r1", weight: rng.pick([5, -5]) }] : [];
  const node = rng.chance(0.2) ? `node-${rng.int(plan.nodeCount)}` : "";
  const apart = rng.chance(0.5) ? rng.pick(["a", "b"]) : "";
  return {
    ...PLAIN_OPTIONS,
    priority: rng.pick([0, 0, 7, -7]),
    placement: { requires, prefers, node, apart },
  };
}

/** The node has what the task asks for. */
export function isPlaceFor({ name, labels }: CandidateInfo, id: string, { options }: TaskSpec): boolean {
  if (!options?.placement) return true;
  const { node, requires } = options.placement;
  const isNode = node === "" || [name, id].includes(node);
  return isNode && requires.every(({ key, value }) => labels[key] === value);
}

/** What decides whether a node can run a task after the faults. */
interface Place {
  readonly id: string;
  readonly candidate: CandidateInfo;
  readonly isWanted: boolean;
  readonly isLeaving: boolean;
  readonly handlers: { has(name: string): boolean };
}

/** Some node that stays could run it. */
export function hasPlace(nodes: readonly Place[], spec: TaskSpec): boolean {
  return nodes.some((node) =>
    node.isWanted && !node.isLeaving && !node.candidate.witness && node.handlers.has(spec.name) &&
    isPlaceFor(node.candidate, node.id, spec)
  );
}
