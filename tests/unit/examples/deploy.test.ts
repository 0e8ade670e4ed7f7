/** The examples of deployment: they parse, and say what the command line and the HTTP handler understand. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { parseOptions } from "../../../src/cli/options.ts";
import { httpOf, logFormatOf, logLevelOf, PEER_OPTIONS } from "../../../src/cli/peer-options.ts";
import type { PeerValues } from "../../../src/cli/peer-options.ts";
import {
  containerOf,
  deployment,
  manifestDocuments,
  read,
  type Resource,
} from "../../support/deploy-files.ts";

const PATHS = ["/healthz", "/readyz"];

/** As `stolos peer` reads them. */
function peerValues(args: readonly string[]): PeerValues {
  expect(args[0]).toBe("peer");
  const { values, positionals } = parseOptions("peer", args.slice(1), PEER_OPTIONS);
  expect(positionals).toEqual([]);
  logLevelOf(values);
  logFormatOf(values);
  return values;
}

const kind = (name: string): Resource => manifestDocuments().find((each) => each.kind === name)!;

test("the Kubernetes manifest runs a peer that finds the others behind the headless service", () => {
  const { args, ports } = containerOf(kind("StatefulSet"));
  const values = peerValues(args);
  const { metadata, spec } = kind("Service");
  expect([spec.clusterIP, spec.publishNotReadyAddresses]).toEqual(["None", true]);
  const portOf = (name: string): number => ports.find((port) => port.name === name)!.containerPort;
  expect(values.join).toEqual([`/dns4/${metadata.name}/tcp/${portOf("mesh")}`]);
  expect(values.listen).toEqual([`/ip4/0.0.0.0/tcp/${portOf("mesh")}`]);
  expect(values.announce).toEqual([`/dns4/$(POD_NAME).${metadata.name}/tcp/${portOf("mesh")}`]);
  expect(httpOf(values)).toEqual({ host: "0.0.0.0", port: portOf("http") });
  expect(spec.ports.map(({ port }: { port: number }) => port)).toEqual([portOf("mesh"), portOf("http")]);
});

test("the stateful set starts as many peers as found the cluster, and probes what there is", () => {
  const set = kind("StatefulSet");
  const container = containerOf(set);
  expect(peerValues(container.args).expect).toBe(String(set.spec.replicas));
  expect(set.spec.podManagementPolicy).toBe("Parallel");
  for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe]) {
    expect(PATHS).toContain(probe.httpGet.path);
    expect(container.ports.map(({ name }) => name)).toContain(probe.httpGet.port);
  }
  expect(container.readinessProbe.httpGet.path).toBe("/readyz");
  expect(container.livenessProbe.httpGet.path).toBe("/healthz");
  const mounted = container.volumeMounts.map(({ mountPath }) => mountPath);
  const values = peerValues(container.args);
  expect(mounted).toContain(values.data!);
  expect(mounted).toContain(values["secret-file"]!.replace(/\/[^/]+$/, ""));
});

test("the deployment in memory has one more pod ready before one goes, with time for it to leave", () => {
  const { spec } = deployment();
  expect(spec.strategy).toEqual({
    type: "RollingUpdate",
    rollingUpdate: { maxSurge: 1, maxUnavailable: 0 },
  });
  const values = peerValues(containerOf(deployment()).args);
  expect([values.data, values.expect]).toEqual([undefined, String(spec.replicas)]);
  // drainTimeoutMs and the time for the copies
  expect(spec.template.spec.terminationGracePeriodSeconds).toBeGreaterThan(20);
  expect(containerOf(deployment()).readinessProbe.httpGet.path).toBe("/readyz");
  // the headless service of the other manifest finds its pods, too
  const { selector } = kind("Service").spec;
  expect(spec.template.metadata.labels).toMatchObject(selector);
  expect(values.join).toEqual(peerValues(containerOf(kind("StatefulSet")).args).join);
});

test("what has left for good is not started again before it is taken away", () => {
  expect(peerValues(containerOf(kind("StatefulSet")).args).linger).toBe(true);
});

test("the compose file runs three peers that name each other", () => {
  const { services, volumes, secrets } = Bun.YAML.parse(read("compose.yaml")) as Resource;
  const names = Object.keys(services);
  for (const name of names) {
    const values = peerValues(services[name].command);
    expect(values.join).toEqual(names.map((other) => `/dns4/${other}/tcp/4001`));
    expect(values.expect).toBe(String(names.length));
    expect(services[name].volumes).toEqual([`${name}:${values.data}`]);
    expect(values["secret-file"]).toBe(`/run/secrets/${services[name].secrets[0]}`);
    expect(services[name].healthcheck.test.join(" ")).toContain(`:${httpOf(values)!.port}/healthz`);
  }
  expect(Object.keys(volumes)).toEqual(names);
  expect(Object.keys(secrets)).toEqual(services[names[0]!].secrets);
});

test("the systemd unit runs a peer, with time to drain", () => {
  const unit = read("stolos.service");
  const valueOf = (key: string): string => new RegExp(`^${key}=(.*)$`, "m").exec(unit)?.[1] ?? "";
  const [runtime, file, ...args] = valueOf("ExecStart").split(" ");
  expect([runtime, file]).toEqual(["/usr/bin/node", "src/cli/main.ts"]);
  expect(peerValues(args).data).toBe("%S/stolos");
  expect(Number(valueOf("TimeoutStopSec"))).toBeGreaterThan(20);
  expect(valueOf("KillMode")).toBe("mixed");
  expect(valueOf("StateDirectory")).toBe("stolos");
});

test("the image starts the command line from files that are there", () => {
  const entry = /^ENTRYPOINT (.*)$/m.exec(read("Dockerfile"))?.[1] ?? "[]";
  const [init, end, runtime, file = ""] = JSON.parse(entry) as string[];
  expect([init, end]).toEqual(["tini", "--"]);
  expect(runtime).toBe("node");
  expect(readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8")).toContain("stolos");
});
