/**
 * How full the machine is, for the resource balancer; within the limits of its container where there are
 * (cgroup v2). The same on Bun, Deno and Node: node:os and files.
 */
import { readFileSync } from "node:fs";
import { cpus, freemem, totalmem } from "node:os";
import type { ResourceReporter } from "./resource.ts";

const CGROUP = "/sys/fs/cgroup";
/** Shorter spans say little of a processor. */
const SPAN_MS_MIN = 1000;

/** Memory that is used and cannot be had back, of the machine or of the container, whichever is fuller. */
export function memoryReporter(): ResourceReporter {
  return {
    used: () => {
      const total = totalmem();
      const machine = { used: total - freemem(), total };
      const container = containerMemory();
      const isFuller = container && container.used / container.total > machine.used / machine.total;
      return isFuller ? container : machine;
    },
  };
}

/** Null without a limit. */
function containerMemory(): { readonly used: number; readonly total: number } | null {
  const total = Number(fileText(`${CGROUP}/memory.max`));
  const used = Number(fileText(`${CGROUP}/memory.current`));
  if (!(total > 0 && used > 0)) return null;
  // caches of files that the system takes back by itself
  const cached = Number(/^inactive_file (\d+)$/m.exec(fileText(`${CGROUP}/memory.stat`))?.[1] ?? 0);
  return { used: Math.max(0, used - cached), total };
}

function fileText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Time that the processors were busy, in ms, since it was asked before; at first since they started. */
export function cpuReporter(): ResourceReporter {
  let before = { busyMs: 0, totalMs: 0, atMs: -Infinity };
  let last = { used: 0, total: 1 };
  return {
    used: () => {
      const atMs = performance.now();
      if (atMs - before.atMs < SPAN_MS_MIN) return last;
      const now = { ...processorTimes(), atMs };
      const total = now.totalMs - before.totalMs;
      if (total > 0) last = { used: Math.max(0, now.busyMs - before.busyMs), total };
      before = now;
      return last;
    },
  };
}

function processorTimes(): { readonly busyMs: number; readonly totalMs: number } {
  let [busyMs, idleMs] = [0, 0];
  for (const { times: { user, nice, sys, irq, idle } } of cpus()) {
    busyMs += user + nice + sys + irq;
    idleMs += idle;
  }
  return { busyMs, totalMs: busyMs + idleMs };
}
