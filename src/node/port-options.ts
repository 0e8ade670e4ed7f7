/**
 * Options of a node that plug something into it: a store, what libp2p counts with, the kind of coordinator.
 */
import type { MetricsFactory } from "../mesh/mesh-types.ts";
import { memoryStore } from "../store/memory-store.ts";
import type { Store } from "../store/store.ts";
import { shown } from "./arguments.ts";
import { LOG_LEVELS, type LogLevel, type LogSettings } from "./log.ts";

export function coordinatorOf(attempt: string, value: unknown): "mesh" | "embedded" {
  if (value === undefined) return "mesh";
  if (value === "mesh" || value === "embedded") return value;
  throw new TypeError(`Cannot ${attempt}: coordinator must be "mesh" or "embedded", got ${shown(value)}`);
}

export function storeOf(attempt: string, value: unknown): Store {
  if (value === undefined) return memoryStore();
  if (typeof value === "object" && value !== null) {
    const store = value as Partial<Store>;
    const calls = [store.open, store.privateKey, store.load, store.append, store.close];
    if (calls.every((call) => typeof call === "function")) return value as Store;
  }
  throw new TypeError(
    `Cannot ${attempt}: store must be a Store, as sqliteStore makes one, got ${shown(value)}`,
  );
}

export function metricsOf(attempt: string, value: unknown): MetricsFactory | null {
  if (value === undefined) return null;
  if (typeof value === "function") return value as MetricsFactory;
  throw new TypeError(`Cannot ${attempt}: libp2pMetrics must be a function, got ${shown(value)}`);
}

export function loggingOf(
  attempt: string,
  { log, logLevel = "info" }: { readonly log?: unknown; readonly logLevel?: unknown },
): LogSettings | null {
  if (!LOG_LEVELS.includes(logLevel as LogLevel)) {
    throw new TypeError(
      `Cannot ${attempt}: logLevel must be one of ${LOG_LEVELS.join(", ")}, got ${shown(logLevel)}`,
    );
  }
  if (log === undefined) return null;
  if (typeof log === "function") {
    // what it takes cannot be asked of a function
    return { log: log as LogSettings["log"], logLevel: logLevel as LogLevel };
  }
  throw new TypeError(`Cannot ${attempt}: log must be a function, got ${shown(log)}`);
}
