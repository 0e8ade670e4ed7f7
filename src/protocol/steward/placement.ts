/**
 * Which members may run a task and which of them it prefers, by labels, name and id; and which waiting tasks
 * are alike, so that one that nobody can run holds up none but its like. Who gets a task is dispatcher.ts's
 * decision.
 */
import type { Member, Placement, TaskOptions, TaskSpec } from "../model/types.ts";

/** All labels that it requires, and its node when it names one. */
export function fits(member: Member, placement: Placement): boolean {
  if (placement.node !== "" && member.name !== placement.node && member.id !== placement.node) return false;
  return missingLabel(member, placement) === null;
}

/** The first label that it requires and the member lacks. */
export function missingLabel(member: Member, { requires }: Placement): Placement["requires"][number] | null {
  for (const label of requires) if (member.labels[label.key] !== label.value) return label;
  return null;
}

/** The sum of the weights of the preferred labels that the member has. */
export function weightOf(member: Member, { prefers }: Placement): number {
  let weight = 0;
  for (const { key, value, weight: more } of prefers) if (member.labels[key] === value) weight += more;
  return weight;
}

const queueKeyByOptions: WeakMap<TaskOptions, string> = new WeakMap();

/**
 * Equal for tasks of one handler that the same members may run and that wait in one line; "" when nothing but
 * the handler's name counts. Made once for each options object.
 */
export function queueKeyOf({ options }: TaskSpec): string {
  if (options === null) return "";
  let queueKey = queueKeyByOptions.get(options);
  if (queueKey === undefined) queueKeyByOptions.set(options, queueKey = describe(options));
  return queueKey;
}

function describe({ priority, placement }: TaskOptions): string {
  const { requires = [], prefers = [], node = "" } = placement ?? {};
  if (priority === 0 && node === "" && requires.length === 0 && prefers.length === 0) return "";
  const pairs = requires.map(({ key, value }) => [key, value]);
  return JSON.stringify([
    priority,
    node,
    pairs,
    prefers.map(({ key, value, weight }) => [key, value, weight]),
  ]);
}
