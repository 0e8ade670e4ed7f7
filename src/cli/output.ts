/**
 * What the commands print: JSON lines to the contract of the product, or tables for people. Ids and errors
 * come from strangers, so control characters are shown, never sent to a terminal.
 */

/** Where a command prints: results to stdout, everything else to stderr. */
export interface Terminal {
  print(line: string): void;
  note(line: string): void;
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

/** Rows under a head, columns aligned; two spaces between them. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows.map((row) => row.map(printable))];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
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

/**
 * A terminal on stdout and stderr. When the reader of stdout has gone (a closed pipe), printing goes nowhere
 * and `onClosed` is called once.
 */
export function processTerminal(onClosed: () => void): Terminal {
  let isClosed = false;
  const closed = (): void => {
    if (isClosed) return;
    isClosed = true;
    onClosed();
  };
  process.stdout.on("error", closed);
  process.stderr.on("error", () => {});
  const write = (stream: NodeJS.WriteStream, line: string, failed: () => void): void => {
    try {
      stream.write(`${line}\n`);
    } catch {
      failed();
    }
  };
  return {
    print: (line) => {
      if (!isClosed) write(process.stdout, line, closed);
    },
    note: (line) => write(process.stderr, line, () => {}),
  };
}
