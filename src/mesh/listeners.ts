/**
 * The listeners of a host: at which addresses they are, which could not be opened, and that they go on
 * accepting. A listener can die without a word (Deno's does when the process has no file descriptor left), so
 * this process calls one that nobody else has come to for a while, and opens it anew when it does not accept.
 * Looks into libp2p's listener of TCP. What becomes of connections is left to the upgrader.
 */
import { setImmediate } from "node:timers";
import { connect, type Server } from "node:net";
import type { Listener, MultiaddrConnection, Upgrader } from "@libp2p/interface";

const CHECK_EVERY_MS = 5000;
const CALL_TIMEOUT_MS = 3000;
const WARN_EVERY_MS = 60_000;
/** Calls in a row that were not accepted: one alone may be the fault of a busy process. */
const MISSED_CALLS_MAX = 2;

export interface ListenersOptions {
  readonly onTrouble: OnListenTrouble;
  /** Both given by tests. @default 5 s */
  readonly checkEveryMs?: number;
  /** @default 3 s */
  readonly callTimeoutMs?: number;
}

/** Nobody can connect at an address, or nobody could for a while. */
export type OnListenTrouble = (address: string, reason: string) => void;

export interface ListenFailure {
  readonly address: string;
  readonly error: Error;
}

/** The part of libp2p's listener of TCP that is looked at here. */
interface TcpListener extends Listener {
  readonly server?: Server;
  readonly status?: { readonly netConfig?: { port?: number } };
  /** Stops accepting; connections stay. */
  pause?(): void;
  resume?(): Promise<void>;
}

interface Watched {
  readonly listener: TcpListener;
  /** Of which addresses it was to be. */
  address: string;
  port: number | null;
  hasAccepted: boolean;
  missedCalls: number;
  isBeingChecked: boolean;
  /** When it was last reported that it cannot be opened. */
  warnedMs: number;
}

/** A connection of this process to itself. */
interface Call {
  /** Of its own end, once it has one; null when there will be none. */
  readonly port: Promise<number | null>;
  accepted(): void;
}

export class Listeners {
  readonly #onTrouble: OnListenTrouble;
  readonly #callTimeoutMs: number;
  readonly #watched = new Set<Watched>();
  readonly #failures: ListenFailure[] = [];
  readonly #calls = new Set<Call>();
  readonly #checkEveryMs: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isStopped = false;

  constructor(options: ListenersOptions) {
    this.#onTrouble = options.onTrouble;
    this.#checkEveryMs = options.checkEveryMs ?? CHECK_EVERY_MS;
    this.#callTimeoutMs = options.callTimeoutMs ?? CALL_TIMEOUT_MS;
  }

  /** Multiaddrs without an id, those of all interfaces where it listens on all. */
  get addresses(): readonly string[] {
    return [...this.#watched].flatMap(({ listener }) => listener.getAddrs().map((each) => each.toString()));
  }

  /** What was to be listened on and is not. */
  get failures(): readonly ListenFailure[] {
    return this.#failures;
  }

  /** Makes a listener that is watched. */
  add(create: (upgrader: Upgrader) => Listener, upgrader: Upgrader): Listener {
    const noting: Upgrader = Object.create(upgrader);
    noting.upgradeInbound = async (connection, options) => {
      watched.hasAccepted = true;
      if (!await this.#isCall(connection)) return await upgrader.upgradeInbound(connection, options);
      connection.abort(new Error("a call of this process to itself"));
    };
    const listener: TcpListener = create(noting);
    const watched: Watched = {
      listener,
      address: "",
      port: null,
      hasAccepted: false,
      missedCalls: 0,
      isBeingChecked: false,
      warnedMs: -Infinity,
    };
    const listen = listener.listen.bind(listener);
    listener.listen = async (address) => {
      watched.address = address.toString();
      try {
        await listen(address);
        this.#watch(watched);
      } catch (error) {
        this.#failures.push({ address: watched.address, error: error as Error });
        throw error;
      }
    };
    return listener;
  }

  /** Call before the listeners are closed. */
  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#watched.clear();
  }

  #watch(watched: Watched): void {
    if (this.#isStopped) return;
    this.#watched.add(watched);
    this.#timer ??= setInterval(() => {
      for (const each of this.#watched) void this.#check(each);
    }, this.#checkEveryMs);
  }

  async #isCall({ remoteAddr }: MultiaddrConnection): Promise<boolean> {
    const port = Number(/\/tcp\/(\d+)/.exec(remoteAddr.toString())?.[1]);
    for (const call of this.#calls) {
      if (await call.port !== port) continue;
      call.accepted();
      return true;
    }
    return false;
  }

  async #check(watched: Watched): Promise<void> {
    if (watched.isBeingChecked) return;
    watched.isBeingChecked = true;
    await this.#look(watched);
    watched.isBeingChecked = false;
  }

  async #look(watched: Watched): Promise<void> {
    const { server } = watched.listener;
    const address = server?.address();
    if (typeof address === "object" && address !== null) {
      watched.port = address.port;
      const isAccepted = watched.hasAccepted || await this.#call(hostOf(address.address), address.port);
      watched.hasAccepted = false;
      watched.missedCalls = isAccepted ? 0 : watched.missedCalls + 1;
    }
    if (this.#isStopped || server === undefined || watched.port === null) return;
    if (!server.listening || watched.missedCalls >= MISSED_CALLS_MAX) await this.#reopen(watched);
  }

  /** False when it was not accepted; true also when that cannot be found out. */
  async #call(host: string, port: number): Promise<boolean> {
    const ownPort = Promise.withResolvers<number | null>();
    const isAccepted = Promise.withResolvers<boolean>();
    const call: Call = { port: ownPort.promise, accepted: () => isAccepted.resolve(true) };
    this.#calls.add(call);
    const socket = connect({ host, port }).resume();
    socket.once("connect", () => ownPort.resolve(socket.localPort ?? null));
    socket.once("error", (error: NodeJS.ErrnoException) => isAccepted.resolve(error.code !== "ECONNREFUSED"));
    // closed by somebody who has enough connections, which a dead listener does not do
    socket.once("close", () => isAccepted.resolve(true));
    const timer = setTimeout(() => {
      // this process may have been busy: what has arrived meanwhile comes first
      setImmediate(() => setImmediate(() => isAccepted.resolve(socket.connecting)));
    }, this.#callTimeoutMs);
    const result = await isAccepted.promise;
    clearTimeout(timer);
    ownPort.resolve(null);
    this.#calls.delete(call);
    socket.destroy();
    return result;
  }

  async #reopen(watched: Watched): Promise<void> {
    const { listener, address, port } = watched;
    const config = listener.status?.netConfig;
    watched.missedCalls = 0;
    try {
      if (config === undefined || !listener.pause || !listener.resume) {
        throw new Error("it must be restarted");
      }
      config.port = port ?? 0;
      listener.pause();
      await listener.resume();
      this.#onTrouble(address, "it had stopped accepting connections, and was opened anew");
    } catch (error) {
      const nowMs = performance.now();
      if (this.#isStopped || nowMs - watched.warnedMs < WARN_EVERY_MS) return;
      watched.warnedMs = nowMs;
      const reason = `it accepts no connections, and cannot be opened anew: ${(error as Error).message}`;
      this.#onTrouble(address, reason);
    }
  }
}

/** Where this process reaches it. */
function hostOf(address: string): string {
  if (address === "0.0.0.0") return "127.0.0.1";
  return address === "::" ? "::1" : address;
}
