/**
 * Metrics in Prometheus' text format, version 0.0.4. A registry takes anything that can say its values when
 * it is asked; prom-client's Registry takes the same, so that a program may have its own metrics beside ours.
 */

export interface MetricValue {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  /** When it is not the metric's own: `…_bucket`, `…_sum`, `…_count`. */
  readonly metricName?: string;
}

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram" | "summary";
  readonly values: readonly MetricValue[];
  /** Of prom-client: how a cluster of processes adds it up. */
  readonly aggregator: "sum";
}

export interface RegisteredMetric {
  readonly name: string;
  /** Asked at every scrape, and at no other time. */
  get(): Promise<MetricFamily>;
}

/** What metrics are registered in: ours, or a Registry of prom-client. */
export interface MetricsRegistry {
  readonly contentType: string;
  /**
   * It is given a RegisteredMetric. prom-client's types name its own classes, which have this alone in
   * common.
   */
  registerMetric(metric: { get(): Promise<unknown> }): void;
  metrics(): Promise<string>;
}

export class Registry implements MetricsRegistry {
  readonly contentType: string = "text/plain; version=0.0.4; charset=utf-8";
  readonly #metricByName: Map<string, RegisteredMetric> = new Map();

  /** @throws TypeError when another one has its name */
  registerMetric(metric: RegisteredMetric): void {
    const other = this.#metricByName.get(metric.name);
    if (other !== undefined && other !== metric) {
      throw new TypeError(`Cannot register a metric: there is one named "${metric.name}" already`);
    }
    this.#metricByName.set(metric.name, metric);
  }

  async metrics(): Promise<string> {
    const families = await Promise.all([...this.#metricByName.values()].map((metric) => metric.get()));
    return families.map(familyText).join("\n");
  }
}

/** A registry of its own, for programs that have no prom-client. */
export function metricsRegistry(): MetricsRegistry {
  return new Registry();
}

function familyText({ name, help, type, values }: MetricFamily): string {
  const lines = values.map(({ metricName = name, labels, value }) =>
    `${metricName}${labelsText(labels)} ${valueText(value)}\n`
  );
  return `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function labelsText(labels: MetricValue["labels"]): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${escaped(String(value), true)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(text: string, isLabel = false): string {
  const plain = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return isLabel ? plain.replaceAll('"', '\\"') : plain;
}

function valueText(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  return String(value);
}
