/**
 * Gossipsub for hints: topics of one namespace, signed. It loses messages under load and by design, so
 * nothing may depend on them.
 */
import type { Message } from "@chainsafe/libp2p-gossipsub";
import type { NodeId } from "../protocol/types.ts";
import type { Host } from "./host.ts";

export class Gossip {
  readonly #host: Host;
  readonly #prefix: string;

  constructor(
    host: Host,
    namespace: string,
    onMessage: (topic: string, from: NodeId, data: Uint8Array) => void,
  ) {
    this.#host = host;
    this.#prefix = `stolos/${namespace}/`;
    host.services.pubsub?.addEventListener("message", ({ detail }: CustomEvent<Message>) => {
      if (detail.type !== "signed" || !detail.topic.startsWith(this.#prefix)) return;
      onMessage(detail.topic.slice(this.#prefix.length), detail.from.toString(), detail.data);
    });
  }

  subscribe(topic: string): void {
    this.#host.services.pubsub?.subscribe(this.#prefix + topic);
  }

  publish(topic: string, data: Uint8Array): void {
    this.#host.services.pubsub?.publish(this.#prefix + topic, data).catch(() => {
      // Lost, as gossip may be.
    });
  }
}
