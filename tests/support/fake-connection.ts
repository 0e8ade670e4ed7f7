/** A transport's connection without a transport: what it was given, and what its other end does. */
import type { MultiaddrConnection } from "@libp2p/interface";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";

export class FakeConnection extends EventTarget {
  readonly remoteAddr: Multiaddr;
  readonly #sent: Uint8Array[] = [];
  readonly #delivered: Uint8Array[] = [];
  abortedWith: Error | null = null;

  constructor(address = "/ip4/127.0.0.1/tcp/1") {
    super();
    this.remoteAddr = multiaddr(address);
  }

  /** For what takes the type of libp2p. */
  get asConnection(): MultiaddrConnection {
    return this as unknown as MultiaddrConnection;
  }

  /** What has gone to the wire. */
  get sent(): Buffer {
    return Buffer.concat(this.#sent);
  }

  /** What libp2p would read. */
  get delivered(): Buffer {
    return Buffer.concat(this.#delivered);
  }

  send(data: Uint8Array): boolean {
    this.#sent.push(data.subarray());
    return true;
  }

  onData(data: Uint8Array): void {
    this.#delivered.push(data.subarray());
  }

  abort(error: Error): void {
    if (this.abortedWith !== null) return;
    this.abortedWith = error;
    this.dispatchEvent(Object.assign(new Event("close"), { local: true, error }));
  }

  /** The other end closes it. */
  end(): void {
    this.dispatchEvent(new Event("close"));
  }
}
