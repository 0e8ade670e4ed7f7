/**
 * A non-member's line to a cluster: connected to one member, to another when that one is gone or silent. What
 * was asked and not answered is asked again there; every request is safe to repeat.
 */
import { setImmediate } from "node:timers";
import { ConnectError, StoppedError } from "../base/errors.ts";
import type { MeshClient } from "../mesh/mesh-types.ts";
import {
  decodeRpc,
  encodeRpc,
  type RpcMessage,
  type RpcMethod,
  tooLargeError,
  unpackError,
} from "./rpc-messages.ts";

/** A member that does not even answer a ping for so long is given up. */
const SILENCE_MAX_MS = 5000;
const PING_EVERY_MS = 1500;
const RECONNECT_PAUSE_MS = 250;

/** One request, open until it is settled. */
export interface RpcCall {
  readonly method: RpcMethod;
  /** As of now: each time that it is sent. */
  args(): readonly unknown[];
  settle(value: unknown, error: unknown): void;
  item(value: unknown): void;
  /** The member that was asked is gone; the next one will be. */
  lost?(): void;
  /** Members that it left for: it may have been done. */
  sentCount: number;
}

/** Gives up once the signal aborts. */
export type Connector = (avoid: string | null, signal: AbortSignal) => Promise<MeshClient>;

export class RpcConnection {
  readonly #connect: Connector;
  readonly #calls: Map<number, RpcCall> = new Map();
  readonly #pinging: ReturnType<typeof setInterval>;
  #lastRid = 0;
  #line: { readonly client: MeshClient; readonly outbox: RpcOutbox } | null = null;
  #lastHeardMs = 0;
  readonly #stopping = new AbortController();
  #other: Promise<RpcConnection> | null = null;
  #reconnecting: Promise<void> | null = null;

  constructor(first: MeshClient, connect: Connector) {
    this.#connect = connect;
    this.#open(first);
    this.#pinging = setInterval(() => this.#ping(), PING_EVERY_MS);
  }

  /** Sends it now, and again to the next member if need be. Returns what gives it up. */
  call(call: RpcCall): () => void {
    if (this.#isStopped) {
      call.settle(undefined, stoppedError());
      return () => {};
    }
    const rid = ++this.#lastRid;
    this.#calls.set(rid, call);
    this.#send(rid, call);
    return () => {
      if (this.#calls.delete(rid)) this.#line?.outbox.push([rid, "cancel", null]);
    };
  }

  /** A line to another member, beside this one: for what that member can do nothing about. It is kept. */
  other(): Promise<RpcConnection> {
    const member = this.#line?.client.member ?? null;
    this.#other ??= this.#connect(member, this.#stopping.signal).then(async (client) => {
      const connection = new RpcConnection(client, this.#connect);
      if (this.#isStopped) await connection.stop();
      return connection;
    }).catch((error) => {
      this.#other = null;
      throw error;
    });
    return this.#other;
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#stopping.abort(stoppedError());
    void this.#other?.then((other) => other.stop(), () => {});
    clearInterval(this.#pinging);
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.settle(undefined, stoppedError());
    const line = this.#line;
    this.#line = null;
    await Promise.all([line?.client.stop(), this.#reconnecting]);
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  #send(rid: number, call: RpcCall): void {
    if (!this.#line) return;
    call.sentCount += 1;
    this.#line.outbox.push([rid, call.method, call.args()]);
  }

  #open(client: MeshClient): void {
    const outbox = new RpcOutbox({
      send: (frame) => client.send(frame),
      gone: () => this.#lose(client),
      tooLarge: ([rid, method], bytes) => this.#refuse(rid, tooLargeError(`ask for "${method}"`, bytes)),
    });
    this.#line = { client, outbox };
    this.#lastHeardMs = performance.now();
    void this.#read(client);
    for (const [rid, call] of this.#calls) this.#send(rid, call);
  }

  async #read(client: MeshClient): Promise<void> {
    try {
      for await (const frame of client.messages) {
        if (this.#line?.client !== client) return;
        this.#lastHeardMs = performance.now();
        for (const message of decodeRpc(frame)) this.#take(message);
      }
    } catch {
      // the connection broke, or the member speaks something else: the next one
    }
    this.#lose(client);
  }

  #take([rid, kind, value]: RpcMessage): void {
    const call = this.#calls.get(rid);
    if (!call) return;
    if (kind === "item") return call.item(value);
    this.#calls.delete(rid);
    if (kind === "ok") call.settle(value, undefined);
    else call.settle(undefined, unpackError(value));
  }

  #refuse(rid: number, error: Error): null {
    const call = this.#calls.get(rid);
    this.#calls.delete(rid);
    call?.settle(undefined, error);
    return null;
  }

  #ping(): void {
    if (!this.#line || this.#calls.size === 0) {
      this.#lastHeardMs = performance.now();
      return;
    }
    if (performance.now() - this.#lastHeardMs > SILENCE_MAX_MS) this.#lose(this.#line.client);
    else this.#line.outbox.push([0, "ping", null]);
  }

  #lose(client: MeshClient): void {
    if (this.#line?.client !== client) return;
    this.#line = null;
    for (const call of this.#calls.values()) call.lost?.();
    void client.stop();
    this.#reconnecting = this.#reconnect(client.member);
  }

  async #reconnect(avoid: string): Promise<void> {
    while (!this.#isStopped && !this.#line) {
      try {
        const client = await this.#connect(avoid, this.#stopping.signal);
        if (this.#isStopped) await client.stop();
        else this.#open(client);
      } catch {
        if (!this.#isStopped) await new Promise((resolve) => setTimeout(resolve, RECONNECT_PAUSE_MS));
      }
    }
  }
}

function stoppedError(): StoppedError {
  return new StoppedError("Cannot ask the cluster: the client was closed");
}

/** Nobody could be asked in time. */
export function unreachableError(timeoutMs: number): ConnectError {
  return new ConnectError(`Cannot ask the cluster: no member could be reached within ${timeoutMs} ms`);
}

export interface RpcOutboxOptions {
  readonly send: (frame: Uint8Array) => Promise<void>;
  /** It takes no more. */
  readonly gone: () => void;
  /** A message fits no frame: gives what goes in its place, if anything does. */
  readonly tooLarge: (message: RpcMessage, bytes: number) => RpcMessage | null;
}

/**
 * Messages that wait for the end of the turn, then for the stream: sent in order, as few frames as it
 * takes.
 */
export class RpcOutbox {
  readonly #options: RpcOutboxOptions;
  #messages: RpcMessage[] = [];
  #isSending = false;
  #isGone = false;

  constructor(options: RpcOutboxOptions) {
    this.#options = options;
  }

  /** Messages that the stream does not take yet. */
  get length(): number {
    return this.#messages.length;
  }

  push(message: RpcMessage): void {
    if (this.#isGone) return;
    this.#messages.push(message);
    if (this.#isSending) return;
    this.#isSending = true;
    setImmediate(() => void this.#flush());
  }

  async #flush(): Promise<void> {
    try {
      while (this.#messages.length > 0) {
        const messages = this.#messages;
        this.#messages = [];
        for (const frame of encodeRpc(messages, this.#options.tooLarge)) await this.#options.send(frame);
      }
    } catch {
      this.#isGone = true;
      this.#messages = [];
      this.#options.gone();
    } finally {
      this.#isSending = false;
    }
  }
}
