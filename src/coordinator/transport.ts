/** What a hosted engine needs of the network. The mesh is one; the embedded coordinator has none. */
import type { Message } from "../protocol/model/messages.ts";
import type { NodeId } from "../protocol/model/types.ts";

/** What a peer last said of itself. */
export interface PeerHello {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly addresses: readonly string[];
}

/** What went to peers and came from them, gossip and clients left out. */
export interface Traffic {
  readonly sentFrames: number;
  readonly sentBytes: number;
  readonly receivedFrames: number;
  readonly receivedBytes: number;
}

export interface Transport {
  /** Absent where nobody counts. */
  readonly traffic?: Traffic;
  readonly addresses: readonly string[];
  /** Peers whose connections are open. */
  readonly upCount: number;
  /** What they are called. */
  readonly upNames?: readonly string[];
  /** The peer's connection is open. */
  isUp(peer: NodeId): boolean;
  helloOf(peer: NodeId): PeerHello | undefined;
  send(to: NodeId, messages: readonly Message[]): void;
  /** From now on only peers of this cluster are let in. */
  setCluster(cluster: string): void;
  publish(topic: GossipTopic, data: Uint8Array): void;
  stop(): Promise<void>;
}

/** Hints: members say that they are there, stewards say who owns what, and sum it up now and then. */
export type GossipTopic = "members" | "ownership" | "digest";

export const GOSSIP_TOPICS: readonly GossipTopic[] = ["members", "ownership", "digest"];
