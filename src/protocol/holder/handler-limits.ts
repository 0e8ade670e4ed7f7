/** How many tasks of one handler a node holds and runs, for handlers that run fewer at once than the node. */

export class HandlerLimits {
  #maxByName: ReadonlyMap<string, number> = new Map();
  readonly #heldByName: Map<string, number> = new Map();
  readonly #runningByName: Map<string, number> = new Map();

  set(limits: Readonly<Record<string, number>>): void {
    this.#maxByName = new Map(Object.entries(limits));
  }

  reset(): void {
    this.#heldByName.clear();
    this.#runningByName.clear();
  }

  /** True when the handler has a limit: stewards should hear of it. */
  received(name: string): boolean {
    add(this.#heldByName, name, 1);
    return this.#maxByName.has(name);
  }

  ended(name: string): boolean {
    add(this.#heldByName, name, -1);
    return this.#maxByName.has(name);
  }

  started(name: string): void {
    add(this.#runningByName, name, 1);
  }

  stopped(name: string): void {
    add(this.#runningByName, name, -1);
  }

  mayStart(name: string): boolean {
    const max = this.#maxByName.get(name);
    return max === undefined || (this.#runningByName.get(name) ?? 0) < max;
  }

  /**
   * How many more of each one of `count` stewards may grant. Rounded up, so that each can grant one as long
   * as there is room: what is granted beyond the limit waits here.
   */
  freeFor(count: number): { readonly name: string; readonly free: number }[] {
    const limits: { name: string; free: number }[] = [];
    for (const [name, max] of this.#maxByName) {
      const free = Math.max(0, max - (this.#heldByName.get(name) ?? 0));
      limits.push({ name, free: Math.ceil(free / Math.max(1, count)) });
    }
    return limits;
  }
}

function add(countByName: Map<string, number>, name: string, by: 1 | -1): void {
  const count = (countByName.get(name) ?? 0) + by;
  if (count > 0) countByName.set(name, count);
  else countByName.delete(name);
}
