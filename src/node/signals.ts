/** SIGTERM and SIGINT for a node of a program: the first drains and stops it, the second stops it now. */
import type { Node } from "./node-api.ts";

const SIGNALS = ["SIGTERM", "SIGINT"] as const;

/** What it needs of the process. */
export interface SignalSource {
  exitCode?: number | string | null | undefined;
  on(signal: string, listener: () => void): unknown;
  off(signal: string, listener: () => void): unknown;
  listenerCount(signal: string): number;
  exit(code?: number): unknown;
}

/**
 * Until the node has stopped, for whatever reason. A process that listens to a signal is not ended by it, so
 * this ends it afterwards, unless the program listens itself.
 */
export function handleSignals(
  node: Pick<Node, "stop" | "addEventListener">,
  source: SignalSource = process,
): void {
  let count = 0;
  let last: string = SIGNALS[0];
  const listeners = SIGNALS.map((signal) => {
    const listener = (): void => {
      count += 1;
      last = signal;
      // what it throws is reported by whoever else stops the node
      node.stop({ now: count > 1 }).catch(() => {});
    };
    source.on(signal, listener);
    return { signal, listener };
  });
  node.addEventListener("stopped", () => {
    for (const { signal, listener } of listeners) source.off(signal, listener);
    if (count === 0 || source.listenerCount(last) > 0) return;
    // after what the program does on its own at the end
    setTimeout(() => source.exit(Number(source.exitCode ?? 0)), 0);
  });
}
