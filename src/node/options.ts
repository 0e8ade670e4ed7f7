/** The options of a node: their meaning, defaults and the relations between them, checked once. */
import { hostname } from "node:os";
import { boolean, checkKnown, integer, shown, text, texts } from "../base/arguments.ts";
import {
  mdnsOf,
  namespaceOf,
  SECURITY_KEYS,
  type SecurityOptions,
  type SecuritySettings,
  securitySettings,
} from "../client/security-options.ts";
import type { Settings } from "../coordinator/settings.ts";
import type { MetricsFactory } from "../mesh/mesh-types.ts";
import { LIMITS } from "../protocol/model/limits.ts";
import { memoryStore } from "../store/memory-store.ts";
import type { Store } from "../store/store.ts";
import {
  BALANCE_KEYS,
  type BalanceOptions,
  type BalanceSettings,
  balanceSettings,
} from "./balance-options.ts";
import { LOG_LEVELS, type LogLevel, type LogRecord, type LogSettings } from "./log.ts";
import { VERSION } from "./version.ts";

export interface NodeOptions extends SecurityOptions, BalanceOptions, ObserveOptions {
  /**
   * Isolates clusters that share a network: 1 to 64 of `a-z A-Z 0-9 . _ -`. Without it and without `join` the
   * node founds a cluster alone, announces nothing and looks for nobody.
   * @default "stolos", which only those find who are given an address of it
   */
  readonly namespace?: string;
  /**
   * What people call the node.
   * @default the host's name and a random part
   */
  readonly name?: string;
  /**
   * Multiaddrs to listen on.
   * @default ["/ip4/127.0.0.1/tcp/0"]
   */
  readonly listen?: readonly string[];
  /**
   * Multiaddrs of other nodes. A name (`/dns4/nodes.example/tcp/4001`) stands for all its addresses, and is
   * looked up again and again.
   * @default []
   */
  readonly join?: readonly string[];
  /** Multiaddrs to announce to others instead of those listened on. */
  readonly announce?: readonly string[];
  /**
   * Look for nodes of the namespace on the local network. Needs a `namespace`.
   * @default true with a namespace
   */
  readonly mdns?: boolean;
  /**
   * How many nodes start a new cluster together, the same number on each. Two survive no failure, three one.
   * @default 1
   */
  readonly expect?: number;
  /** @default {} */
  readonly labels?: Readonly<Record<string, string>>;
  /**
   * Tasks at once.
   * @default 100
   */
  readonly capacity?: number;
  /**
   * Keep state, run no tasks.
   * @default false
   */
  readonly witness?: boolean;
  /**
   * How long a node may be silent before its tasks are taken over. >= 3 x heartbeatMs.
   * @default 4000
   */
  readonly leaseTtlMs?: number;
  /**
   * Silence after which a member is evicted and others keep what it kept. >= 2 x leaseTtlMs.
   * @default 30_000
   */
  readonly evictAfterMs?: number;
  /** @default leaseTtlMs / 4 */
  readonly heartbeatMs?: number;
  /**
   * Handlers' signals abort this long before their lease ends. <= leaseTtlMs / 2.
   * @default leaseTtlMs / 4
   */
  readonly marginMs?: number;
  /**
   * Partitions of the cluster, fixed when it is founded: the same on every node.
   * @default 128
   */
  readonly partitions?: number;
  /**
   * Keepers of each partition.
   * @default 3
   */
  readonly replication?: number;
  /**
   * Bound on the error of clocks' rates; 0.01 is 1 %. < 0.2.
   * @default 0.01
   */
  readonly clockRateBound?: number;
  /**
   * How long finished tasks are known, and for how long a submit may be repeated.
   * @default 3_600_000
   */
  readonly retentionMs?: number;
  /**
   * Finished tasks known per partition at most.
   * @default 2000
   */
  readonly finishedPerPartitionMax?: number;
  /**
   * `embedded`: a cluster of one without a network.
   * @default "mesh"
   */
  readonly coordinator?: "mesh" | "embedded";
  /**
   * Where the node keeps its state: `sqliteStore(directory)`, or memory, which forgets it when it stops.
   * @default memoryStore()
   */
  readonly store?: Store;
  /**
   * Longest time that `stop` waits for handlers to end.
   * @default 10_000
   */
  readonly drainTimeoutMs?: number;
  /**
   * SIGTERM and SIGINT drain and stop the node, a second one stops it now, and then the process ends unless
   * the program listens to that signal itself.
   * @default false
   */
  readonly handleSignals?: boolean;
}

/** Options by which a program watches a node: its log, and what libp2p counts with. */
export interface ObserveOptions {
  /**
   * Takes a record of plain values for each event of the node.
   * @default nobody
   */
  readonly log?: (record: LogRecord) => void;
  /**
   * The lowest level that is logged. "debug" has every attempt.
   * @default "info"
   */
  readonly logLevel?: LogLevel;
  /**
   * What libp2p counts with: `libp2pMetrics(registry)`, or `prometheusMetrics()` of
   * @libp2p/prometheus-metrics.
   * @default nothing
   */
  readonly libp2pMetrics?: MetricsFactory;
}

/** All of it, checked. */
export interface NodeSettings extends Settings, SecuritySettings, BalanceSettings {
  readonly namespace: string;
  readonly listen: readonly string[];
  readonly join: readonly string[];
  readonly announce: readonly string[];
  readonly mdns: boolean;
  readonly capacity: number;
  readonly coordinator: "mesh" | "embedded";
  readonly store: Store;
  readonly libp2pMetrics: MetricsFactory | null;
  readonly logging: LogSettings | null;
  readonly drainTimeoutMs: number;
  readonly handleSignals: boolean;
}

const KNOWN: readonly (keyof NodeOptions)[] = [
  ...["namespace", "name", "listen", "join", "announce", "mdns", "expect", "labels", "capacity"] as const,
  ...["witness", "leaseTtlMs", "heartbeatMs", "marginMs", "partitions", "replication"] as const,
  ...["evictAfterMs", "clockRateBound", "retentionMs", "finishedPerPartitionMax", "coordinator"] as const,
  ...["store", "drainTimeoutMs", "handleSignals"] as const,
  ...BALANCE_KEYS,
  ...["log", "logLevel", "libp2pMetrics"] as const,
  ...SECURITY_KEYS,
];
const ATTEMPT = "create a node";
const DAY_MS = 86_400_000;
/** How long a node without `join` looks for a cluster by mDNS before it founds one. */
const DISCOVERY_MS = 1000;

/** @throws TypeError, RangeError that name the option, what it must be and what it is */
export function nodeSettings(options: NodeOptions): NodeSettings {
  checkKnown(ATTEMPT, options, KNOWN);
  const count = (name: keyof NodeOptions, min: number, max: number, byDefault: number): number =>
    integer(ATTEMPT, name, options[name], { min, max, default: byDefault });
  const witness = boolean(ATTEMPT, "witness", options.witness, false);
  return {
    namespace: namespaceOf(ATTEMPT, options.namespace),
    name: text(ATTEMPT, "name", options.name, defaultName(), LIMITS.nameBytesMax),
    listen: texts(ATTEMPT, "listen", options.listen, ["/ip4/127.0.0.1/tcp/0"]),
    join: texts(ATTEMPT, "join", options.join, []),
    announce: texts(ATTEMPT, "announce", options.announce, []),
    mdns: mdnsOf(ATTEMPT, options),
    expect: count("expect", 1, LIMITS.membersMax, 1),
    labels: labelsOf(options.labels),
    capacity: witness ? 0 : count("capacity", 1, 1_000_000, 100),
    witness,
    ...balanceSettings(ATTEMPT, options),
    ...leaseSettings(options),
    foundAfterMs: foundAfterMs(options),
    evictAfterMs: evictAfterMs(options),
    partitions: count("partitions", 1, LIMITS.partitionsMax, 128),
    replication: count("replication", 1, LIMITS.keepersMax, 3),
    clockRateBound: rateBound(options.clockRateBound),
    retentionMs: count("retentionMs", 1000, 365 * DAY_MS, 3_600_000),
    finishedPerPartitionMax: count("finishedPerPartitionMax", 1, 1_000_000, 2000),
    coordinator: coordinatorOf(options.coordinator),
    store: storeOf(options.store),
    libp2pMetrics: metricsOf(options.libp2pMetrics),
    logging: loggingOf(options),
    ...securitySettings(ATTEMPT, options),
    drainTimeoutMs: count("drainTimeoutMs", 0, DAY_MS, 10_000),
    handleSignals: boolean(ATTEMPT, "handleSignals", options.handleSignals, false),
    version: VERSION,
  };
}

function leaseSettings(options: NodeOptions): Pick<Settings, "leaseTtlMs" | "heartbeatMs" | "marginMs"> {
  const bounds = { max: DAY_MS };
  const leaseTtlMs = integer(ATTEMPT, "leaseTtlMs", options.leaseTtlMs, {
    min: 200,
    ...bounds,
    default: 4000,
  });
  const quarterMs = Math.floor(leaseTtlMs / 4);
  const { heartbeatMs: given } = options;
  const heartbeatMs = integer(ATTEMPT, "heartbeatMs", given, { min: 20, ...bounds, default: quarterMs });
  const marginMs = integer(ATTEMPT, "marginMs", options.marginMs, { min: 0, ...bounds, default: quarterMs });
  if (leaseTtlMs < 3 * heartbeatMs) {
    throw new RangeError(
      `Cannot ${ATTEMPT}: leaseTtlMs must be >= 3 x heartbeatMs (${heartbeatMs}), got ${leaseTtlMs}`,
    );
  }
  if (marginMs > leaseTtlMs / 2) {
    throw new RangeError(
      `Cannot ${ATTEMPT}: marginMs must be <= leaseTtlMs / 2 (${leaseTtlMs / 2}), got ${marginMs}`,
    );
  }
  return { leaseTtlMs, heartbeatMs, marginMs };
}

/** Who names others to join founds nothing alone; who looks by mDNS looks for a while. */
function foundAfterMs(options: NodeOptions): number {
  const { join = [], coordinator } = options;
  if (coordinator === "embedded") return 0;
  return join.length > 0 ? Infinity : mdnsOf(ATTEMPT, options) ? DISCOVERY_MS : 0;
}

function evictAfterMs(options: NodeOptions): number {
  const { leaseTtlMs } = leaseSettings(options);
  const bounds = { min: 2 * leaseTtlMs, max: DAY_MS, default: Math.max(30_000, 2 * leaseTtlMs) };
  return integer(ATTEMPT, "evictAfterMs", options.evictAfterMs, bounds);
}

function rateBound(value: unknown): number {
  if (value === undefined) return 0.01;
  if (typeof value !== "number") {
    throw new TypeError(`Cannot ${ATTEMPT}: clockRateBound must be a number, got ${shown(value)}`);
  }
  if (value >= 0 && value < 0.2) return value;
  throw new RangeError(`Cannot ${ATTEMPT}: clockRateBound must be from 0 to below 0.2, got ${value}`);
}

function labelsOf(value: unknown): Readonly<Record<string, string>> {
  if (value === undefined) return {};
  const entries = typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.entries(value)
    : null;
  if (!entries?.every(([key, each]) => key !== "" && typeof each === "string")) {
    throw new TypeError(`Cannot ${ATTEMPT}: labels must map names to texts, got ${shown(value)}`);
  }
  if (entries.length > LIMITS.labelsMax) {
    throw new RangeError(`Cannot ${ATTEMPT}: labels may be ${LIMITS.labelsMax}, got ${entries.length}`);
  }
  for (const [key, each] of entries) {
    text(ATTEMPT, `the name of label ${shown(key)}`, key, "", LIMITS.nameBytesMax);
    if (each !== "") text(ATTEMPT, `label ${shown(key)}`, each, "", LIMITS.nameBytesMax);
  }
  return Object.fromEntries(entries) as Record<string, string>;
}

function coordinatorOf(value: unknown): "mesh" | "embedded" {
  if (value === undefined) return "mesh";
  if (value === "mesh" || value === "embedded") return value;
  throw new TypeError(`Cannot ${ATTEMPT}: coordinator must be "mesh" or "embedded", got ${shown(value)}`);
}

function storeOf(value: unknown): Store {
  if (value === undefined) return memoryStore();
  if (typeof value === "object" && value !== null) {
    const store = value as Partial<Store>;
    const calls = [store.open, store.privateKey, store.load, store.append, store.close];
    if (calls.every((call) => typeof call === "function")) return value as Store;
  }
  throw new TypeError(
    `Cannot ${ATTEMPT}: store must be a Store, as sqliteStore makes one, got ${shown(value)}`,
  );
}

function metricsOf(value: unknown): MetricsFactory | null {
  if (value === undefined) return null;
  if (typeof value === "function") return value as MetricsFactory;
  throw new TypeError(`Cannot ${ATTEMPT}: libp2pMetrics must be a function, got ${shown(value)}`);
}

function loggingOf(
  { log, logLevel = "info" }: { readonly log?: unknown; readonly logLevel?: unknown },
): LogSettings | null {
  if (!LOG_LEVELS.includes(logLevel as LogLevel)) {
    throw new TypeError(
      `Cannot ${ATTEMPT}: logLevel must be one of ${LOG_LEVELS.join(", ")}, got ${shown(logLevel)}`,
    );
  }
  if (log === undefined) return null;
  if (typeof log === "function") {
    // what it takes cannot be asked of a function
    return { log: log as LogSettings["log"], logLevel: logLevel as LogLevel };
  }
  throw new TypeError(`Cannot ${ATTEMPT}: log must be a function, got ${shown(log)}`);
}

function defaultName(): string {
  return `${hostname().slice(0, 64) || "node"}-${crypto.randomUUID().slice(0, 8)}`;
}
