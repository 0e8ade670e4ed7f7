/**
 * Events for those who iterate over them: a slow reader loses the oldest, never holds up the node. Where some
 * are missing there is a null.
 */

const BATCHES_MAX = 1000;

export class EventFeed<T> {
  readonly #readers: Set<(batch: readonly T[] | null) => void> = new Set();

  /** null: some are missing here. */
  publish(batch: readonly T[] | null): void {
    for (const read of this.#readers) read(batch);
  }

  /** Yields what is published from now on until the signal aborts. */
  async *read(signal: AbortSignal, first: readonly T[] = []): AsyncGenerator<readonly T[] | null> {
    const queue: (readonly T[] | null)[] = first.length > 0 ? [first] : [];
    let wake = (): void => {};
    const read = (batch: readonly T[] | null): void => {
      if (queue.push(batch) > BATCHES_MAX) queue.splice(0, 2, null);
      wake();
    };
    const onAbort = (): void => wake();
    this.#readers.add(read);
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      while (!signal.aborted) {
        const batch = queue.shift();
        if (batch !== undefined) yield batch;
        else await new Promise<void>((resolve) => wake = resolve);
      }
    } finally {
      this.#readers.delete(read);
      signal.removeEventListener("abort", onAbort);
    }
  }
}
