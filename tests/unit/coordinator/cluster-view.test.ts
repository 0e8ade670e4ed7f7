/** When a member publishes news of itself. */
import { expect, test } from "bun:test";
import { ClusterView } from "../../../src/coordinator/cluster-view.ts";
import { type Environment, systemEnvironment } from "../../../src/base/environment.ts";
import { engineOptions } from "../../../src/coordinator/settings.ts";
import type { Transport } from "../../../src/coordinator/transport.ts";
import { nodeSettings } from "../../../src/node/options.ts";
import { Engine } from "../../../src/protocol/engine.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { Roster } from "../../../src/protocol/model/types.ts";

class Stage {
  /** When news of this member was published. */
  readonly publishedMs: number[] = [];
  readonly clusterView: ClusterView;
  nowMs = 0;
  isOtherUp = true;
  heldCount = 0;

  constructor() {
    const settings = nodeSettings({ name: "a", mdns: false });
    const transport: Transport = {
      addresses: [],
      upCount: 1,
      isUp: () => this.isOtherUp,
      helloOf: () => undefined,
      send: () => {},
      setCluster: () => {},
      publish: (topic) => topic === "members" && this.publishedMs.push(this.nowMs),
      stop: () => Promise.resolve(),
    };
    const environment: Environment = { ...systemEnvironment, monoMs: () => this.nowMs };
    const engine = new Engine(engineOptions("a", settings, memoryStore()));
    const real = engine.status();
    const both = ["a", "b"].map((id, at) => ({ id, no: at + 1, name: id, labels: {}, witness: false }));
    Object.defineProperty(engine, "roster", { value: { members: both } as unknown as Roster });
    engine.status = () => ({ ...real, heldCount: this.heldCount, lastHeardMs: () => this.nowMs });
    const readLeased = (): Promise<never[]> => Promise.resolve([]);
    this.clusterView = new ClusterView({
      self: "a",
      settings,
      engine,
      environment,
      transport,
      loadOfTasks: () => 0,
      readLeased,
      emit: () => {},
    });
  }

  /** Returns when news was published meanwhile. */
  run(forMs: number): readonly number[] {
    this.publishedMs.length = 0;
    for (const endMs = this.nowMs + forMs; this.nowMs < endMs; this.nowMs += 100) this.clusterView.tick();
    return [...this.publishedMs];
  }
}

test("the same news goes again after ten seconds, then every thirty; changes every two at most", () => {
  const stage = new Stage();
  stage.run(20_000);
  expect(stage.run(60_000).length).toBe(2);
  for (let second = 0; second < 20; second++) {
    stage.heldCount++;
    expect(stage.run(1000).length).toBeLessThanOrEqual(1);
  }
  stage.heldCount++;
  expect(stage.run(2400).length).toBe(1);
  expect(stage.run(11_000).length).toBe(1);
  expect(stage.run(25_000).length).toBe(0);
});

test("a member that comes up gets the news at once, and again while gossip may not have found it", () => {
  const stage = new Stage();
  stage.run(20_000);
  stage.isOtherUp = false;
  stage.run(11_000);
  stage.isOtherUp = true;
  const published = stage.run(6000);
  expect(published.length).toBeGreaterThanOrEqual(2);
});

test("a node that freezes says so at once", () => {
  const stage = new Stage();
  stage.run(20_000);
  stage.publishedMs.length = 0;
  stage.clusterView.stand("frozen");
  expect(stage.publishedMs).toEqual([stage.nowMs]);
});

test("other slots or handlers are said at once, the same ones not again", () => {
  const stage = new Stage();
  const offer = (slots: number, names: readonly string[]): number => {
    stage.publishedMs.length = 0;
    stage.clusterView.offer(slots, names);
    return stage.publishedMs.length;
  };
  expect([offer(4, ["a"]), offer(4, ["a"]), offer(5, ["a"]), offer(5, ["a", "b"])]).toEqual([1, 0, 1, 1]);
});
