/**
 * The metrics of a node. Names follow OpenTelemetry's conventions in their Prometheus form: base units as
 * suffixes, `_total` for what only grows. Values are read from the node when a scrape asks, once a scrape.
 * docs/operating.md lists them; a test holds the two together.
 */
import { type AttemptCount, DURATION_BOUNDS_S } from "../consumer/attempt-events.ts";
import type { NodeInfo } from "../coordinator/coordinator.ts";
import type { Node } from "../node/node-api.ts";
import type { NodeStats } from "../node/stats.ts";
import type { MetricFamily, MetricsRegistry, MetricValue, RegisteredMetric } from "./registry.ts";

export interface Reading {
  readonly node: Node;
  readonly stats: NodeStats;
  readonly members: readonly NodeInfo[];
}

export interface MetricSpec {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  read(reading: Reading): readonly MetricValue[];
}

const one = (value: number | boolean): readonly MetricValue[] => [{ labels: {}, value: Number(value) }];

function gauge(name: string, help: string, of: (reading: Reading) => number | boolean): MetricSpec {
  return { name, help, type: "gauge", read: (reading) => one(of(reading)) };
}

function counter(name: string, help: string, of: (stats: NodeStats) => number): MetricSpec {
  return { name, help, type: "counter", read: ({ stats }) => one(of(stats)) };
}

/** One value for each handler and whatever else `of` distinguishes. */
function byTask(
  stats: NodeStats,
  of: (count: AttemptCount) => readonly (readonly [Readonly<Record<string, string>>, number])[],
): MetricValue[] {
  return [...stats.attempts].flatMap(([task, count]) =>
    of(count).map(([labels, value]) => ({ labels: { task, ...labels }, value }))
  );
}

const MEMBER_STATES = ["up", "draining", "stopped", "down"] as const;

const CLUSTER: readonly MetricSpec[] = [
  {
    name: "stolos_node_info",
    help: "Always 1; who the node is, in labels.",
    type: "gauge",
    read: ({ node, members }) => {
      const version = members.find(({ self }) => self)?.version ?? "";
      return [{ labels: { node: node.id, name: node.name, version }, value: 1 }];
    },
  },
  gauge(
    "stolos_ready",
    "1 while the node is ready to work, as /readyz says.",
    ({ stats }) => stats.notReady === null,
  ),
  gauge(
    "stolos_quorum",
    "1 while the node reaches a majority of the keepers of every partition it needs.",
    ({ stats }) => stats.hasQuorum,
  ),
  counter(
    "stolos_quorum_losses_total",
    "How often the node lost its quorum.",
    (stats) => stats.quorumLossCount,
  ),
  gauge("stolos_roster_epoch", "Epoch of the cluster's roster; 0 in no cluster.", ({ stats }) => stats.epoch),
  {
    name: "stolos_members",
    help: "Members of the cluster as this node sees them.",
    type: "gauge",
    read: ({ members }) =>
      MEMBER_STATES.map((state) => {
        return { labels: { state }, value: members.filter((member) => member.state === state).length };
      }),
  },
  gauge(
    "stolos_connected_members",
    "Other members with an open connection.",
    ({ stats }) => stats.connectedCount,
  ),
  counter("stolos_evictions_total", "How often this node was evicted.", (stats) => stats.evictionCount),
  counter(
    "stolos_rejections_total",
    "Peers refused or cut off; at most one a minute counts per peer and reason.",
    (stats) => stats.rejectionCount,
  ),
];

const TASKS: readonly MetricSpec[] = [
  gauge("stolos_capacity_tasks", "Tasks that the node takes at once.", ({ stats }) => stats.capacity),
  gauge("stolos_leases", "Leases that the node holds.", ({ stats }) => stats.heldCount),
  gauge("stolos_running_tasks", "Handlers that run.", ({ stats }) => stats.runningCount),
  gauge("stolos_frozen", "1 while the node starts nothing new.", ({ node }) => node.frozen),
  {
    name: "stolos_stewarded_tasks",
    help: "Tasks of the partitions that this node is steward of; the sum over nodes is the cluster's.",
    type: "gauge",
    read: ({ stats }) =>
      Object.entries(stats.tasksByState()).map(([state, value]) => ({ labels: { state }, value })),
  },
  counter("stolos_submits_total", "Tasks that the node was asked to record.", (stats) => stats.submitCount),
  {
    name: "stolos_attempts_started_total",
    help: "Attempts that began on this node.",
    type: "counter",
    read: ({ stats }) => byTask(stats, ({ started }) => [[{}, started]]),
  },
  {
    name: "stolos_attempts_ended_total",
    help: "Attempts that ended on this node, by how: recorded as done, error or released, or lost.",
    type: "counter",
    read: ({ stats }) =>
      byTask(stats, ({ ended }) => Object.entries(ended).map(([outcome, value]) => [{ outcome }, value])),
  },
  {
    name: "stolos_attempt_duration_seconds",
    help: "How long attempts took, from the handler's start until the end was recorded.",
    type: "histogram",
    read: ({ stats }) => [...stats.attempts].flatMap(([task, count]) => histogram(task, count)),
  },
];

const PARTS: readonly MetricSpec[] = [
  gauge("stolos_kept_partitions", "Partitions that the node keeps.", ({ stats }) => stats.keptCount),
  gauge(
    "stolos_stewarded_partitions",
    "Partitions that the node is steward of.",
    ({ stats }) => stats.stewardedCount,
  ),
  {
    name: "stolos_partitions",
    help: "Partitions of the cluster as this node sees them, by how their keepers stand.",
    type: "gauge",
    read: ({ stats: { health } }) => {
      const { partitions, whole, critical, stopped } = health;
      const short = partitions - whole - critical - stopped;
      return Object.entries({ whole, short, critical, stopped }).map(([state, value]) => {
        return { labels: { state }, value };
      });
    },
  },
  gauge(
    "stolos_survivable_losses",
    "How many more members may fail, whichever they are, before a partition has no quorum.",
    ({ stats }) => stats.health.survives,
  ),
  gauge(
    "stolos_unstewarded_partitions",
    "Partitions of which the node knows no steward.",
    ({ stats }) => stats.unstewardedCount,
  ),
  gauge(
    "stolos_store_up",
    "1 while the store takes what it is given, 0 while it cannot write.",
    ({ stats }) => stats.isStoreWell,
  ),
  counter(
    "stolos_store_troubles_total",
    "How often the store stopped taking.",
    (stats) => stats.storeTroubleCount,
  ),
  counter("stolos_store_commits_total", "Writes that the store was given.", ({ commits }) => commits.count),
  counter(
    "stolos_store_commit_duration_seconds_total",
    "Time that they took in all.",
    ({ commits }) => commits.totalMs / 1000,
  ),
  gauge(
    "stolos_store_commit_pending_seconds",
    "For how long the present write has been at work.",
    ({ stats }) => stats.commits.pendingMs / 1000,
  ),
  counter("stolos_mesh_sent_bytes_total", "Sent to members.", ({ traffic }) => traffic.sentBytes),
  counter(
    "stolos_mesh_received_bytes_total",
    "Received from members.",
    ({ traffic }) => traffic.receivedBytes,
  ),
  counter("stolos_mesh_sent_frames_total", "Frames sent to members.", ({ traffic }) => traffic.sentFrames),
  counter(
    "stolos_mesh_received_frames_total",
    "Frames received from members.",
    ({ traffic }) => traffic.receivedFrames,
  ),
  counter(
    "stolos_loop_blocks_total",
    "How often the event loop stood still for longer than a heartbeat.",
    (stats) => stats.loopBlockCount,
  ),
  counter(
    "stolos_loop_blocked_seconds_total",
    "For how long it stood still then.",
    (stats) => stats.loopBlockedMs / 1000,
  ),
  counter(
    "stolos_clock_jumps_seconds_total",
    "How far the machine's clocks jumped ahead: leases ended early by so much.",
    (stats) => stats.clockJumpsMs / 1000,
  ),
  counter("stolos_process_cpu_seconds_total", "CPU time of the process.", () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  }),
  gauge(
    "stolos_process_resident_memory_bytes",
    "Resident memory of the process.",
    () => process.memoryUsage.rss(),
  ),
];

export const METRICS: readonly MetricSpec[] = [...CLUSTER, ...TASKS, ...PARTS];

function histogram(task: string, { durations, durationSumMs }: AttemptCount): MetricValue[] {
  const name = "stolos_attempt_duration_seconds";
  let count = 0;
  const buckets = durations.map((each, at): MetricValue => {
    count += each;
    const le = DURATION_BOUNDS_S[at] ?? "+Inf";
    return { metricName: `${name}_bucket`, labels: { task, le }, value: count };
  });
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: { task }, value: durationSumMs / 1000 },
    { metricName: `${name}_count`, labels: { task }, value: count },
  ];
}

/**
 * Registers the metrics of a node; one node a registry.
 *
 * @throws TypeError, or prom-client's Error, when it has metrics of these names already
 */
export function registerMetrics(node: Node, registry: MetricsRegistry): void {
  // a loop that stands still is noticed only if somebody listens
  node.addEventListener("loop:blocked", () => {});
  let shared: Reading | null = null;
  const reading = (): Reading => {
    if (shared !== null) return shared;
    // all metrics of a scrape are asked in one turn
    queueMicrotask(() => shared = null);
    return shared = { node, stats: node.stats(), members: node.nodes() };
  };
  for (const spec of METRICS) {
    const { name, help, type } = spec;
    const get = (): Promise<MetricFamily> =>
      Promise.resolve({ name, help, type, aggregator: "sum", values: spec.read(reading()) });
    const metric: RegisteredMetric = { name, get };
    registry.registerMetric(metric);
  }
}
