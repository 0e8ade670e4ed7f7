/**
 * The first bytes of a connection, before libp2p gets any. With a secret both ends send a nonce of 24 random
 * bytes, and what follows is hidden with XSalsa20 under the secret's key: a libp2p private network, the same
 * bytes as @libp2p/pnet's. Then, with and without a secret, each end greets. Only who has the key can make a
 * greeting that the other end can read. What to do with who does not greet is left to guard.ts and dial.ts.
 */
import type { MultiaddrConnection } from "@libp2p/interface";
import { randomBytes, timingSafeEqual } from "node:crypto";
import { NONCE_BYTES, XSalsa20 } from "./xsalsa20.ts";

/** What each libp2p peer says first, its length before it. */
const GREETING = Buffer.from("\x13/multistream/1.0.0\n");
const TEXT = /^[\x20-\x7e\r\n\t]{8,}$/;

/** How a transport's connection takes what it has read: not in its type. */
interface Receiver {
  onData(data: { subarray(): Uint8Array }): void;
}

export class Handshake {
  /** Resolves with the other end's greeting; rejects when the connection ends before it. */
  readonly greeted: Promise<void>;
  readonly #wait = Promise.withResolvers<void>();
  readonly #connection: MultiaddrConnection;
  readonly #key: Uint8Array | null;
  readonly #deliver: (data: Uint8Array) => void;
  #cipher: XSalsa20 | null = null;
  #state: "waiting" | "greeted" | "foreign" = "waiting";
  #isCut = false;
  /** What came first, as it came: as much as a nonce. */
  #head: Uint8Array = new Uint8Array(0);
  /** What has come of the greeting, revealed. */
  #greeting: Uint8Array = new Uint8Array(0);

  /** Sends the nonce. Before any byte was sent or read; from here on the connection hides and reveals. */
  constructor(connection: MultiaddrConnection, key: Uint8Array | null) {
    const receiver = connection as unknown as Receiver;
    if (typeof receiver.onData !== "function") {
      throw new TypeError("Cannot guard a connection: it does not show how it takes what it reads");
    }
    this.#connection = connection;
    this.#key = key;
    this.greeted = this.#wait.promise;
    // nobody need wait for it
    this.greeted.catch(() => {});
    this.#deliver = receiver.onData.bind(receiver);
    receiver.onData = (data) => this.#receive(data.subarray());
    connection.addEventListener("close", ({ local, error }) => {
      this.#isCut = local !== true || isOfSystem(error);
      this.#wait.reject(error ?? new Error("the connection was closed"));
    });
    if (key !== null) this.#hide(key);
  }

  get hasSecret(): boolean {
    return this.#key !== null;
  }

  /** The other end is a libp2p peer, and has the secret if there is one. */
  get isGreeted(): boolean {
    return this.#state === "greeted";
  }

  /** The other end sent as much as a greeting, which is none. */
  get isForeign(): boolean {
    return this.#state === "foreign";
  }

  /** The other end, or the network, ended the connection. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Something came, and with a secret a whole nonce. */
  get hasBegun(): boolean {
    return this.#head.length >= (this.#key === null ? 1 : NONCE_BYTES);
  }

  /** The other end speaks libp2p without a secret, though this end has one. */
  get isPlain(): boolean {
    return this.#key !== null && GREETING.equals(this.#head.subarray(0, GREETING.length));
  }

  /** What came first, if it is a text: some other program is there. */
  get text(): string | null {
    const text = Buffer.from(this.#head).toString("latin1");
    return TEXT.test(text) ? text.trim() : null;
  }

  /** Ends the connection, unless there was a greeting. */
  fail(error: Error): void {
    if (this.#state === "greeted") return;
    this.#wait.reject(error);
    this.#connection.abort(error);
  }

  #hide(key: Uint8Array): void {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = new XSalsa20(key, nonce);
    const send = this.#connection.send.bind(this.#connection);
    this.#connection.send = (data) => send(cipher.update(data.subarray()));
    try {
      send(nonce);
    } catch (error) {
      this.fail(error as Error);
    }
  }

  #receive(bytes: Uint8Array): void {
    if (this.#state === "foreign") return;
    if (this.#state === "greeted") return this.#deliver(this.#reveal(bytes));
    const noted = Math.min(NONCE_BYTES - this.#head.length, bytes.length);
    this.#head = Buffer.concat([this.#head, bytes.subarray(0, noted)]);
    if (this.#key === null) this.#greet(bytes);
    else if (this.#head.length === NONCE_BYTES) this.#greet(bytes.subarray(noted));
  }

  #reveal(bytes: Uint8Array): Uint8Array {
    if (this.#key === null) return bytes;
    this.#cipher ??= new XSalsa20(this.#key, this.#head);
    return this.#cipher.update(bytes);
  }

  /** All of a greeting or nothing: who is refused for its first wrong byte can guess them one by one. */
  #greet(bytes: Uint8Array): void {
    const missing = GREETING.length - this.#greeting.length;
    this.#greeting = Buffer.concat([this.#greeting, this.#reveal(bytes.subarray(0, missing))]);
    if (this.#greeting.length < GREETING.length) return;
    if (!timingSafeEqual(this.#greeting, GREETING)) {
      this.#state = "foreign";
      return this.fail(new Error("the other end sends something else than a libp2p peer's greeting"));
    }
    this.#state = "greeted";
    this.#wait.resolve();
    this.#deliver(this.#greeting);
    if (bytes.length > missing) this.#deliver(this.#reveal(bytes.subarray(missing)));
  }
}

/** Of the operating system, not of a program. */
function isOfSystem(error: unknown): boolean {
  return /^E[A-Z]+$/.test(String((error as NodeJS.ErrnoException | undefined)?.code));
}
