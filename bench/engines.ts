/**
 * `node bench/engines.ts BEFORE=DIR AFTER=DIR [--tasks N] [--rounds N] [--nodes N] [--slots N]
 * [--profile FILE]`: the engines and codecs of several checkouts in one process, without sockets, in turn:
 * CPU µs a task, and what was sent for it. A number of partitions may follow a directory: `AFTER=DIR,32`.
 * Time is virtual, so counts are the same in each run. A busy machine bends all sides alike, since their
 * turns are short.
 */
import { loadavg } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import type { Effect, Input } from "../src/protocol/model/contract.ts";
import { median, ownCpuUs } from "./cpu.ts";
import { PAYLOAD } from "./load.ts";
import { startProfile } from "./profiler.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tasks: { type: "string", default: "1000" },
    rounds: { type: "string", default: "150" },
    nodes: { type: "string", default: "3" },
    partitions: { type: "string", default: "128" },
    slots: { type: "string", default: "100" },
    "in-flight": { type: "string", default: "4000" },
    bulk: { type: "string", default: "1000" },
    profile: { type: "string" },
  },
});
const [taskCount, rounds, nodeCount] = [Number(values.tasks), Number(values.rounds), Number(values.nodes)];
const [bulk, inFlightMax] = [Number(values.bulk), Number(values["in-flight"])];
const WALL_MS = 1e12;
const FOUNDED_WITHIN_MS = 8000;
const WARM_UP_ROUNDS = 10;
const TURN_MS = 0.5;

const NULL_BYTES = Uint8Array.of(0xf6);
type Engine = InstanceType<typeof import("../src/protocol/engine.ts").Engine>;
type Codec = typeof import("../src/protocol/wire/frame.ts");

class EngineCluster {
  readonly name: string;
  readonly engines: Engine[] = [];
  readonly counts: Record<string, number> = {};
  readonly runs: number[] = [];
  readonly startsBy: number[] = [];
  readonly #partitions: number;
  readonly #inboxes: Input[][] = [];
  readonly #indexById: Map<string, number> = new Map();
  #codec: Codec | null = null;
  #nowMs = 0;
  #rid = 0;
  #recorded = 0;
  #ended = 0;
  #payload: Uint8Array = new Uint8Array();
  #isCounting = false;

  constructor(name: string, partitions: number) {
    this.name = name;
    this.#partitions = partitions;
  }

  async open(directory: string): Promise<void> {
    const root = `${pathToFileURL(resolve(directory)).href}/src/`;
    const { Engine }: typeof import("../src/protocol/engine.ts") = await import(`${root}protocol/engine.ts`);
    const { engineOptions }: typeof import("../src/coordinator/settings.ts") = await import(
      `${root}coordinator/settings.ts`
    );
    const { nodeSettings }: typeof import("../src/node/options.ts") = await import(`${root}node/options.ts`);
    const { memoryStore }: typeof import("../src/store/memory-store.ts") = await import(
      `${root}store/memory-store.ts`
    );
    const { encodeValue }: typeof import("../src/task/values.ts") = await import(`${root}task/values.ts`);
    this.#payload = encodeValue(PAYLOAD, "input");
    this.#codec = await import(`${root}protocol/wire/frame.ts`);
    for (let at = 0; at < nodeCount; at++) {
      const settings = nodeSettings({
        name: `n${at}`,
        partitions: this.#partitions,
        expect: nodeCount,
        mdns: false,
      });
      const options = engineOptions(`n${at}`, settings, memoryStore());
      this.engines.push(new Engine({ ...options, nonce: "n", seed: at + 1 }));
      this.#indexById.set(`n${at}`, at);
      this.startsBy.push(0);
      this.#inboxes.push([{
        ...{ type: "capacity", slots: Number(values.slots), handlers: ["noop"], standing: "up", limits: {} },
      }]);
    }
    for (let at = 0; at < nodeCount; at++) {
      for (let peer = 0; peer < nodeCount; peer++) {
        const candidate = { name: `n${peer}`, labels: {}, witness: false, expect: nodeCount };
        if (peer !== at) this.#inboxes[at]!.push({ type: "peer", node: `n${peer}`, up: true, candidate });
      }
    }
    for (let atMs = 0; atMs < FOUNDED_WITHIN_MS; atMs++) this.#turn(1);
  }

  /** What warmed it up does not count. */
  begin(): void {
    this.#isCounting = true;
  }

  #count(name: string, more = 1): void {
    if (this.#isCounting) this.counts[name] = (this.counts[name] ?? 0) + more;
  }

  /** Submits until every end is seen. */
  produce(count: number): void {
    let left = count;
    let open = 0;
    const endedBefore = this.#ended;
    while (this.#ended - endedBefore < count) {
      open = count - left - (this.#ended - endedBefore);
      while (left > 0 && open + Math.min(bulk, left) <= inFlightMax) {
        const size = Math.min(bulk, left);
        for (let at = 0; at < size; at++) this.#submit();
        left -= size;
        open += size;
      }
      this.#turn(TURN_MS);
    }
    if (this.#recorded < this.#ended) throw new Error("more ends than records");
  }

  #submit(): void {
    const id = `${this.#rid.toString(36).padStart(8, "0")}-5c1b-4e0a-9d8e-7f3a2b1c0d9e`;
    const spec = {
      ...{ id, name: "noop", payload: this.#payload, attemptsMax: 0, runAtMs: 0, delayMs: 0 },
      ...{ cid: this.#rid + 1, options: null },
    };
    this.#inboxes[0]!.push({ type: "submit", rid: ++this.#rid, spec, watch: true, ageMs: 0 });
  }

  #send(at: number, { to, messages }: Extract<Effect, { readonly type: "send" }>): void {
    for (const message of messages) {
      this.#count(`sent: ${message.type}`);
      if (message.type === "append") this.#count("entries sent", message.entries.length);
      if (message.type === "grant") this.#count("granted to others", message.tasks.length);
    }
    const inbox = this.#inboxes[this.#indexById.get(to)!]!;
    for (const frame of this.#codec!.encodeFrame(messages)) {
      this.#count("frames");
      this.#count("bytes", frame.byteLength);
      for (const message of this.#codec!.decodeFrame(frame)) {
        this.#count("messages");
        inbox.push({ type: "message", from: `n${at}`, message });
      }
    }
  }

  /** Each node takes one step. */
  #turn(passedMs: number): void {
    this.#nowMs += passedMs;
    const clock = { monoMs: this.#nowMs, leaseMs: this.#nowMs, wallMs: WALL_MS + this.#nowMs };
    for (let at = 0; at < nodeCount; at++) {
      const engine = this.engines[at]!;
      const inbox = this.#inboxes[at]!;
      if (inbox.length === 0 && engine.deadlineMs > this.#nowMs) continue;
      this.#inboxes[at] = [];
      this.#count("steps");
      for (const effect of engine.step(inbox, clock)) this.#run(at, effect);
    }
  }

  #run(at: number, effect: Effect): void {
    switch (effect.type) {
      case "send":
        return this.#send(at, effect);
      case "start": {
        const { p, task: { id, fence } } = effect;
        if (this.#isCounting) this.startsBy[at]!++;
        const settlement = { type: "complete", result: NULL_BYTES } as const;
        this.#inboxes[at]!.push({ type: "settle", p, id, fence, seq: 1, upTo: 0, settlement });
        return;
      }
      case "submitted":
        if (effect.status !== "created") throw new Error(`a submit was answered ${effect.status}`);
        this.#recorded++;
        return;
      case "outcome":
        this.#ended++;
        return;
      case "persist":
        for (const record of effect.records) {
          if (record.type === "append") this.#count("entries", record.entries.length);
        }
        return;
    }
  }
}

const clusters: EngineCluster[] = [];
for (const argument of positionals) {
  const [name = "", rest = "."] = argument.split("=");
  const [directory = ".", partitions = values.partitions] = rest.split(",");
  const cluster = new EngineCluster(name, Number(partitions));
  await cluster.open(directory);
  clusters.push(cluster);
}
for (let round = 0; round < WARM_UP_ROUNDS; round++) {
  for (const cluster of clusters) cluster.produce(taskCount);
}
const endProfile = values.profile === undefined ? null : await startProfile();
for (const cluster of clusters) cluster.begin();
for (let round = 0; round < rounds; round++) {
  for (let at = 0; at < clusters.length; at++) {
    const cluster = clusters[(at + round) % clusters.length]!;
    const beforeUs = ownCpuUs();
    cluster.produce(taskCount);
    cluster.runs.push((ownCpuUs() - beforeUs) / taskCount);
  }
}
if (endProfile) await endProfile(values.profile!);
for (const { name, runs, counts, startsBy } of clusters) {
  const ratio = median(runs.map((us, round) => us / clusters[0]!.runs[round]!));
  const least = Math.min(...runs).toFixed(1);
  console.log(
    `${name}: ${median(runs).toFixed(1)} µs a task (least ${least}), to ${clusters[0]!.name} ${
      ratio.toFixed(3)
    } in ${runs.length} pairs; started ${startsBy.join(" ")}; load ${loadavg()[0]!.toFixed(1)}`,
  );
  const perTask = Object.entries(counts).map(([key, value]) => [key, value / (taskCount * rounds)] as const);
  const shown = perTask.filter(([, each]) => each >= 0.001).sort((a, b) => b[1] - a[1]);
  console.log(shown.map(([key, each]) => `${key} ${each.toFixed(3)}`).join(", "));
}
