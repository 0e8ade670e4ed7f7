/** A signal that aborts after a time. Whoever waits keeps the process alive, not the signal. */
import { setTimeout } from "node:timers";

/**
 * As `AbortSignal.timeout()`, of which Deno (2.9) keeps the process alive until then, as long as somebody
 * listens to it, though what was to be bounded has ended.
 */
export function timeoutSignal(ms: number): AbortSignal {
  const late = new AbortController();
  setTimeout(() => late.abort(new DOMException("The operation timed out", "TimeoutError")), ms).unref();
  return late.signal;
}
