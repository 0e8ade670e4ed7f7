/**
 * What a peer and its leash supervisor say to each other: one JSON object a line, over the supervisor's
 * stdin and stdout. Leaves the doing to leash.ts (supervisor) and leash-client.ts (peer). Times travel as
 * durations: no wall clock is compared with another.
 */
import type { LeaseStamp, Stamp } from "../../base/sender-clock.ts";

/** The command of `stolos` that is a supervisor. Peers start it, people do not: no help mentions it. */
export const LEASH_COMMAND = "leash-supervisor";

/** What the supervisor is to run. `key` names one attempt of one task. */
export interface LeashStart {
  readonly key: string;
  readonly argv: readonly string[];
  /** @default the supervisor's own, which is the peer's */
  readonly cwd?: string | undefined;
  /** Added to the supervisor's own environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Files that the command's output is appended to, and the line that heads it: see output-file.ts. */
  readonly out: string;
  readonly err: string;
  readonly header: string;
  /** Nothing is spawned so long before the lease is over, and SIGTERM comes then. */
  readonly marginMs: number;
}

/** Peer to supervisor. */
export type ToLeash =
  | (Stamp & { readonly type: "hello" })
  /** The lease is over `remainingMs` after the stamp. */
  | (LeaseStamp & LeashStart & { readonly type: "start" })
  /** Renewed leases: `[key, remainingMs]`, counted from the stamp. */
  | (Stamp & { readonly type: "renewed"; readonly leases: readonly (readonly [string, number])[] })
  /** It has until `graceMs` after the stamp to end. */
  | (Stamp & { readonly type: "stop"; readonly key: string; readonly graceMs: number });

/** Supervisor to peer. */
export type FromLeash =
  | { readonly type: "hello" }
  /** `group` is the number of its process group. */
  | { readonly type: "started"; readonly key: string; readonly group: number }
  /** It was signalled and lives on: why. */
  | { readonly type: "lingers"; readonly key: string; readonly why: string }
  /** Some of its output could not be written: why. */
  | { readonly type: "outputLost"; readonly key: string; readonly why: string }
  | { readonly type: "ended"; readonly key: string; readonly end: CommandEnd };

/** How a command ended. */
export type CommandEnd =
  /** Nothing of its process group lives any more. */
  | {
    readonly type: "exit";
    /** Exit code; null when a signal ended it. */
    readonly code: number | null;
    readonly signal: string | null;
    /** It was signalled first: asked to, or because its lease was ending. */
    readonly stopped: boolean;
    /** What it wrote to stderr last. */
    readonly stderr?: string;
  }
  /** Never started: it was stopped first, or its lease was over or about to be. */
  | { readonly type: "withheld" }
  /** Never started, nor would it be at the next attempt. */
  | { readonly type: "impossible"; readonly error: string }
  /** Never started, or ended with its supervisor and others under it: that is not its fault. */
  | { readonly type: "trouble"; readonly error: string; readonly wasStarted?: true }
  /** Its supervisor died; nothing of it lives any more. */
  | { readonly type: "orphaned"; readonly error: string };

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
