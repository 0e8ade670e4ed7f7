/** Starts a node. */
import { createEmbeddedCoordinator } from "../coordinator/embedded-coordinator.ts";
import type { Coordinator } from "../coordinator/coordinator.ts";
import { ConnectError } from "../coordinator/errors.ts";
import { createMeshCoordinator } from "../coordinator/mesh-coordinator.ts";
import { MeshError } from "../mesh/mesh-types.ts";
import { memoryStore } from "../store/memory-store.ts";
import { type Node, RunningNode } from "./node.ts";
import { type NodeOptions, type NodeSettings, nodeSettings } from "./options.ts";
import { serveClient } from "./rpc-server.ts";

/**
 * Creates and starts a node: it listens, looks for others, founds a cluster with them. Its state is kept in
 * memory only: a node that stops does not come back, the next one is another.
 *
 * @throws TypeError, RangeError for bad options; ConnectError when it cannot listen
 */
export async function createNode(options: NodeOptions = {}): Promise<Node> {
  const settings = nodeSettings(options);
  if (settings.expect === 2) {
    process.emitWarning(
      "a cluster of two nodes survives no failure: add a third, a witness will do",
      "StolosWarning",
    );
  }
  const coordinator = settings.coordinator === "embedded" ? embedded(settings) : await overMesh(settings);
  return new RunningNode(coordinator, settings);
}

function embedded(settings: NodeSettings): Coordinator {
  if (settings.expect !== 1) {
    throw new RangeError(
      `Cannot create a node: expect must be 1 with coordinator "embedded", got ${settings.expect}`,
    );
  }
  return createEmbeddedCoordinator(settings, memoryStore());
}

async function overMesh(settings: NodeSettings): Promise<Coordinator> {
  try {
    const { namespace, listen, join, announce, mdns } = settings;
    const onClient = serveClient;
    return await createMeshCoordinator({
      settings,
      store: memoryStore(),
      namespace,
      listen,
      join,
      announce,
      mdns,
      onClient,
    });
  } catch (error) {
    throw asPublicError(error);
  }
}

/** What the mesh throws, as the errors of this library. */
export function asPublicError(error: unknown): unknown {
  if (!(error instanceof MeshError)) return error;
  if (error.code === "INVALID_INPUT") return new TypeError(error.message, { cause: error });
  return new ConnectError(error.message, { cause: error });
}
