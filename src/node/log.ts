/**
 * What a node writes to its program's log: its events as records of plain values, each with a level. Where
 * they go is the program's business.
 */
import { hearRejection, isError, messageOfThrown } from "../base/thrown.ts";
import type { NodeEventMap, NodeEventType } from "./events.ts";
import type { Node } from "./node-api.ts";

export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;
export type LogLevel = typeof LOG_LEVELS[number];

export interface LogRecord {
  /** ISO 8601. */
  readonly time: string;
  readonly level: LogLevel;
  readonly event: NodeEventType;
  /** The node's name. */
  readonly node: string;
  /** What the event says; errors are their messages. */
  readonly [key: string]: unknown;
}

const LEVEL_BY_EVENT: Readonly<Record<NodeEventType, LogLevel>> = {
  "ready": "info",
  "member:up": "info",
  "member:down": "warn",
  "quorum:lost": "error",
  "quorum:regained": "warn",
  "task:start": "debug",
  "task:done": "debug",
  "task:error": "warn",
  "task:lost": "warn",
  "task:released": "debug",
  "loop:blocked": "warn",
  "evicted": "error",
  "join:refused": "error",
  "join:unreachable": "warn",
  "listen:trouble": "warn",
  "waiting": "warn",
  "clock:behind": "warn",
  "peer:rejected": "warn",
  "store:trouble": "error",
  "store:recovered": "warn",
  "frozen": "info",
  "unfrozen": "info",
  "balancer:error": "error",
  "error": "error",
  "draining": "info",
  "stopped": "info",
};

/** The level of an event; of a node that stopped by itself it is an error. */
export function levelOf(event: NodeEventType, detail: unknown): LogLevel {
  const hasFailed = event === "stopped" && (detail as NodeEventMap["stopped"]).error !== undefined;
  return hasFailed ? "error" : LEVEL_BY_EVENT[event];
}

export interface LogSettings {
  readonly log: (record: LogRecord) => void;
  /** Records below it are not even made. */
  readonly logLevel: LogLevel;
}

/** From now on the node's events are logged. What the log throws is ignored. */
export function logEvents(node: Node, { log, logLevel }: LogSettings): void {
  const most = LOG_LEVELS.indexOf(logLevel);
  // all keys of an object that must have all events are events
  for (const event of Object.keys(LEVEL_BY_EVENT) as NodeEventType[]) {
    const isWanted = LOG_LEVELS.indexOf(LEVEL_BY_EVENT[event]) <= most || event === "stopped";
    if (!isWanted) continue;
    node.addEventListener(event, ({ detail }: CustomEvent<NodeEventMap[NodeEventType]>) => {
      const level = levelOf(event, detail);
      if (LOG_LEVELS.indexOf(level) > most) return;
      const fields = Object.entries(detail).map(([key, value]) => [nameOf(key), plain(key, value)]);
      try {
        const time = new Date().toISOString();
        hearRejection(log({ time, level, event, node: node.name, ...Object.fromEntries(fields) }));
      } catch { /* a log that is full must not stop what it logs */ }
    });
  }
}

/** An event's own "node" or "name" is about another one, or a task. */
function nameOf(key: string): string {
  return key === "node" ? "peer" : key;
}

/** What was thrown may be anything. */
function plain(key: string, value: unknown): unknown {
  return key === "error" || isError(value) ? messageOfThrown(value) : value;
}
