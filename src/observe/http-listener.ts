/**
 * Keeps an HTTP server accepting. A listener can die without a word (Deno's does when the process has no file
 * descriptor left), so this process calls one that nobody else has come to for a while, and opens another
 * server at its port when it does not accept. What is answered is left to http-server.ts; the mesh's
 * listeners are watched in the same way by mesh/listeners.ts.
 */
import type { Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { setImmediate } from "node:timers";
import { hearRejection } from "../base/thrown.ts";

const CHECK_EVERY_MS = 5000;
const CALL_TIMEOUT_MS = 3000;
const WARN_EVERY_MS = 60_000;
/** Calls in a row that were not accepted: one alone may be the fault of a busy process. */
const MISSED_CALLS_MAX = 2;

export interface HttpListenerOptions {
  /** Makes a server that does not listen yet. */
  readonly create: () => Server;
  readonly host: string;
  /** 0 = any that is free; the same again once it is open. */
  readonly port: number;
  /** Nobody can connect, or nobody could for a while. */
  readonly onTrouble: (reason: string) => void;
  /** Both given by tests. @default 5 s */
  readonly checkEveryMs?: number;
  /** @default 3 s */
  readonly callTimeoutMs?: number;
}

export class HttpListener {
  readonly #options: HttpListenerOptions;
  #server: Server;
  readonly #port: number;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Ends when it is closed. */
  readonly #closed: AbortController = new AbortController();
  #looking: Promise<void> | null = null;
  #hasAccepted = false;
  #missedCalls = 0;
  #warnedMs = -Infinity;

  /** Rejects when it cannot listen. */
  static async open(options: HttpListenerOptions): Promise<HttpListener> {
    return new HttpListener(options, await listening(options.create(), options));
  }

  constructor(options: HttpListenerOptions, server: Server) {
    this.#options = options;
    this.#server = server;
    // a server that listens on TCP has an address
    this.#port = (server.address() as AddressInfo).port;
    this.#watch(server);
    this.#timer = setInterval(() => {
      this.#looking ??= this.#look().finally(() => this.#looking = null);
    }, options.checkEveryMs ?? CHECK_EVERY_MS);
  }

  /** The one that was asked for, or chosen. */
  get port(): number {
    return this.#port;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#closed.abort();
    await this.#looking;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #watch(server: Server): void {
    server.on("connection", () => this.#hasAccepted = true);
    server.on("error", () => {});
  }

  async #look(): Promise<void> {
    const isAccepted = this.#hasAccepted || await this.#call();
    this.#hasAccepted = false;
    this.#missedCalls = isAccepted ? 0 : this.#missedCalls + 1;
    if (this.#missedCalls >= MISSED_CALLS_MAX && !this.#closed.signal.aborted) await this.#reopen();
  }

  /** False when it was not accepted; true also when that cannot be found out. */
  async #call(): Promise<boolean> {
    const { host, callTimeoutMs = CALL_TIMEOUT_MS } = this.#options;
    const isAccepted = Promise.withResolvers<boolean>();
    const accept = (): void => isAccepted.resolve(true);
    this.#server.once("connection", accept);
    this.#closed.signal.addEventListener("abort", accept, { once: true });
    const socket = connect({ host: reachableHost(this.#server, host), port: this.#port }).resume();
    socket.once("error", (error: NodeJS.ErrnoException) => isAccepted.resolve(error.code !== "ECONNREFUSED"));
    // by a server that has enough connections, which a dead listener does not do
    socket.once("close", accept);
    const timer = setTimeout(() => {
      // this process may have been busy: what has arrived meanwhile comes first
      setImmediate(() => setImmediate(() => isAccepted.resolve(false)));
    }, callTimeoutMs);
    const result = await isAccepted.promise;
    clearTimeout(timer);
    this.#server.off("connection", accept);
    this.#closed.signal.removeEventListener("abort", accept);
    socket.destroy();
    return result;
  }

  async #reopen(): Promise<void> {
    const { create, host } = this.#options;
    this.#server.close();
    this.#server.closeAllConnections();
    try {
      this.#server = await listening(create(), { host, port: this.#port });
      this.#watch(this.#server);
      this.#missedCalls = 0;
      this.#report("it had stopped accepting connections, and was opened anew");
    } catch (error) {
      const nowMs = performance.now();
      if (nowMs - this.#warnedMs < WARN_EVERY_MS) return;
      this.#warnedMs = nowMs;
      this.#report(`it accepts no connections, and cannot be opened anew: ${(error as Error).message}`);
    }
  }

  /** What the program's callback throws must not end what it is told of. */
  #report(reason: string): void {
    try {
      hearRejection(this.#options.onTrouble(reason));
    } catch {
      // nobody is there to be told
    }
  }
}

async function listening(
  server: Server,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Server> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, resolve);
  });
  return server;
}

/** Where this process reaches it. */
function reachableHost(server: Server, host: string): string {
  const address = server.address();
  const ip = typeof address === "object" && address !== null ? address.address : host;
  if (ip === "0.0.0.0") return "127.0.0.1";
  return ip === "::" ? "::1" : ip;
}
