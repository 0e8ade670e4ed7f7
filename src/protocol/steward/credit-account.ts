/**
 * A member's standing with one steward node: how many more tasks it takes, and of which handlers. Credit is
 * soft (it protects capacity, never safety) and absolute: "after grant number `upTo` I take `free` more", so
 * a lost message is mended by the next one.
 */
import type { CreditMessage } from "../model/messages.ts";
import type { Standing } from "../model/messages.ts";

export class CreditAccount {
  readonly boot: number;
  seq = 0;
  free = 0;
  upTo = 0;
  issued = 0;
  load = 0;
  standing: Standing = "up";
  handlers: ReadonlySet<string> = new Set();
  /** Grows when the member's mind may have changed about what it declined. */
  changes = 0;
  sentBacklog = 0;
  sentPriority = 0;
  sentMs = 0;
  /** How often it was sent at `sentMs`. */
  sentCount = 0;
  answeredMs = 0;
  /** Its connection closed, and it has not spoken since. */
  isClosed = false;
  /** Number of the last `pick` of the dispatcher in which it could be given the task. */
  candidateIn = 0;
  /** Handlers that run fewer tasks at once than the node: how many more of each. */
  #freeByName: Map<string, number> = new Map();
  /** Numbers of the grants of such handlers that the member has not reported yet. */
  readonly #issuedByName: Map<string, number[]> = new Map();

  constructor(boot: number) {
    this.boot = boot;
  }

  take(message: CreditMessage): void {
    this.isClosed = false;
    this.seq = message.seq;
    this.free = message.free;
    this.upTo = message.upTo;
    this.load = message.load;
    this.standing = message.standing;
    this.changes = message.changes;
    if (!isSameSet(this.handlers, message.handlers)) this.handlers = new Set(message.handlers);
    if (message.limits.length === 0 && this.#freeByName.size === 0) return;
    this.#freeByName = new Map(message.limits.map(({ name, free }) => [name, free]));
    for (const [name, numbers] of this.#issuedByName) {
      const left = numbers.filter((no) => no > message.upTo);
      if (left.length === 0) this.#issuedByName.delete(name);
      else this.#issuedByName.set(name, left);
    }
  }

  get available(): number {
    return this.free - (this.issued - this.upTo);
  }

  /** Tasks that it holds, and those on their way to it. */
  get fullLoad(): number {
    return this.load + this.issued - this.upTo;
  }

  /** It has a handler of that name, and the handler takes one more task. */
  hasRoomFor(name: string): boolean {
    if (!this.handlers.has(name)) return false;
    if (this.#freeByName.size === 0) return true;
    const free = this.#freeByName.get(name);
    return free === undefined || free > (this.#issuedByName.get(name)?.length ?? 0);
  }

  /** Counts a grant and returns its number. */
  charge(name: string): number {
    const no = ++this.issued;
    if (this.#freeByName.has(name)) {
      const numbers = this.#issuedByName.get(name);
      if (numbers) numbers.push(no);
      else this.#issuedByName.set(name, [no]);
    }
    return no;
  }

  /** Its connection closed: it gets nothing until it speaks again. */
  close(): void {
    this.isClosed = true;
    this.free = this.issued - this.upTo;
  }
}

function isSameSet(set: ReadonlySet<string>, list: readonly string[]): boolean {
  return set.size === list.length && list.every((item) => set.has(item));
}
