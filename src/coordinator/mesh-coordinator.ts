/** The mesh coordinator: the product. An engine whose peers are reached over libp2p. */
import { createMesh } from "../mesh/mesh.ts";
import type { ClientStream, MetricsFactory } from "../mesh/mesh-types.ts";
import { makePrivateKey } from "../mesh/private-key.ts";
import type { Store } from "../store/store.ts";
import type { Coordinator, OwnNode } from "./coordinator.ts";
import { HostedCoordinator } from "./hosted-coordinator.ts";
import { MeshIntake, MeshTransport } from "./mesh-transport.ts";
import type { Settings } from "./settings.ts";

export interface MeshCoordinatorOptions {
  readonly settings: Settings;
  readonly store: Store;
  readonly node: OwnNode;
  readonly namespace: string;
  readonly listen: readonly string[];
  readonly join: readonly string[];
  readonly announce: readonly string[];
  readonly mdns: boolean;
  readonly secret: string | null;
  readonly allow: readonly string[] | null;
  readonly libp2pMetrics: MetricsFactory | null;
  /** A non-member asks something; `coordinator` serves it. */
  readonly onClient: (stream: ClientStream, coordinator: Coordinator) => void;
}

/**
 * Starts it on an open store: listens, looks for others, founds or is founded. Rejects with a MeshError or a
 * StoreError.
 */
export async function createMeshCoordinator(options: MeshCoordinatorOptions): Promise<Coordinator> {
  const { settings, store, node, namespace, listen, join, announce, mdns, secret, allow } = options;
  const { libp2pMetrics, onClient } = options;
  const { name, labels, witness, expect } = settings;
  const intake = new MeshIntake({
    input: (input) => coordinator.input(input),
    gossip: (topic, from, data) => coordinator.gossip(topic, from, data),
    rejected: (peer, reason) => coordinator.rejected(peer, reason),
    unreachable: (address, reason) => coordinator.unreachable(address, reason),
    listenTrouble: (address, reason) => coordinator.listenTrouble(address, reason),
    client: (stream) => onClient(stream, coordinator),
  });
  const mesh = await createMesh({
    namespace,
    listen,
    join,
    ...(announce.length > 0 ? { announce } : {}),
    mdns,
    secret,
    allow,
    ...(libp2pMetrics && { metrics: libp2pMetrics }),
    privateKey: await store.privateKey(makePrivateKey),
    hello: { cluster: "", name, labels, witness, expect, boot: store.boot },
  }, intake.events);
  const transport = new MeshTransport(mesh, intake);
  let coordinator: HostedCoordinator;
  try {
    coordinator = new HostedCoordinator({ self: mesh.id, settings, store, transport, node });
  } catch (error) {
    // what the store holds makes no sense to the engine
    await mesh.stop();
    throw error;
  }
  intake.start();
  return coordinator;
}
