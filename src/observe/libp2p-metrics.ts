/**
 * libp2p's own metrics, in the same registry as the node's: what `createNode` takes as `libp2pMetrics`.
 * Unlike `@libp2p/prometheus-metrics`, which may be given instead, it keeps nothing outside of its registry,
 * wraps no stream (a node's traffic is counted by its own metrics), and names everything as Prometheus'
 * linter wants.
 */
import type { Metric, MetricGroup, Metrics, Summary, SummaryGroup } from "@libp2p/interface";
import type { NodeOptions } from "../node/options.ts";
import type { MetricFamily, MetricsRegistry, MetricValue, RegisteredMetric } from "./registry.ts";

/** As it is registered by libp2p and its modules: one value, or one for each key of a group. */
interface Options {
  readonly label?: string;
  readonly help?: string;
  readonly calculate?: () => Values | number | Promise<Values | number>;
}

type Values = Readonly<Record<string, number | true | undefined>>;
type Type = "counter" | "gauge" | "summary";

/** libp2p's `Metrics`, without a word of libp2p's types. */
type Libp2pMetrics = ReturnType<NonNullable<NodeOptions["libp2pMetrics"]>>;

/** The key of a metric that is no group. */
const ONLY = "";

class Kept implements RegisteredMetric {
  readonly name: string;
  readonly #type: Type;
  readonly #options: Options;
  readonly #valueByKey: Map<string, number> = new Map();
  /** Of summaries: how many were seen; the values are sums. */
  readonly #countByKey: Map<string, number> = new Map();

  constructor(name: string, type: Type, options: Options) {
    this.name = name;
    this.#type = type;
    this.#options = options;
  }

  change(key: string, by: number): void {
    this.#valueByKey.set(key, (this.#valueByKey.get(key) ?? 0) + by);
  }

  set(key: string, value: number): void {
    this.#valueByKey.set(key, value);
  }

  observe(key: string, value: number): void {
    this.change(key, value);
    this.#countByKey.set(key, (this.#countByKey.get(key) ?? 0) + 1);
  }

  reset(): void {
    this.#valueByKey.clear();
    this.#countByKey.clear();
  }

  async get(): Promise<MetricFamily> {
    const { calculate, help = `libp2p: ${this.name}` } = this.#options;
    if (calculate) await this.#calculate(calculate);
    const { name } = this;
    return { name, help, type: this.#type, aggregator: "sum", values: this.#values() };
  }

  /** What a counter's module calculates has come since it was asked last; a gauge's is how it stands. */
  async #calculate(calculate: NonNullable<Options["calculate"]>): Promise<void> {
    const calculated = await calculate();
    const values = typeof calculated === "number" ? { [ONLY]: calculated } : calculated;
    if (this.#type === "gauge") this.#valueByKey.clear();
    for (const [key, value] of Object.entries(values)) {
      if (this.#type === "counter") this.change(key, numberOf(value));
      else this.set(key, numberOf(value));
    }
  }

  #values(): readonly MetricValue[] {
    const { name } = this;
    return [...this.#valueByKey].flatMap(([key, value]): MetricValue[] => {
      const labels = key === ONLY ? {} : { [labelOf(this.#options)]: key };
      if (this.#type !== "summary") return [{ labels, value }];
      const count = this.#countByKey.get(key) ?? 0;
      return [
        { metricName: `${name}_sum`, labels, value },
        { metricName: `${name}_count`, labels, value: count },
      ];
    });
  }
}

/** What libp2p is handed for a metric. */
function single(kept: Kept): Metric & Summary {
  return {
    update: (value) => kept.set(ONLY, value),
    increment: (value = 1) => kept.change(ONLY, value),
    decrement: (value = 1) => kept.change(ONLY, -value),
    observe: (value) => kept.observe(ONLY, value),
    reset: () => kept.reset(),
    timer: () => timer((seconds) => kept.observe(ONLY, seconds)),
  };
}

/** What it is handed for a group of them. */
function group(
  kept: Kept,
): MetricGroup & SummaryGroup {
  const each = (values: Values, take: (key: string, value: number) => void): void => {
    for (const [key, value] of Object.entries(values)) take(key, numberOf(value));
  };
  return {
    update: (values) => each(values, (key, value) => kept.set(key, value)),
    increment: (values) => each(values, (key, value) => kept.change(key, value)),
    decrement: (values) => each(values, (key, value) => kept.change(key, -value)),
    observe: (values) => each(values, (key, value) => kept.observe(key, value)),
    reset: () => kept.reset(),
    timer: (key) => timer((seconds) => kept.observe(key, seconds)),
  };
}

/** To be given to `createNode` as `libp2pMetrics`; one node a registry. */
export function libp2pMetrics(registry: MetricsRegistry): () => Libp2pMetrics {
  const keptByName = new Map<string, Kept>();
  const keep = (type: Type) => (name: string, options: Options = {}): Kept => {
    const clean = cleanName(name, type);
    const known = keptByName.get(clean);
    if (known) return known;
    const kept = new Kept(clean, type, options);
    keptByName.set(clean, kept);
    registry.registerMetric(kept);
    return kept;
  };
  const singles = (type: Type) => (name: string, options?: Options) => single(keep(type)(name, options));
  const groups = (type: Type) => (name: string, options?: Options) => group(keep(type)(name, options));
  const metrics: Metrics = {
    trackMultiaddrConnection: () => {},
    trackProtocolStream: () => {},
    registerMetric: singles("gauge"),
    registerMetricGroup: groups("gauge"),
    registerCounter: singles("counter"),
    registerCounterGroup: groups("counter"),
    // without buckets: how many, and how much in all
    registerHistogram: singles("summary"),
    registerHistogramGroup: groups("summary"),
    registerSummary: singles("summary"),
    registerSummaryGroup: groups("summary"),
    traceFunction: <F>(_name: string, run: F): F => run,
    createTrace: () => undefined,
  };
  return () => metrics;
}

function timer(observe: (seconds: number) => void): () => void {
  const startedMs = performance.now();
  return () => observe((performance.now() - startedMs) / 1000);
}

function numberOf(value: number | true | undefined): number {
  return value === true ? 1 : value ?? 0;
}

/** `_total` is for counters, and for them always. */
function cleanName(name: string, type: Type): string {
  const plain = name.replaceAll(/[^a-zA-Z0-9_:]/g, "_").replace(/_total$/, "");
  return type === "counter" ? `${plain}_total` : plain;
}

function labelOf({ label = "key" }: Options): string {
  return label.replaceAll(/[^a-zA-Z0-9_]/g, "_");
}
