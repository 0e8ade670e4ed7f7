/** What the engine of a virtual node is told, by the plan of its run. */
import type { EngineOptions } from "../protocol/api.ts";
import type { Plan } from "./plan.ts";
import type { Rng } from "./rng.ts";
import type { VirtualNode } from "./virtual-node.ts";

/** `isAnother`: the node lost its disk or left, so it founds nothing any more. */
export function optionsOf(
  plan: Plan,
  node: VirtualNode,
  { isAnother, rng }: { readonly isAnother: boolean; readonly rng: Rng },
): EngineOptions {
  const { no, id, boot, candidate } = node;
  return {
    self: id,
    ...candidate,
    boot,
    foundAfterMs: plan.foundingCount === 1 && no === 0 && !isAnother ? 0 : Infinity,
    evictAfterMs: plan.evictAfterMs,
    nonce: `${no}.${boot}.${rng.int(1_000_000)}`,
    seed: rng.int(0x7fff_ffff),
    partitionCount: plan.partitionCount,
    replication: plan.replication,
    leaseTtlMs: plan.leaseTtlMs,
    heartbeatMs: plan.heartbeatMs,
    beatAlongMs: plan.beatAlongMs,
    marginMs: plan.marginMs,
    clockRateBound: plan.clockRateBound,
    electionMs: plan.electionMs,
    resendMs: plan.resendMs,
    tickMs: plan.tickMs,
    calmTickMs: plan.calmTickMs,
    retentionMs: plan.retentionMs,
    finishedPerPartitionMax: plan.finishedPerPartitionMax,
    logEntriesMax: plan.logEntriesMax,
    appendBytesMax: plan.appendBytesMax,
    snapshotChunkBytes: plan.snapshotChunkBytes,
    compactBytes: plan.compactBytes,
    keepingMembersMax: plan.keepingMembersMax,
    wantedCount: plan.wantedCount,
  };
}
