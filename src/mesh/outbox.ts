/**
 * What waits to be sent on the stream of one pair: gathers the messages of a turn into one write, and keeps
 * order and bounds while the peer does not read. Deciding that a peer is too slow is left to link.ts.
 */

/** One write to the stream is about this long at most, unless a single message is longer. */
const WRITE_BYTES = 256 * 1024;

/** So much must wait before the peer counts as congested: less is the ordinary breathing of a socket. */
const CONGESTED_BYTES = 256 * 1024;

export interface OutboxPort {
  /** Hands bytes to the network; false = it takes no more until `drained()`. */
  write(bytes: Uint8Array): boolean;
  congested(on: boolean): void;
}

export class Outbox {
  readonly #port: OutboxPort;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #isBlocked = false;
  #isCongested = false;
  #isScheduled = false;
  #isClosed = false;

  constructor(port: OutboxPort) {
    this.#port = port;
  }

  /** Bytes that the network has not taken yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** The network takes nothing at the moment. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  add(parts: readonly Uint8Array[]): void {
    if (this.#isClosed) return;
    for (const part of parts) {
      this.#waiting.push(part);
      this.#waitingBytes += part.byteLength;
    }
    if (this.#isBlocked) this.#noteCongestion();
    else if (this.#waitingBytes >= WRITE_BYTES) this.flush();
    else if (!this.#isScheduled) {
      this.#isScheduled = true;
      queueMicrotask(() => {
        this.#isScheduled = false;
        this.flush();
      });
    }
  }

  /** The network takes more again. */
  drained(): void {
    this.#isBlocked = false;
    this.flush();
  }

  flush(): void {
    let from = 0;
    const waiting = this.#waiting;
    while (from < waiting.length && !this.#isBlocked && !this.#isClosed) {
      let [to, bytes] = [from, 0];
      do bytes += waiting[to++]!.byteLength; while (
        to < waiting.length && bytes + waiting[to]!.byteLength <= WRITE_BYTES
      );
      const isTaken = this.#port.write(concat(waiting, from, to, bytes));
      from = to;
      this.#waitingBytes -= bytes;
      if (!isTaken) this.#isBlocked = true;
    }
    if (from === waiting.length) this.#waiting = [];
    else if (from > 0) waiting.splice(0, from);
    this.#noteCongestion();
  }

  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
    this.#waitingBytes = 0;
  }

  #noteCongestion(): void {
    if (this.#isClosed) return;
    const on = this.#isCongested
      ? this.#waitingBytes > 0
      : this.#isBlocked && this.#waitingBytes >= CONGESTED_BYTES;
    if (on === this.#isCongested) return;
    this.#isCongested = on;
    this.#port.congested(on);
  }
}

function concat(parts: readonly Uint8Array[], from: number, to: number, bytes: number): Uint8Array {
  if (to - from === 1) return parts[from]!;
  const whole = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (let i = from; i < to; i++) {
    whole.set(parts[i]!, at);
    at += parts[i]!.byteLength;
  }
  return whole;
}
