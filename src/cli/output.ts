/**
 * What the commands print: JSON lines to the contract of the product, or tables for people. Ids and errors
 * come from strangers, so control characters are shown, never sent to a terminal.
 */

import { LineWriter, writerOf } from "./line-writer.ts";

/** Where a command prints: results and events to stdout, everything else to stderr. */
export interface Terminal {
  /** A result: the command does not end before it has been read, or its reader has gone. */
  print(line: string): void;
  /**
   * Something that has just happened: dropped while the reader is far behind. `notice` is then printed in its
   * place, with the number of lines that are missing.
   */
  event(line: string, notice: (dropped: number) => string): void;
  note(line: string): void;
  /** For who prints a lot: resolves once the reader is near. */
  drained(): Promise<void>;
}

/** One line of JSON: fences are decimal strings, times ISO 8601, bytes base64, and nothing is left out. */
export function jsonLine(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (each === undefined) return null;
    if (typeof each === "bigint") return String(each);
    if (each instanceof Uint8Array) return Buffer.from(each).toString("base64");
    return each;
  });
}

/** A longer cell makes its own row wider, not the whole table. */
const CELL_CHARS_MAX = 40;

/** Rows under a head, columns aligned; two spaces between them. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows.map((row) => row.map(printable))];
  const widths = head.map((_, column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0).filter((each) => each <= CELL_CHARS_MAX))
  );
  return all.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd());
}

/** `name: value` lines, values aligned. */
export function fields(pairs: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(0, ...pairs.map(([name]) => name.length + 1));
  return pairs.map(([name, value]) => `${`${name}:`.padEnd(width)} ${printable(value)}`);
}

/** The text with control characters escaped. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/** Milliseconds for people: `850ms`, `3.2s`, `4m10s`, `2h5m`. */
export function humanDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 59_950) return `${Number((ms / 1000).toFixed(1))}s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m${seconds % 60}s`;
  return `${Math.floor(seconds / 3600)}h${Math.floor((seconds % 3600) / 60)}m`;
}

/** The last part of a peer id, enough to distinguish nodes. */
export function shortId(id: string): string {
  return id.length > 12 ? `…${id.slice(-8)}` : id;
}

/** What stands in the place of events that the reader was too slow for. */
export function droppedEvents(dropped: number, json: boolean): string {
  if (json) return jsonLine({ event: "dropped", count: dropped, time: new Date().toISOString() });
  return `… ${dropped} events dropped: this output is read too slowly`;
}

/** How long lines that may get lost are waited for at the end. */
const LAST_EVENTS_MS = 1000;

export interface ProcessTerminal extends Terminal {
  /** Resolves once all that was printed has been read, or the reader has gone; events are waited for 1 s. */
  flushed(): Promise<void>;
  /** The reader of stdout has gone before it had everything that was printed. */
  readonly isCutOff: boolean;
}

/**
 * A terminal on stdout and stderr. When the reader of stdout has gone (a closed pipe), printing goes nowhere
 * and `onClosed` is called once.
 */
export function processTerminal(onClosed: () => void): ProcessTerminal {
  const stdout = new LineWriter(writerOf("stdout"), onClosed);
  const stderr = new LineWriter(writerOf("stderr"), () => {});
  const lines = (dropped: number): string => `stolos: ${dropped} lines dropped: stderr is read too slowly`;
  let isLossy = false;
  return {
    print: (line) => stdout.print(line),
    event: (line, notice) => {
      isLossy = true;
      stdout.offer(line, notice);
    },
    note: (line) => stderr.offer(line, lines),
    drained: () => stdout.drained(),
    flushed: async () => {
      const last = new Promise<void>((resolve) => setTimeout(resolve, LAST_EVENTS_MS));
      await (isLossy ? Promise.race([stdout.flushed(), last]) : stdout.flushed());
      await Promise.race([stderr.flushed(), last]);
    },
    get isCutOff() {
      return stdout.isClosed && !isLossy;
    },
  };
}
