/**
 * What the attempt behind a Context is to whatever runs it in a process or thread: a lease of which so much
 * is left, as a duration, and an end that comes sooner once its signal has aborted. Ending anything is left
 * to who asks.
 */

/** How often what is left is looked at once the attempt was aborted: its lease may be lost at any time. */
const LOOK_MS = 100;

export interface Leased {
  readonly signal: AbortSignal;
  /** Until the lease ends, by the lease clock: whatever wall clocks do. After a loss, the margin at most. */
  readonly remainingMs: number;
}

/** Every Context that a node makes is the attempt itself. */
export function leaseOf(context: { readonly signal: AbortSignal }): Leased {
  return context as Leased;
}

export interface Grace {
  /** From the abort on. */
  readonly graceMs: number;
  /** So long before its lease ends it must have ended. */
  readonly aheadMs: number;
}

/**
 * From the abort of the attempt on says how long it may still take to end: its grace, or less when its lease
 * ends sooner. Says so again and again, since a lease that is lost ends sooner; the last time it says 0. The
 * returned function ends that.
 */
export function watchGrace(
  leased: Leased,
  { graceMs, aheadMs }: Grace,
  callback: (leftMs: number) => void,
): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const begin = (): void => {
    const graceEndMs = performance.now() + graceMs;
    const look = (): void => {
      const leftMs = Math.max(0, Math.min(graceEndMs - performance.now(), leased.remainingMs - aheadMs));
      if (leftMs > 0) timer = setTimeout(look, Math.min(leftMs, LOOK_MS));
      callback(leftMs);
    };
    look();
  };
  leased.signal.addEventListener("abort", begin, { once: true });
  if (leased.signal.aborted) begin();
  return () => {
    clearTimeout(timer);
    leased.signal.removeEventListener("abort", begin);
  };
}
