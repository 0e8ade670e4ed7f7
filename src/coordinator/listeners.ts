/** Who is told of events, at once and in order. */
export class Listeners<E> {
  readonly #listeners: Set<(event: E) => void> = new Set();

  /** Returns what ends it. */
  on(listener: (event: E) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  emit(event: E): void {
    for (const listener of [...this.#listeners]) listener(event);
  }

  /** Resolves at the next event that fits, or when the signal aborts. */
  next(fits: (event: E) => boolean, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const off = this.on((event) => fits(event) && done());
      const done = (): void => {
        off();
        signal.removeEventListener("abort", done);
        resolve();
      };
      signal.addEventListener("abort", done, { once: true });
    });
  }
}
