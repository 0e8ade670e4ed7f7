/**
 * Messages that wait for the end of the turn, then for the stream: sent in order, as few frames as it
 * takes.
 */
import { setImmediate } from "node:timers";
import { encodeRpc, type RpcMessage } from "./rpc-messages.ts";

export class RpcOutbox {
  readonly #send: (frame: Uint8Array) => Promise<void>;
  readonly #onGone: () => void;
  #messages: RpcMessage[] = [];
  #isSending = false;
  #isGone = false;

  constructor(send: (frame: Uint8Array) => Promise<void>, onGone: () => void) {
    this.#send = send;
    this.#onGone = onGone;
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
        for (const frame of encodeRpc(messages)) await this.#send(frame);
      }
    } catch {
      this.#isGone = true;
      this.#messages = [];
      this.#onGone();
    } finally {
      this.#isSending = false;
    }
  }
}
