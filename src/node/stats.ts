/**
 * A node in numbers, and whether it is ready to work: read by /readyz and /metrics, or by whatever a program
 * watches itself with. Reading costs something, counting next to nothing.
 */
import type { AttemptCount } from "../consumer/attempt-events.ts";
import type { CoordinatorEvent } from "../coordinator/coordinator.ts";
import type { CoordinatorStats } from "../coordinator/stats.ts";

export type NodeState = "starting" | "ready" | "draining" | "stopped";

/** Things that happened, since the node was made. */
export interface NodeEventCounts {
  readonly quorumLossCount: number;
  readonly evictionCount: number;
  /** Peers that were refused or cut off; one peer counts at most once a minute for the same reason. */
  readonly rejectionCount: number;
  readonly storeTroubleCount: number;
  /**
   * How often the event loop stood still for longer than a heartbeat, if anybody listens to `loop:blocked`.
   */
  readonly loopBlockCount: number;
  readonly loopBlockedMs: number;
}

export interface NodeStats extends CoordinatorStats, NodeEventCounts {
  /** Why it is not ready to work; null when it is. */
  readonly notReady: string | null;
  /** It reaches a majority of the keepers of every partition that it needs. */
  readonly hasQuorum: boolean;
  readonly capacity: number;
  /** Handlers that run. */
  readonly runningCount: number;
  /** By the name of the handler. */
  readonly attempts: ReadonlyMap<string, AttemptCount>;
}

/** Counts the coordinator's events, and remembers whether there is a quorum. */
export class NodeEventTally {
  hasQuorum = false;
  readonly #counts: { -readonly [K in keyof NodeEventCounts]: number } = {
    quorumLossCount: 0,
    evictionCount: 0,
    rejectionCount: 0,
    storeTroubleCount: 0,
    loopBlockCount: 0,
    loopBlockedMs: 0,
  };

  get counts(): NodeEventCounts {
    return this.#counts;
  }

  note(event: CoordinatorEvent): void {
    if (event.type === "ready") this.hasQuorum = true;
    else if (event.type === "quorum") {
      this.hasQuorum = event.held;
      if (!event.held) this.#counts.quorumLossCount++;
    } else if (event.type === "left") {
      this.hasQuorum = false;
      if (event.why === "evicted") this.#counts.evictionCount++;
    } else if (event.type === "rejected") this.#counts.rejectionCount++;
    else if (event.type === "store" && event.error !== null) this.#counts.storeTroubleCount++;
  }

  blocked(blockedMs: number): void {
    this.#counts.loopBlockCount++;
    this.#counts.loopBlockedMs += blockedMs;
  }
}

/** Where a node looks for others, in words; "" where it does not look. */
export function lookoutOf(
  { join, mdns, namespace }: {
    readonly join: readonly string[];
    readonly mdns: boolean;
    readonly namespace: string;
  },
): string {
  const places = mdns ? [...join, `by mDNS in namespace "${namespace}"`] : join;
  return places.length === 0 ? "" : `looking ${mdns && join.length === 0 ? "" : "at "}${places.join(", ")}`;
}

/**
 * Why a node is not ready; null when it is: it can work, and to stop one more node would cost no partition
 * its quorum. So a rolling restart that waits for it loses nothing.
 */
export function notReadyReason(
  { state, hasQuorum, isStoreWell, outside, lookout, health }: {
    readonly state: NodeState;
    readonly hasQuorum: boolean;
    readonly lookout: string;
  } & Pick<CoordinatorStats, "isStoreWell" | "outside" | "health">,
): string | null {
  if (state === "draining" || state === "stopped") return `the node is ${state}`;
  if (outside !== null) {
    return `the node is in no cluster yet: ${outside}${lookout === "" ? "" : `; ${lookout}`}`;
  }
  if (state === "starting") return "the node is not in reach of all partitions' stewards yet";
  if (!isStoreWell) return "the store cannot write";
  return hasQuorum ? health.trouble : `no quorum: ${health.trouble ?? "too few keepers answer"}`;
}
