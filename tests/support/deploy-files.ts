/** The files of examples/deploy, for those who check them and those who run what they say. */
import { readFileSync } from "node:fs";

// deno-lint-ignore no-explicit-any -- documents of other systems, whose types are not here
export type Resource = any;

export interface Container {
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly volumeMounts: readonly { readonly mountPath: string }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
}

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

export function read(file: string): string {
  return readFileSync(new URL(`../../examples/deploy/${file}`, import.meta.url), "utf8");
}

export function manifestDocuments(): readonly Resource[] {
  return Bun.YAML.parse(read("kubernetes.yaml")) as Resource[];
}

/** The one with its state in memory alone. */
export function deployment(): Resource {
  return Bun.YAML.parse(read("kubernetes-deployment.yaml")) as Resource;
}

export function containerOf(statefulSet: Resource): Container {
  return statefulSet.spec.template.spec.containers[0] as Container;
}
