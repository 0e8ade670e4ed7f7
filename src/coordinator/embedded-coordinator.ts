/**
 * The embedded coordinator: a cluster of one in this process, without a network, for tests and for a single
 * machine. The same engine as the mesh's; it survives nothing.
 */
import type { Store } from "../store/store.ts";
import type { Coordinator } from "./coordinator.ts";
import { HostedCoordinator } from "./hosted-coordinator.ts";
import type { Settings } from "./settings.ts";

/** Starts it. `expect` and `replication` of the settings are those of a single node. */
export function createEmbeddedCoordinator(settings: Settings, store: Store): Coordinator {
  const alone = { ...settings, expect: 1, replication: 1 };
  return new HostedCoordinator({
    self: `embedded-${crypto.randomUUID()}`,
    settings: alone,
    store,
    transport: null,
  });
}
