/**
 * Starts a node: its store, its coordinator, what runs its handlers. That its options are good is left to
 * create-node.ts.
 */
import { asPublicError } from "../client/connect.ts";
import { serveClient } from "../client/rpc-server.ts";
import type { Coordinator, OwnNode } from "../coordinator/coordinator.ts";
import { createEmbeddedCoordinator } from "../coordinator/embedded-coordinator.ts";
import type { Store } from "../store/store.ts";
import { logEvents } from "./log.ts";
import type { Node } from "./node-api.ts";
import { RunningNode } from "./node.ts";
import type { NodeSettings } from "./options.ts";
import { handleSignals } from "./signals.ts";

/** @throws StoreError when its store cannot be opened; ConnectError when it cannot listen */
export async function startNode(settings: NodeSettings): Promise<Node> {
  const { store } = settings;
  let node: RunningNode | undefined;
  const view = RunningNode.viewOf(() => node);
  await store.open();
  try {
    const coordinator = settings.coordinator === "embedded"
      ? await createEmbeddedCoordinator(settings, store, view)
      : await overMesh(settings, store, view);
    try {
      node = new RunningNode(coordinator, settings);
      if (settings.logging) logEvents(node, settings.logging);
      if (settings.handleSignals) handleSignals(node);
      return node;
    } catch (error) {
      // its balancer
      await coordinator.stop();
      throw error;
    }
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function overMesh(settings: NodeSettings, store: Store, node: OwnNode): Promise<Coordinator> {
  const { createMeshCoordinator } = await import("../coordinator/mesh-coordinator.ts");
  try {
    const { namespace, listen, join, announce, mdns, secret, allow, libp2pMetrics } = settings;
    return await createMeshCoordinator({
      ...{ settings, store, node, namespace, listen, join, announce, mdns, secret, allow, libp2pMetrics },
      onClient: serveClient,
    });
  } catch (error) {
    throw asPublicError(error);
  }
}
