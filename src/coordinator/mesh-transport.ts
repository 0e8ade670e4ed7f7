/**
 * The mesh as the Transport of a hosted engine: frames become messages, messages frames. A peer that keeps
 * sending what is no protocol is treated as gone until it connects anew.
 */
import type { ClientStream, Hello, Mesh, MeshEvents } from "../mesh/mesh-types.ts";
import type { Input } from "../protocol/model/contract.ts";
import { decodeFrame, encodeFrame } from "../protocol/wire/frame.ts";
import type { Message } from "../protocol/model/messages.ts";
import type { NodeId } from "../protocol/model/types.ts";
import { ProtocolError } from "../protocol/wire/writer.ts";
import {
  GOSSIP_TOPICS,
  type GossipTopic,
  type PeerHello,
  type Traffic,
  type Transport,
} from "./transport.ts";

const BAD_FRAMES_MAX = 8;

export class MeshTransport implements Transport {
  readonly #mesh: Mesh;
  readonly #received: MeshIntake["received"];
  readonly #sent = { sentFrames: 0, sentBytes: 0 };

  constructor(mesh: Mesh, { received }: Pick<MeshIntake, "received">) {
    this.#mesh = mesh;
    this.#received = received;
    for (const topic of GOSSIP_TOPICS) mesh.subscribe(topic);
  }

  get addresses(): readonly string[] {
    return this.#mesh.addresses;
  }

  get traffic(): Traffic {
    return { ...this.#sent, ...this.#received };
  }

  get upCount(): number {
    return this.#mesh.peers().size;
  }

  get upNames(): readonly string[] {
    return [...this.#mesh.peers().values()].map(({ name }) => name);
  }

  isUp(peer: NodeId): boolean {
    return this.#mesh.peers().has(peer);
  }

  helloOf(peer: NodeId): PeerHello | undefined {
    return this.#mesh.peers().get(peer);
  }

  send(to: NodeId, messages: readonly Message[]): void {
    for (const frame of encodeFrame(messages)) {
      this.#sent.sentFrames++;
      this.#sent.sentBytes += frame.byteLength;
      this.#mesh.send(to, [frame]);
    }
  }

  setCluster(cluster: string): void {
    this.#mesh.setCluster(cluster);
  }

  publish(topic: GossipTopic, data: Uint8Array): void {
    this.#mesh.publish(topic, data);
  }

  async stop(): Promise<void> {
    await this.#mesh.stop();
  }
}

/** Where what arrives goes. */
export interface MeshReceiver {
  input(input: Input): void;
  gossip(topic: GossipTopic, from: NodeId, data: Uint8Array): void;
  rejected(peer: NodeId | "", reason: string): void;
  unreachable(address: string, reason: string): void;
  listenTrouble(address: string, reason: string): void;
  /** A non-member asks something. */
  client(stream: ClientStream): void;
}

/**
 * What arrives over the mesh, as what an engine takes. The mesh is there before the engine, which is known by
 * the mesh's id: what arrives in between waits.
 */
export class MeshIntake {
  /** To be given to createMesh. */
  readonly events: MeshEvents;
  readonly #receiver: MeshReceiver;
  readonly #received = { receivedFrames: 0, receivedBytes: 0 };
  readonly #badFrames: Map<NodeId, number> = new Map();
  /** What arrived before the start; null since then. */
  #early: (() => void)[] | null = [];

  constructor(receiver: MeshReceiver) {
    this.#receiver = receiver;
    this.events = {
      peerUp: (id, hello) => this.#when(() => this.#peerUp(id, hello)),
      peerDown: (id, isClosed) => this.#when(() => this.#peerDown(id, isClosed)),
      frame: (from, frame) => this.#when(() => this.#frame(from, frame)),
      congested: (node, on) => this.#when(() => receiver.input({ type: "congested", node, on })),
      rejected: (id, reason) => this.#when(() => receiver.rejected(id, reason)),
      unreachable: (address, reason) => this.#when(() => receiver.unreachable(address, reason)),
      listenTrouble: (address, reason) => this.#when(() => receiver.listenTrouble(address, reason)),
      gossip: (topic, from, data) => {
        if (isGossipTopic(topic) && this.#early === null) receiver.gossip(topic, from, data);
      },
      client: (stream) => this.#when(() => receiver.client(stream)),
    };
  }

  get received(): Pick<Traffic, "receivedFrames" | "receivedBytes"> {
    return this.#received;
  }

  /** The engine is there: it is given what arrives, first what arrived already. */
  start(): void {
    const early = this.#early ?? [];
    this.#early = null;
    for (const run of early) run();
  }

  #when(run: () => void): void {
    if (this.#early) this.#early.push(run);
    else run();
  }

  #peerUp(node: NodeId, { name, labels, witness, expect }: Hello): void {
    this.#badFrames.delete(node);
    this.#receiver.input({ type: "peer", node, up: true, candidate: { name, labels, witness, expect } });
  }

  #peerDown(node: NodeId, isClosed: boolean): void {
    const wasCut = (this.#badFrames.get(node) ?? 0) >= BAD_FRAMES_MAX;
    this.#badFrames.delete(node);
    if (!wasCut) this.#receiver.input({ type: "peer", node, up: false, isClosed });
  }

  #frame(from: NodeId, frame: Uint8Array): void {
    this.#received.receivedFrames++;
    this.#received.receivedBytes += frame.byteLength;
    if ((this.#badFrames.get(from) ?? 0) >= BAD_FRAMES_MAX) return;
    let messages: Message[];
    try {
      messages = decodeFrame(frame);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#bad(from, error.message);
      return;
    }
    for (const message of messages) this.#receiver.input({ type: "message", from, message });
  }

  #bad(from: NodeId, reason: string): void {
    const count = (this.#badFrames.get(from) ?? 0) + 1;
    this.#badFrames.set(from, count);
    this.#receiver.rejected(from, `a frame that is no protocol: ${reason}`);
    if (count < BAD_FRAMES_MAX) return;
    this.#receiver.rejected(from, `cut off after ${count} bad frames`);
    this.#receiver.input({ type: "peer", node: from, up: false });
  }
}

function isGossipTopic(topic: string): topic is GossipTopic {
  return (GOSSIP_TOPICS as readonly string[]).includes(topic);
}
