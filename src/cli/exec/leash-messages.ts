/**
 * What a peer and its leash supervisor say to each other: one JSON object a line, over the supervisor's
 * stdin and stdout. Leaves the doing to leash.ts (supervisor) and leash-client.ts (peer).
 */

/**
 * When the peer sent a line, on its own clocks; read in this order, so that a stop in between only
 * shortens.
 */
export interface Stamp {
  /** Monotonic ms of the sender. */
  readonly monoMs: number;
  /** Wall clock, ms since the epoch. */
  readonly wallMs: number;
}

/** Peer to supervisor. `key` names one attempt of one task. */
export type ToLeash =
  | (Stamp & { readonly type: "hello" })
  | (Stamp & {
    readonly type: "start";
    readonly key: string;
    readonly argv: readonly string[];
    readonly cwd: string;
    readonly env: Readonly<Record<string, string>>;
    /** Files that the command's output is appended to, and the line that heads it. */
    readonly out: string;
    readonly err: string;
    readonly header: string;
    /** The lease is over so many ms after the stamp. */
    readonly remainingMs: number;
    /** SIGTERM comes so long before the lease is over. */
    readonly graceMs: number;
  })
  /** Renewed leases: `[key, remainingMs]`, counted from the stamp. */
  | (Stamp & { readonly type: "deadline"; readonly renewed: readonly (readonly [string, number])[] })
  | (Stamp & { readonly type: "stop"; readonly key: string; readonly graceMs: number });

/** Supervisor to peer. */
export type FromLeash =
  | { readonly type: "hello" }
  | { readonly type: "started"; readonly key: string; readonly pid: number }
  | LeashExit;

/** A command and all of its process group have ended. */
export interface LeashExit {
  readonly type: "exit";
  readonly key: string;
  /** Exit code; null when a signal ended it, or when it never started. */
  readonly code: number | null;
  readonly signal: string | null;
  /** The supervisor signalled it first: asked to, or because its lease was ending. */
  readonly stopped: boolean;
  /** Why it never started. */
  readonly error?: string;
}

/** Cuts a byte stream into parsed lines. A line that is no JSON throws: both ends are our own. */
export function lineParser<T>(onLine: (message: T) => void): (chunk: Uint8Array | string) => void {
  const decoder = new TextDecoder();
  let rest = "";
  return (chunk) => {
    rest += typeof chunk === "string" ? chunk : decoder.decode(chunk, { stream: true });
    for (let end = rest.indexOf("\n"); end >= 0; end = rest.indexOf("\n")) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      if (line !== "") onLine(JSON.parse(line) as T);
    }
  };
}
