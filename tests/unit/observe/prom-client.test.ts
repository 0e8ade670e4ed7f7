/** Our metrics beside a program's own, in a registry of prom-client; and libp2p's by its own package. */
import { prometheusMetrics } from "@libp2p/prometheus-metrics";
import { expect, test } from "bun:test";
import { Counter, Registry } from "prom-client";
import { createNode, httpHandler, libp2pMetrics } from "../../../mod.ts";

const scrape = async (handler: (request: Request) => Promise<Response>): Promise<string> =>
  await (await handler(new Request("http://x/metrics"))).text();

test("a registry of prom-client takes the node's metrics, libp2p's and the program's", async () => {
  const registry = new Registry();
  new Counter({ name: "own_total", help: "the program's own", registers: [registry] }).inc(3);
  await using node = await createNode({ mdns: false, libp2pMetrics: libp2pMetrics(registry) });
  const handler = httpHandler(node, { registry });
  await node.ready();
  for (const text of [await scrape(handler), await registry.metrics()]) {
    expect(text).toContain("\nown_total 3\n");
    expect(text).toContain("\nstolos_ready 1\n");
    expect(text).toContain("\n# TYPE stolos_attempt_duration_seconds histogram\n");
    expect(text).toMatch(/\nlibp2p_transport_manager_listeners 1\n/);
  }
});

test("libp2p's own package counts as well", async () => {
  const registry = new Registry();
  const counted = prometheusMetrics({
    registry,
    preserveExistingMetrics: true,
    collectDefaultMetrics: false,
  });
  await using node = await createNode({ mdns: false, libp2pMetrics: counted });
  await node.ready();
  expect(await registry.metrics()).toContain("\nlibp2p_transport_manager_listeners 1\n");
});
