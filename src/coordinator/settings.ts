/** The settings of a node that the engine needs, with their defaults and the formulas between them. */
import type { EngineOptions, PersistRecord } from "../protocol/model/contract.ts";
import { DEFAULT_RETENTION } from "../protocol/model/limits.ts";
import type { NodeId } from "../protocol/model/types.ts";
import type { Store } from "../store/store.ts";
import { type Environment, systemEnvironment } from "../base/environment.ts";

export interface Settings {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly witness: boolean;
  readonly expect: number;
  /** How long to look for a cluster before founding one alone; Infinity: only ever join one. */
  readonly foundAfterMs: number;
  readonly evictAfterMs: number;
  readonly leaseTtlMs: number;
  readonly heartbeatMs: number;
  readonly marginMs: number;
  readonly partitions: number;
  readonly replication: number;
  readonly clockRateBound: number;
  readonly finishedPerPartitionMax: number;
  /** Of the software, for people. */
  readonly version: string;
}

/** Longest time between two steps: what "run at" and the lapse of leases are exact to. */
const TICK_MAX_MS = 100;
const TICK_MIN_MS = 20;
const RESEND_MIN_MS = 200;
/** Two seconds of full load on one partition; a keeper that lags further gets a snapshot. */
const LOG_ENTRIES_MAX = 2048;
const APPEND_BYTES_MAX = 262_144;
const SNAPSHOT_CHUNK_BYTES = 262_144;
/** 128 partitions of it are 8 MiB on disk, and to be read at a start, beyond the states themselves. */
const COMPACT_BYTES = 65_536;

/** `electionMs` = 2 x heartbeatMs: a steward steps down at 0.7 of it, which must outlast a heartbeat. */
export function engineOptions(
  self: NodeId,
  settings: Settings,
  { boot, isDurable }: Pick<Store, "boot" | "isDurable">,
  environment: Environment = systemEnvironment,
): EngineOptions {
  const { heartbeatMs } = settings;
  return {
    self,
    name: settings.name,
    labels: settings.labels,
    witness: settings.witness,
    boot,
    expect: settings.expect,
    foundAfterMs: settings.foundAfterMs,
    evictAfterMs: settings.evictAfterMs,
    nonce: environment.uuid(),
    seed: Math.floor(environment.random() * 2 ** 32),
    partitionCount: settings.partitions,
    replication: settings.replication,
    leaseTtlMs: settings.leaseTtlMs,
    heartbeatMs,
    heartbeatAlongMs: heartbeatMs / 2,
    marginMs: settings.marginMs,
    clockRateBound: settings.clockRateBound,
    electionMs: 2 * heartbeatMs,
    resendMs: Math.max(RESEND_MIN_MS, heartbeatMs / 2),
    tickMs: Math.min(TICK_MAX_MS, Math.max(TICK_MIN_MS, heartbeatMs / 10)),
    calmTickMs: Math.max(TICK_MIN_MS, heartbeatMs),
    retention: DEFAULT_RETENTION,
    finishedPerPartitionMax: settings.finishedPerPartitionMax,
    logEntriesMax: LOG_ENTRIES_MAX,
    appendBytesMax: APPEND_BYTES_MAX,
    snapshotChunkBytes: SNAPSHOT_CHUNK_BYTES,
    compactBytes: isDurable ? COMPACT_BYTES : Infinity,
  };
}

/**
 * A task's partition follows from its id and their number: with another one known tasks would be unknown.
 *
 * @throws RangeError when the store belongs to a cluster of another number of partitions
 */
export function checkStored(records: readonly PersistRecord[], { partitions }: Settings): void {
  for (const record of records) {
    if (record.type !== "roster" || record.roster.chains.length === partitions) continue;
    throw new RangeError(
      `Cannot create a node: partitions must be ${record.roster.chains.length}, as in the cluster that its ` +
        `store belongs to, got ${partitions}`,
    );
  }
}
