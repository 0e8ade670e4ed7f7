/** Starts a node. */
import { asPublicError } from "../client/connect.ts";
import { serveClient } from "../client/rpc-server.ts";
import type { Coordinator, OwnNode } from "../coordinator/coordinator.ts";
import { createEmbeddedCoordinator } from "../coordinator/embedded-coordinator.ts";
import { createMeshCoordinator } from "../coordinator/mesh-coordinator.ts";
import type { Store } from "../store/store.ts";
import { logEvents } from "./log.ts";
import { handleSignals } from "./signals.ts";
import type { Node } from "./node-api.ts";
import { RunningNode } from "./node.ts";
import { type NodeOptions, type NodeSettings, nodeSettings } from "./options.ts";

/**
 * Creates and starts a node: it listens, looks for others, founds a cluster with them. Without a `store` its
 * state is kept in memory only: a node that stops does not come back, the next one is another.
 *
 * @throws TypeError, RangeError for bad options; StoreError when its store cannot be opened; ConnectError
 * when it cannot listen
 */
export async function createNode(options: NodeOptions = {}): Promise<Node> {
  const settings = nodeSettings(options);
  if (settings.expect === 2) {
    process.emitWarning(
      "a cluster of two nodes survives no failure: add a third, a witness will do",
      "StolosWarning",
    );
  }
  const isEmbedded = settings.coordinator === "embedded";
  if (isEmbedded && settings.expect !== 1) {
    throw new RangeError(
      `Cannot create a node: expect must be 1 with coordinator "embedded", got ${settings.expect}`,
    );
  }
  const { store } = settings;
  let node: RunningNode | undefined;
  const view = RunningNode.viewOf(() => node);
  await store.open();
  try {
    const coordinator = isEmbedded
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
