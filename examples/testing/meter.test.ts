/** A bug that only a partition reveals: docs/testing.md walks through it. Run it with `bun test`. */
import { expect, test } from "bun:test";
import type { HandlerFunction } from "../../mod.ts";
import { simulate, type SimulatedCluster } from "../../src/testing/kit.ts";
import { carefulMeter, forgetfulMeter, Ledger, meter, type Metered } from "./meter.ts";

async function metered(handler: HandlerFunction<Metered, void>): Promise<SimulatedCluster> {
  const cluster = simulate({ nodes: 5, seed: 7 });
  cluster.handle(meter, handler);
  await cluster.submit(meter, { customer: "ann" }, { id: "meter-ann" });
  await cluster.advance(10_000);
  return cluster;
}

/** The node that runs the meter loses the network for 20 s. */
async function cutOff(cluster: SimulatedCluster): Promise<void> {
  const [run] = cluster.runs("meter-ann");
  cluster.partition([run!.node]);
  await cluster.advance(20_000);
  cluster.heal();
  await cluster.advance(10_000);
}

test("as long as the network holds, the bug does not show", async () => {
  const ledger = new Ledger();
  await using cluster = await metered(forgetfulMeter(ledger));
  cluster.noOverlap();
  expect(ledger.charges.length).toBeLessThanOrEqual(11);
});

test("cut off from the others, the forgetful meter charges twice", async () => {
  const ledger = new Ledger();
  await using cluster = await metered(forgetfulMeter(ledger));
  await cutOff(cluster);
  expect(() => cluster.noOverlap()).toThrow('task "meter-ann" ran twice at once');
  expect(ledger.charges.length).toBeGreaterThan(41);
});

test("cut off from the others, the careful meter stops before another starts", async () => {
  const ledger = new Ledger();
  await using cluster = await metered(carefulMeter(ledger));
  await cutOff(cluster);
  cluster.noOverlap();
  expect(cluster.runs("meter-ann")).toHaveLength(2);
  expect(ledger.charges.length).toBeLessThanOrEqual(41);
});
