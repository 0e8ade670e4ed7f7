/**
 * The embedded coordinator: a cluster of one in this process, without a network, for tests and for a single
 * machine. The same engine as the mesh's; it survives what its store survives.
 */
import { createHash } from "node:crypto";
import { makePrivateKey } from "../mesh/private-key.ts";
import type { Store } from "../store/store.ts";
import type { Coordinator, OwnNode } from "./coordinator.ts";
import { HostedCoordinator } from "./hosted-coordinator.ts";
import type { Settings } from "./settings.ts";

/** Starts it on an open store. `expect` and `replication` of the settings are those of a single node. */
export async function createEmbeddedCoordinator(
  settings: Settings,
  store: Store,
  node: OwnNode,
): Promise<Coordinator> {
  // the same at every start, like a peer id, and the same kind of key
  const privateKey = await store.privateKey(makePrivateKey);
  const identity = createHash("sha256").update(privateKey).digest("hex");
  return new HostedCoordinator({
    self: `embedded-${identity.slice(0, 32)}`,
    settings: { ...settings, expect: 1, replication: 1 },
    store,
    transport: null,
    node,
  });
}
