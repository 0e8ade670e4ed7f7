/** What a measurement is made of: CPU time of this process and of others, samples, and their medians. */
import { readFileSync } from "node:fs";

/** One measured run. `cpuParts` splits `cpuUsPerTask` by kind of process, in µs per task. */
export interface Sample {
  readonly tasksPerS: number;
  readonly cpuUsPerTask: number;
  readonly cpuParts: Readonly<Record<string, number>>;
}

/** User and system time of this process so far, in µs. */
export function ownCpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/**
 * User and system time of another process so far, in µs, from the kernel's 100 ticks a second. Linux only.
 */
export function cpuUsOfPid(pid: number): number {
  // the name in parentheses may hold anything, also spaces
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** What of another process is in memory, in bytes. Linux only. */
export function rssBytesOfPid(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
}

/** Bytes sent over the loopback so far, by everybody on this machine. Linux only. */
export function loopbackBytes(): number {
  const line = /^\s*lo:(.*)$/m.exec(readFileSync("/proc/net/dev", "utf8"))?.[1] ?? "";
  return Number(line.trim().split(/\s+/)[8] ?? 0);
}

/** From what one run took: the CPU by kind of process is what it used in all, in µs. */
export function sampleOf(count: number, tookMs: number, cpuUs: Readonly<Record<string, number>>): Sample {
  const cpuParts = Object.fromEntries(Object.entries(cpuUs).map(([kind, us]) => [kind, us / count]));
  const cpuUsPerTask = Object.values(cpuParts).reduce((sum, us) => sum + us, 0);
  return { tasksPerS: count / tookMs * 1000, cpuUsPerTask, cpuParts };
}

/** The difference of two readings, kind by kind. */
export function spent(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(after).map(([kind, us]) => [kind, us - (before[kind] ?? 0)]));
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return sorted.length === 0 ? NaN : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Each number is the median of that number over all samples. */
export function medianSample(samples: readonly Sample[]): Sample {
  const kinds = Object.keys(samples[0]?.cpuParts ?? {});
  return {
    tasksPerS: median(samples.map((sample) => sample.tasksPerS)),
    cpuUsPerTask: median(samples.map((sample) => sample.cpuUsPerTask)),
    cpuParts: Object.fromEntries(
      kinds.map((kind) => [kind, median(samples.map((s) => s.cpuParts[kind] ?? 0))]),
    ),
  };
}
