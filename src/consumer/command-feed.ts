/**
 * The commands of one attempt, as its handler reads them: in order. The one read last counts as carried out
 * when the handler asks for the next, leaves its loop, or returns, but not when it throws. An iterator that
 * was replaced by a newer one gets nothing more.
 */
import type { TaskMessage } from "../protocol/model/types.ts";

export interface FedCommand {
  /** 0: not recorded anywhere, from this node alone. */
  readonly no: number;
  readonly message: TaskMessage;
}

export class CommandFeed {
  readonly #waiting: FedCommand[] = [];
  #reader: Reader | null = null;
  #isClosed = false;
  readonly #onDone: (no: number) => void;

  /** `onDone`: the handler is through with the command of this number and all before it. */
  constructor(onDone: (no: number) => void) {
    this.#onDone = onDone;
  }

  push(command: FedCommand): void {
    this.#waiting.push(command);
    this.#reader?.wake();
  }

  get first(): FedCommand | undefined {
    return this.#waiting[0];
  }

  /** The first is carried out. */
  shift(): void {
    const done = this.#waiting.shift();
    if (done && done.no > 0) this.#onDone(done.no);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Ends the iterator before, if there is one. */
  open(): AsyncIterableIterator<TaskMessage> {
    this.finishReading();
    return this.#reader = new Reader(this);
  }

  /** What was read last is carried out. */
  finishReading(): void {
    void this.#reader?.return();
    this.#reader?.end();
  }

  close(): void {
    this.#isClosed = true;
    this.#reader?.end();
  }
}

class Reader implements AsyncIterableIterator<TaskMessage> {
  readonly #feed: CommandFeed;
  #isReading = false;
  #hasEnded = false;
  #waiting: PromiseWithResolvers<void> | null = null;

  constructor(feed: CommandFeed) {
    this.#feed = feed;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  wake(): void {
    this.#waiting?.resolve();
  }

  end(): void {
    this.#hasEnded = true;
    this.wake();
  }

  async next(): Promise<IteratorResult<TaskMessage>> {
    if (this.#isReading && !this.#hasEnded) this.#feed.shift();
    this.#isReading = false;
    while (!this.#hasEnded && !this.#feed.isClosed) {
      const { first } = this.#feed;
      if (first) {
        this.#isReading = true;
        return { done: false, value: first.message };
      }
      this.#waiting = Promise.withResolvers();
      await this.#waiting.promise;
      this.#waiting = null;
    }
    return { done: true, value: undefined };
  }

  /** The handler left its loop: what it was reading last is carried out. */
  return(): Promise<IteratorResult<TaskMessage>> {
    if (this.#isReading && !this.#hasEnded) this.#feed.shift();
    this.#hasEnded = true;
    return Promise.resolve({ done: true, value: undefined });
  }
}
