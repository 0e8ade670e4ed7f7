/** Both coordinators pass the one suite. */
import { createEmbeddedCoordinator } from "../../src/coordinator/embedded-coordinator.ts";
import type { Coordinator } from "../../src/coordinator/coordinator.ts";
import { createMeshCoordinator } from "../../src/coordinator/mesh-coordinator.ts";
import { nodeSettings } from "../../src/node/options.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import { coordinatorConformance } from "./coordinator.ts";

coordinatorConformance("the embedded coordinator", async (nodeAt) => {
  return [await createEmbeddedCoordinator(nodeSettings({ partitions: 16 }), memoryStore(), nodeAt(0))];
});

coordinatorConformance("the mesh coordinator, three nodes", async (nodeAt) => {
  const nodes: Coordinator[] = [];
  for (const name of ["a", "b", "c"]) {
    const join = nodes.flatMap((node) => node.addresses);
    const settings = nodeSettings({ name, expect: 3, partitions: 16, mdns: false, join });
    const namespace = `conformance-${process.pid}`;
    nodes.push(
      await createMeshCoordinator({
        ...settings,
        settings,
        namespace,
        store: memoryStore(),
        node: nodeAt(nodes.length),
        onClient: (stream) => stream.close(),
      }),
    );
  }
  return nodes;
});
