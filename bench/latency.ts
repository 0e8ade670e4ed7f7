/** Latencies of one measurement, in ms. */
export interface Latency {
  readonly p50: number;
  readonly p99: number;
}

export function latencyOf(timesMs: readonly number[]): Latency {
  const sorted = [...timesMs].sort((a, b) => a - b);
  const at = (part: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

/** The median of each, over runs. */
export function medianLatency(runs: readonly Latency[]): Latency {
  return { p50: latencyOf(runs.map(({ p50 }) => p50)).p50, p99: latencyOf(runs.map(({ p99 }) => p99)).p50 };
}
