/** Options by which a program watches a node: its log, and what libp2p counts with. */
import type { MetricsFactory } from "../mesh/mesh-types.ts";
import { shown } from "./arguments.ts";
import { LOG_LEVELS, type LogLevel, type LogRecord, type LogSettings } from "./log.ts";

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

export interface ObserveSettings {
  readonly libp2pMetrics: MetricsFactory | null;
  readonly logging: LogSettings | null;
}

export const OBSERVE_KEYS = ["log", "logLevel", "libp2pMetrics"] as const;

/** @throws TypeError */
export function observeSettings(attempt: string, options: ObserveOptions): ObserveSettings {
  return {
    libp2pMetrics: metricsOf(attempt, options.libp2pMetrics),
    logging: loggingOf(attempt, options),
  };
}

function metricsOf(attempt: string, value: unknown): MetricsFactory | null {
  if (value === undefined) return null;
  if (typeof value === "function") return value as MetricsFactory;
  throw new TypeError(`Cannot ${attempt}: libp2pMetrics must be a function, got ${shown(value)}`);
}

function loggingOf(
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
