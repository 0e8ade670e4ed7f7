/**
 * What `stolos peer` prints: the events of its node, as JSON lines to the contract or as lines for people,
 * and its log on stderr.
 */
import type { LogLevel } from "../../mod.ts";
import { isError, messageOfThrown } from "../base/thrown.ts";
import { humanDuration, jsonLine, printable, type Terminal } from "./output.ts";
import { LOG_LEVELS, type LogFormat } from "./peer-options.ts";

/** The events of a node that are passed on as they come; the others have their own moment. */
export const PASSED_ON = [
  "waiting",
  "member:up",
  "member:down",
  "quorum:lost",
  "quorum:regained",
  "task:start",
  "task:done",
  "task:error",
  "task:lost",
  "task:released",
  "loop:blocked",
  "clock:behind",
  "peer:rejected",
  "evicted",
  "join:refused",
  "join:unreachable",
  "listen:trouble",
  "store:trouble",
  "store:recovered",
  "balancer:error",
  "error",
] as const;

export interface PeerEvent {
  readonly event: string;
  readonly [key: string]: unknown;
}

/** An event as an object whose first key is `event`; errors become their messages. */
export function peerEvent(event: string, detail: unknown): PeerEvent {
  const rest = typeof detail === "object" && detail !== null ? detail : {};
  const entries = Object.entries(rest).filter(([, value]) => value !== undefined).map(
    ([key, value]) => [key, key === "error" || isError(value) ? messageOfThrown(value) : value],
  );
  return { event, ...Object.fromEntries(entries) };
}

/** The same for people: the time of day, the event, then what there is to say. */
export function eventText(event: PeerEvent, at: Date): string {
  const time = at.toISOString().slice(11, 23);
  const words = Object.entries(event).filter(([key]) => key !== "event").map(([key, value]) => {
    if (key === "task") return printable(String(value));
    if (key.endsWith("Ms") && typeof value === "number") return `${key.slice(0, -2)} ${humanDuration(value)}`;
    return `${key} ${printable(typeof value === "object" ? jsonLine(value) : String(value))}`;
  });
  return `${time} ${event.event.padEnd(15)} ${words.join("  ")}`.trimEnd();
}

/** What `stolos peer` prints on stderr beside its events. */
export type Log = (level: LogLevel, text: string) => void;

/** Writes lines for people, or JSON. */
export function logger(
  terminal: Terminal,
  { most, format }: { readonly most: LogLevel; readonly format: LogFormat },
): Log {
  return (level, message) => {
    if (LOG_LEVELS.indexOf(level) > LOG_LEVELS.indexOf(most)) return;
    if (format === "text") terminal.note(`stolos: ${level}: ${printable(message)}`);
    else terminal.note(jsonLine({ time: new Date().toISOString(), level, message }));
  };
}
