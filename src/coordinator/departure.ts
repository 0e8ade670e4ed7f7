/** Whether a member may be asked to leave for good as things are, and why not. When it goes: roster/. */
import { StateError } from "../base/errors.ts";
import type { ClusterHealth } from "./cluster-health.ts";
import type { NodeInfo } from "./coordinator.ts";

export interface DepartureView {
  readonly members: readonly NodeInfo[];
  readonly health: ClusterHealth;
  readonly evictAfterMs: number;
}

/**
 * What is in the way; null when it may begin. Copies that are on their way are not: whoever leaves waits for
 * them. Those of members that are gone may never come.
 */
export function departureRefusal(id: string, view: DepartureView): StateError | null {
  const { members, health, evictAfterMs } = view;
  const member = members.find(({ node }) => node === id);
  const attempt = `Cannot have node ${JSON.stringify(member?.name ?? id)} leave`;
  if (!member || health.partitions === 0) {
    return new StateError(`${attempt}: it is in no cluster`);
  }
  if (member.leaving) return null;
  if (member.state === "down" || member.state === "stopped") {
    const heard = member.lastHeardMs === null
      ? ""
      : `, last heard ${Math.round(member.lastHeardMs / 1000)} s ago`;
    return new StateError(
      `${attempt}: it is ${member.state}${heard}. ${
        Math.round(evictAfterMs / 1000)
      } s after they last heard it ` +
        "the others put it out and keep what it kept; only if it is started before that, it can leave",
    );
  }
  if (!members.some(({ node, leaving }) => node !== id && !leaving)) {
    return new StateError(`${attempt}: it is the last member, and nobody would keep what it keeps: stop it`);
  }
  const areOthersGone = health.absent.some(({ node, state }) => node !== id && state !== "copying");
  if (health.trouble === null || !(areOthersGone || health.isUndecided)) return null;
  return new StateError(
    `${attempt} now: ${health.trouble}. Nothing was done: try again when they are back`,
  );
}
