/**
 * Which keepers serve, as the answers to this node's heartbeats say: each has a bit for every partition whose
 * copy is whole there and not sealed. For people and for the decision when to restart the next node, never
 * for the protocol's own.
 */
import { majorityOf } from "./model/ballot.ts";
import type { MemberNo } from "./model/types.ts";
import type { Roles } from "./roles.ts";

/** A keeper, or a decider, serves as long as it has missed no more heartbeats than this. */
const HEARTBEATS_MISSED_MAX = 2.5;
/** In the place of a partition: those who decide the next roster. */
export const DECIDERS = -1;

/** Those whose majority something needs: the keepers of a partition, or the deciders. */
export interface GroupHealth {
  /** The partition, or DECIDERS. */
  readonly p: number;
  /** Of the newest configuration; where none has a majority, of the one that comes nearest to it. */
  readonly keepers: readonly MemberNo[];
  /** Those of them that do not serve: they are gone, or have no whole copy yet. */
  readonly absent: readonly MemberNo[];
  /**
   * How many more may be lost; below 0 there is no majority. While a newer configuration is on its way the
   * one that is better off counts.
   */
  readonly spare: number;
}

type HealthRoles = Pick<Roles, "context" | "liveness" | "holder">;

/** Of all partitions that this node is in touch with, and of the deciders. None in no cluster. */
export function groupHealths({ context, liveness, holder }: HealthRoles): readonly GroupHealth[] {
  const { roster, topology, clock, options, self } = context;
  if (roster === null) return [];
  const sinceMs = HEARTBEATS_MISSED_MAX * options.heartbeatMs;
  const knowsAll = topology.isKeeping(self);
  const groups: GroupHealth[] = [];
  for (const { p, vouchers } of holder.sessions.all) {
    if (!knowsAll && !topology.wants(p)) continue;
    let best: GroupHealth | null = null;
    let newest: Pick<GroupHealth, "keepers" | "absent"> | null = null;
    for (const { keepers, vouchedMs } of vouchers.toReversed()) {
      const absent = keepers.filter((no, at) =>
        !context.isConnected(no) || clock.leaseMs - vouchedMs[at]! > sinceMs
      );
      newest ??= { keepers, absent };
      const spare = keepers.length - absent.length - majorityOf(keepers.length);
      // what a newer one lacks is on its way from one that serves; without such a one it never comes
      const shown = spare < 0 ? { keepers, absent } : newest;
      if (best === null || spare > best.spare) best = { p, ...shown, spare };
    }
    if (best) groups.push(best);
  }
  if (knowsAll) {
    const isSilent = (no: MemberNo): boolean =>
      no !== self &&
      (!context.isConnected(no) || clock.monoMs - liveness.lastHeartbeatMs(no) > sinceMs);
    const { deciders } = roster;
    const absent = deciders.filter(isSilent);
    const spare = deciders.length - absent.length - majorityOf(deciders.length);
    groups.push({ p: DECIDERS, keepers: deciders, absent, spare });
  }
  return groups;
}
