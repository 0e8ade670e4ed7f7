/**
 * Show: what Kubernetes does with the manifests of examples/deploy, on hosts of their own with a DNS server
 * (network namespaces: Linux, root): pods are replaced one after the other by readiness, one is added and
 * leaves for good. With the arguments, probes and grace periods of the manifests, while ten tasks run.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PeerProcess } from "../../examples/demo/peer-process.ts";
import { readAttempts, tally } from "../../examples/demo/tally.ts";
import { connectClient } from "../../mod.ts";
import { lasting } from "../support/beat-handlers.ts";
import { stolos } from "../support/cluster.ts";
import { delay, eventually, type Report, runShow, seconds } from "../support/drill.ts";
import { NamedHosts } from "../support/named-hosts.ts";
import type { NetHost } from "../support/netns.ts";
import { judgeGaps } from "../support/owner-gaps.ts";
import { some } from "../support/steady-load.ts";

const DEPLOY = join(import.meta.dirname, "../../examples/deploy");
const TASK_COUNT = 10;
const READY_WITHIN_MS = 120_000;
const GAP_MS_MAX = 10_000;
const SECRET = "of the whole cluster ".repeat(3).trim();

/** What is read of a manifest, by lines: this runs on Node, which has no YAML. */
interface Manifest {
  readonly args: readonly string[];
  readonly graceMs: number;
  readonly probeEveryMs: number;
}

function manifest(file: string): Manifest {
  const text = readFileSync(join(DEPLOY, file), "utf8");
  const list = /^ +args:\n((?: +(?:-|#) ?.*\n)+)/m.exec(text)?.[1] ?? "";
  const args = Array.from(list.matchAll(/^ +- (.+)$/gm), ([, arg = ""]) => arg);
  const number = (pattern: RegExp): number => Number(pattern.exec(text)?.[1]) * 1000;
  return {
    args,
    graceMs: number(/terminationGracePeriodSeconds: (\d+)/),
    probeEveryMs: number(/readinessProbe:\n.*\n +periodSeconds: (\d+)/),
  };
}

interface Pod {
  readonly name: string;
  readonly host: NetHost;
  readonly peer: PeerProcess;
}

/** Pods of one workload, as its controller sees them. */
class Workload implements AsyncDisposable {
  readonly pods: Pod[] = [];
  readonly #named: NamedHosts;
  readonly #report: Report;
  readonly #manifest: Manifest;
  readonly #directory: string;
  readonly #secretFile: string;

  constructor(named: NamedHosts, report: Report, read: Manifest, directory: string) {
    this.#named = named;
    this.#report = report;
    this.#manifest = read;
    this.#directory = directory;
    this.#secretFile = join(directory, "secret");
    mkdirSync(directory);
    writeFileSync(this.#secretFile, SECRET);
  }

  get secretFile(): string {
    return this.#secretFile;
  }

  /** On the first host that is free. */
  start(name: string): Pod {
    const host = this.#named.hosts.find((each) => this.pods.every((pod) => pod.host !== each))!;
    const args = this.#manifest.args.slice(1).map((arg) =>
      arg.replace("$(POD_NAME)", name).replace("$(POD_IP)", host.address)
        .replace(/^--data=.*/, `--data=${join(this.#directory, name)}`)
        .replace(/^--secret-file=.*/, `--secret-file=${this.#secretFile}`)
    );
    const handlers = ["--handlers", join(import.meta.dirname, "../support/beat-handlers.ts")];
    const env = { STOLOS_BEATS: this.#directory };
    const peer = new PeerProcess({
      ...{ runtime: "node", args: [...args, ...handlers], prefix: host.prefix, env },
    });
    const pod = { name, host, peer };
    this.pods.push(pod);
    this.#named.dns.set(`${name}.stolos.test.svc`, [host.address]);
    this.#publish();
    return pod;
  }

  /** Addresses of all pods, ready or not. */
  #publish(): void {
    this.#named.dns.set("stolos.test.svc", this.pods.map(({ host }) => host.address));
  }

  async probe(pod: Pod, path: string): Promise<number> {
    const url = `http://${pod.host.address}:9464${path}`;
    const answer = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => null);
    return answer?.status ?? 0;
  }

  async untilReady(pod: Pod): Promise<void> {
    const startMs = performance.now();
    const isReady = async (): Promise<boolean> => await this.probe(pod, "/readyz") === 200;
    const { probeEveryMs } = this.#manifest;
    if (!await eventually(isReady, READY_WITHIN_MS, probeEveryMs)) {
      throw new Error(`${pod.name} is not ready`);
    }
    this.#report.say(`${pod.name} is ready after ${seconds(performance.now() - startMs)}`);
  }

  /** SIGTERM, and SIGKILL after the grace period. */
  async end(pod: Pod): Promise<void> {
    const startMs = performance.now();
    pod.peer.signal("SIGTERM");
    const timer = setTimeout(() => pod.peer.signal("SIGKILL"), this.#manifest.graceMs);
    await pod.peer.exited;
    clearTimeout(timer);
    this.pods.splice(this.pods.indexOf(pod), 1);
    this.#publish();
    const took = seconds(performance.now() - startMs);
    this.#report.check(`${pod.name} ends with 0 after ${took}`, pod.peer.child.exitCode === 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.pods.map(({ peer }) => peer[Symbol.asyncDispose]()));
  }

  async submit(): Promise<string[]> {
    const join = this.pods.map(({ host }) => `/ip4/${host.address}/tcp/4001`);
    await using client = await connectClient({ namespace: "default", join, secret: SECRET, mdns: false });
    const items = Array.from({ length: TASK_COUNT }, (_, at) => ({ id: `lasting-${at}`, input: {} }));
    const ids = (await client.submitMany(lasting, items)).map(({ id }) => id);
    const running = (): number => new Set(readAttempts(this.#directory).map(({ task }) => task)).size;
    this.#report.check("all tasks run", await eventually(() => running() === ids.length, 60_000));
    return ids;
  }

  async judge(ids: readonly string[]): Promise<void> {
    writeFileSync(join(this.#directory, "finish"), "");
    const isOver = (): boolean => tally(ids, readAttempts(this.#directory)).lost.length === 0;
    await eventually(isOver, 60_000, 200);
    const { lost, overlapped } = tally(ids, readAttempts(this.#directory));
    this.#report.check(`${lost.length} of ${ids.length} tasks were lost`, lost.length === 0, some(lost));
    this.#report.check("no task was ever live twice at once", overlapped.length === 0, some(overlapped));
    judgeGaps(this.#report, ids, readAttempts(this.#directory), GAP_MS_MAX);
  }
}

async function statefulSet(report: Report, named: NamedHosts, directory: string): Promise<void> {
  report.say("---- the stateful set of kubernetes.yaml");
  await using set = new Workload(named, report, manifest("kubernetes.yaml"), join(directory, "set"));
  const first = [0, 1, 2].map((ordinal) => set.start(`stolos-${ordinal}`));
  for (const pod of first) await set.untilReady(pod);
  const ids = await set.submit();
  report.say("an update: the highest ordinal first");
  for (const pod of first.toReversed()) {
    await set.end(pod);
    await set.untilReady(set.start(pod.name));
  }
  report.say("one more, and away with it");
  const fourth = set.start("stolos-3");
  await set.untilReady(fourth);
  const where = [
    "--namespace",
    "default",
    "--join",
    "/dns4/stolos/tcp/4001",
    "--secret-file",
    set.secretFile,
  ];
  const left = await stolos("node", ["leave", fourth.name, ...where], fourth.host.prefix);
  report.check("stolos leave stolos-3", left.code === 0, (left.stdout + left.stderr).trim());
  const answersOf = async (): Promise<string> =>
    [await set.probe(fourth, "/healthz"), await set.probe(fourth, "/readyz")].join(" ");
  const isAside = await eventually(async () => await answersOf() === "200 503", 20_000, 200);
  report.check("it stays, alive and not ready, until it is taken away", isAside && fourth.peer.isRunning);
  await set.end(fourth);
  for (const pod of [...set.pods]) await set.untilReady(pod);
  await set.judge(ids);
}

async function inMemory(report: Report, named: NamedHosts, directory: string): Promise<void> {
  report.say("---- the deployment of kubernetes-deployment.yaml");
  const read = manifest("kubernetes-deployment.yaml");
  await using set = new Workload(named, report, read, join(directory, "memory"));
  const first = ["a", "b", "c"].map((letter) => set.start(`stolos-memory-1-${letter}`));
  for (const pod of first) await set.untilReady(pod);
  const ids = await set.submit();
  report.say("an update: one more is ready before one goes");
  for (const pod of first) {
    await set.untilReady(set.start(pod.name.replace("-1-", "-2-")));
    await set.end(pod);
  }
  for (const pod of [...set.pods]) await set.untilReady(pod);
  await set.judge(ids);
}

await runShow("what Kubernetes does with the manifests", async (report, directory) => {
  await using named = await NamedHosts.start(4);
  await statefulSet(report, named, directory);
  await delay(1000);
  await inMemory(report, named, directory);
});
