/** Notifies listeners when the leases of a partition were renewed. Costs nothing while nobody listens. */

type Callback = () => void;

interface Listening {
  readonly callbacks: Set<Callback>;
  validUntilMs: number;
}

export interface RenewalsOptions {
  /** No finer than this. */
  readonly everyMs: number;
  /** End of the leases in a partition, lease clock. */
  readonly validUntilMs: (p: number) => number;
}

export class Renewals {
  readonly #options: RenewalsOptions;
  readonly #listening: Map<number, Listening> = new Map();
  #polledMs = -Infinity;

  constructor(options: RenewalsOptions) {
    this.#options = options;
  }

  on(p: number, callback: Callback): () => void {
    let listening = this.#listening.get(p);
    if (!listening) {
      listening = { callbacks: new Set(), validUntilMs: this.#options.validUntilMs(p) };
      this.#listening.set(p, listening);
    }
    const { callbacks } = listening;
    callbacks.add(callback);
    return () => {
      callbacks.delete(callback);
      if (callbacks.size === 0 && this.#listening.get(p)?.callbacks === callbacks) this.#listening.delete(p);
    };
  }

  poll(nowMs: number): void {
    if (this.#listening.size === 0 || nowMs - this.#polledMs < this.#options.everyMs) return;
    this.#polledMs = nowMs;
    for (const [p, listening] of this.#listening) {
      const validUntilMs = this.#options.validUntilMs(p);
      const isRenewed = validUntilMs > listening.validUntilMs;
      listening.validUntilMs = validUntilMs;
      if (isRenewed) { for (const callback of [...listening.callbacks]) callback(); }
    }
  }
}
