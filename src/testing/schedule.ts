/**
 * What is going to happen in a virtual run and when: a binary heap by time, first scheduled first among
 * equals.
 */
interface Planned {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class Schedule {
  #nowMs = 0;
  #heap: Planned[] = [];
  #order = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Runs `run` after `delayMs` of true time (at once, but not inside this call, when it is 0). */
  after(delayMs: number, run: () => void): void {
    const heap = this.#heap;
    const planned: Planned = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run };
    let at = heap.length;
    heap.push(planned);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(planned, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = planned;
  }

  /** Time of the next event; Infinity when there is none. */
  get nextMs(): number {
    return this.#heap[0]?.atMs ?? Infinity;
  }

  /** Takes the next event and moves the time to it. */
  take(): (() => void) | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (!first) return undefined;
    const last = heap.pop()!;
    if (heap.length > 0) {
      let at = 0;
      for (;;) {
        let child = 2 * at + 1;
        if (child >= heap.length) break;
        if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
        if (!isBefore(heap[child]!, last)) break;
        heap[at] = heap[child]!;
        at = child;
      }
      heap[at] = last;
    }
    this.skipTo(first.atMs);
    return first.run;
  }

  /** Moves the time on, never back. What is due by then is still there, and late. */
  skipTo(atMs: number): void {
    if (atMs > this.#nowMs) this.#nowMs = atMs;
  }
}

function isBefore(a: Planned, b: Planned): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
