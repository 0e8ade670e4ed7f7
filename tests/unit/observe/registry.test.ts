/** Prometheus' text format, and libp2p's metrics in it. */
import { expect, test } from "bun:test";
import type { Metrics } from "@libp2p/interface";
import { libp2pMetrics, type MetricFamily, metricsRegistry, type RegisteredMetric } from "../../../mod.ts";

function metric(family: Partial<MetricFamily> & { readonly name: string }): RegisteredMetric {
  const whole: MetricFamily = { help: "h", type: "gauge", aggregator: "sum", values: [], ...family };
  return { name: family.name, get: () => Promise.resolve(whole) };
}

test("a family is its help, its type and its values", async () => {
  const registry = metricsRegistry();
  const values = [{ labels: { a: "x", b: 2 }, value: 1.5 }, { labels: {}, value: 3 }];
  registry.registerMetric(metric({ name: "m", help: "two\nlines \\", values }));
  expect(await registry.metrics()).toBe(
    '# HELP m two\\nlines \\\\\n# TYPE m gauge\nm{a="x",b="2"} 1.5\nm 3\n',
  );
});

test("what strangers name stays within its quotes", async () => {
  const registry = metricsRegistry();
  const values = [{ labels: { task: 'a"} 1\nevil{x="\\' }, value: 1 }];
  registry.registerMetric(metric({ name: "m", values }));
  expect((await registry.metrics()).split("\n")[2]).toBe('m{task="a\\"} 1\\nevil{x=\\"\\\\"} 1');
});

test("values that are no numbers have Prometheus' words", async () => {
  const registry = metricsRegistry();
  const values = [NaN, Infinity, -Infinity].map((value) => ({ labels: {}, value }));
  registry.registerMetric(metric({ name: "m", values }));
  expect((await registry.metrics()).split("\n").slice(2, 5)).toEqual(["m NaN", "m +Inf", "m -Inf"]);
});

test("two metrics of one name are refused", () => {
  const registry = metricsRegistry();
  const first = metric({ name: "m" });
  registry.registerMetric(first);
  registry.registerMetric(first);
  expect(() => registry.registerMetric(metric({ name: "m" }))).toThrow('one named "m" already');
});

test("libp2p's gauges, counters and summaries come out as what they are", async () => {
  const registry = metricsRegistry();
  const metrics = libp2pMetrics(registry)() as Metrics;
  const gauge = metrics.registerMetric("open_total", { help: "open" });
  gauge.update(5);
  gauge.decrement(2);
  const dials = metrics.registerCounterGroup("dials", { label: "way" });
  dials.increment({ in: true, out: 2 });
  dials.increment({ in: true });
  metrics.registerMetric("asked", { calculate: () => Promise.resolve(7) });
  metrics.registerCounter("since", { calculate: () => 2 });
  metrics.registerSummary("took").observe(0.5);
  await registry.metrics();
  const lines = (await registry.metrics()).split("\n").filter((line) => /^[a-z]/.test(line));
  expect(lines).toEqual([
    "open 3",
    'dials_total{way="in"} 2',
    'dials_total{way="out"} 2',
    "asked 7",
    "since_total 4",
    "took_sum 0.5",
    "took_count 1",
  ]);
});

test("a module that registers a metric again goes on with it", async () => {
  const registry = metricsRegistry();
  const metrics = libp2pMetrics(registry)() as Metrics;
  metrics.registerCounter("dials").increment();
  metrics.registerCounter("dials_total").increment();
  expect(await registry.metrics()).toContain("dials_total 2");
});
