/**
 * One end of the long-lived stream of a pair of members: hello first, then messages of a kind byte and a
 * body. Cuts a peer that sends garbage, falls silent or does not read. Which peer may have a link is left to
 * links.ts.
 */
import type { Stream } from "@libp2p/interface";
import { encode } from "it-length-prefixed";
import { encodePrefix, FrameReader, plain } from "./framing.ts";
import { HELLO_BYTES_MAX } from "./hello.ts";
import { Outbox } from "./outbox.ts";
import { nextDrain } from "./libp2p-care.ts";

/** First byte of every message after the hello. */
export const KIND = { frame: 0, peers: 1, ping: 2, cluster: 3 } as const;

/** Ticks (of TICK_MS) without a byte from the peer, after which it is taken for gone. */
const SILENT_TICKS_MAX = 6;
/** The same, after which another connection that works is taken: a ping should have come. */
const SUSPECT_TICKS = 4;
/** The same for a hello. */
const HELLO_SUSPECT_TICKS = 2;
/** Ticks without a message to the peer, after which it gets a ping. */
const IDLE_TICKS_MAX = 2;
/** Ticks in which the network took nothing from the queue, after which the peer is cut off. */
const BLOCKED_TICKS_MAX = 30;
/** Ticks that the hello may take. */
const HELLO_TICKS_MAX = 5;
export const TICK_MS = 1000;

const NOTHING = new Uint8Array(0);

export interface LinkLimits {
  readonly frameBytesMax: number;
  readonly queueBytesMax: number;
}

/** Why a link ended: the peer closed it, the peer is gone or stuck, or the peer broke the rules. */
export type LinkEnd =
  | { readonly type: "closed" }
  | { readonly type: "dead"; readonly reason?: string }
  | { readonly type: "refused"; readonly reason: string };

const CLOSED: LinkEnd = { type: "closed" };

export interface LinkEvents {
  /** Throws to refuse the peer. */
  hello(bytes: Uint8Array): void;
  frame(frame: Uint8Array): void;
  /** A message of another kind. Throws to refuse it. */
  control(kind: number, body: Uint8Array): void;
  congested(on: boolean): void;
  /** Comes once. */
  ended(end: LinkEnd): void;
}

export class Link {
  readonly #stream: Stream;
  readonly #limits: LinkLimits;
  readonly #events: LinkEvents;
  readonly #reader: FrameReader;
  readonly #outbox: Outbox;
  #state: "greeting" | "open" | "closed" = "greeting";
  #silentTicks = 0;
  #idleTicks = 0;
  #blockedTicks = 0;
  #hasHeard = false;
  #hasSent = false;

  constructor(stream: Stream, hello: Uint8Array, limits: LinkLimits, events: LinkEvents) {
    this.#stream = stream;
    this.#limits = limits;
    this.#events = events;
    const bytesMax = (): number => this.#state === "greeting" ? HELLO_BYTES_MAX : limits.frameBytesMax + 1;
    this.#reader = new FrameReader(bytesMax, (message) => this.#onMessage(message));
    this.#outbox = new Outbox({
      write: (bytes) => this.#write(bytes),
      congested: (on) => this.#events.congested(on),
    });
    stream.addEventListener("message", (event) => this.#onChunk(event.data));
    stream.addEventListener("drain", () => {
      this.#blockedTicks = 0;
      this.#outbox.drained();
    });
    stream.addEventListener("remoteCloseWrite", () => this.cut(CLOSED));
    stream.addEventListener("close", () => this.#end(CLOSED));
    this.#outbox.add([encode.single(hello).subarray()]);
    // At once: a peer that is about to be refused must learn our version too.
    this.#outbox.flush();
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  /** Ticks since anything came. */
  get silentTicks(): number {
    return this.#silentTicks;
  }

  /** It is open, and something came lately. */
  get isAlive(): boolean {
    return this.isOpen && this.#silentTicks <= 1;
  }

  /** Something should have come. */
  get isSuspect(): boolean {
    return this.#silentTicks >= (this.isOpen ? SUSPECT_TICKS : HELLO_SUSPECT_TICKS);
  }

  /** Drops the frame unless the link is open. */
  send(parts: readonly Uint8Array[]): void {
    if (this.#state === "open") this.#send(KIND.frame, parts);
  }

  sendControl(kind: number, body: Uint8Array = NOTHING): void {
    if (this.#state === "open") this.#send(kind, [body]);
  }

  /**
   * Called every TICK_MS. Counts ticks and not time: a process that was paused must not judge by its own
   * pause.
   */
  tick(): void {
    if (this.#state === "closed") return;
    this.#silentTicks = this.#hasHeard ? 0 : this.#silentTicks + 1;
    this.#idleTicks = this.#hasSent ? 0 : this.#idleTicks + 1;
    this.#blockedTicks = this.#outbox.isBlocked ? this.#blockedTicks + 1 : 0;
    this.#hasHeard = this.#hasSent = false;
    if (this.#state === "greeting" && this.#silentTicks >= HELLO_TICKS_MAX) {
      this.cut({ type: "dead", reason: `sent no hello for ${(HELLO_TICKS_MAX * TICK_MS) / 1000} s` });
    } else if (this.#silentTicks >= SILENT_TICKS_MAX) {
      this.cut({ type: "dead" });
    } else if (this.#blockedTicks >= BLOCKED_TICKS_MAX) {
      this.cut({ type: "dead", reason: `did not read for ${(BLOCKED_TICKS_MAX * TICK_MS) / 1000} s` });
    } else if (this.#idleTicks >= IDLE_TICKS_MAX) this.sendControl(KIND.ping);
  }

  /** Ends the link at once; what the network does not take is lost. */
  cut(end: LinkEnd): void {
    // The last message may say what is wrong.
    if (this.#state === "open") this.#outbox.flush();
    this.#end(end);
    this.#stream.abort(new Error("the link is cut"));
  }

  /** Hands what is queued to the network, then ends the link. */
  async close(signal: AbortSignal): Promise<void> {
    try {
      this.#outbox.flush();
      while (this.#outbox.waitingBytes > 0) {
        await nextDrain(this.#stream, signal);
        this.#outbox.drained();
      }
      this.#end(CLOSED);
      await this.#stream.close({ signal });
    } catch {
      this.cut(CLOSED);
    }
  }

  #send(kind: number, parts: readonly Uint8Array[]): void {
    let bytes = 1;
    for (const part of parts) bytes += part.byteLength;
    this.#hasSent = true;
    this.#outbox.add([encodePrefix(bytes, kind), ...parts]);
    if (this.#outbox.waitingBytes > this.#limits.queueBytesMax) {
      const { waitingBytes } = this.#outbox;
      const reason = `does not read: ${waitingBytes} bytes wait, ${this.#limits.queueBytesMax} may`;
      this.cut({ type: "dead", reason });
    }
  }

  #write(bytes: Uint8Array): boolean {
    try {
      return this.#stream.send(bytes);
    } catch {
      // The stream closed before its event came; nothing can be sent any more.
      queueMicrotask(() => this.cut(CLOSED));
      return false;
    }
  }

  #onChunk(chunk: Uint8Array | Iterable<Uint8Array>): void {
    if (this.#state === "closed") return;
    this.#hasHeard = true;
    try {
      this.#reader.push(chunk);
    } catch (error) {
      this.cut({ type: "refused", reason: error instanceof Error ? error.message : String(error) });
    }
  }

  #onMessage(message: Uint8Array): void {
    if (this.#state === "open") {
      const kind = message[0]!;
      const body = plain(message, 1);
      if (kind === KIND.frame) this.#onFrame(body);
      else if (kind !== KIND.ping) this.#events.control(kind, body);
    } else if (this.#state === "greeting") {
      this.#state = "open";
      this.#events.hello(message);
    }
  }

  #onFrame(frame: Uint8Array): void {
    try {
      this.#events.frame(frame);
    } catch (error) {
      // Our own bug, not the peer's: it must not count as garbage, nor pass silently.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  #end(end: LinkEnd): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#outbox.close();
    this.#events.ended(end);
  }
}
