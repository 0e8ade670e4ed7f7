/**
 * `node bench/engines.ts BEFORE=DIR AFTER=DIR [--tasks N] [--rounds N] [--nodes N] [--partitions N] [--slots N]
 * [--profile FILE]`: the engines and codecs of several checkouts in one process, without sockets, in turn: CPU
 * µs a task and what was sent for it. Time is virtual, so that counts are the same in each run; a busy
 * machine bends both sides alike, since their turns are short.
 */
import { writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { pathToFileURL } from "node:url";
import type { Effect, Input } from "../src/protocol/model/contract.ts";
import type { Engine } from "../src/protocol/engine.ts";
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

interface Codec {
  encodeFrame(messages: readonly unknown[]): Uint8Array[];
  decodeFrame(frame: Uint8Array): unknown[];
}

class EngineCluster {
  readonly name: string;
  readonly engines: Engine[] = [];
  readonly counts: Record<string, number> = {};
  readonly runs: number[] = [];
  readonly startsBy: number[] = [];
  readonly #inboxes: Input[][] = [];
  readonly #indexById: Map<string, number> = new Map();
  #codec: Codec | null = null;
  #nowMs = 0;
  #rid = 0;
  #recorded = 0;
  #ended = 0;
  #payload: Uint8Array = new Uint8Array();
  isCounting = true;

  constructor(name: string) {
    this.name = name;
  }

  async open(directory: string): Promise<void> {
    const load = (file: string): Promise<Record<string, any>> =>
      import(new URL(`src/${file}`, `${pathToFileURL(resolve(directory)).href}/`).href);
    const { Engine } = await load("protocol/engine.ts");
    const { engineOptions } = await load("coordinator/settings.ts");
    const { nodeSettings } = await load("node/options.ts");
    const { memoryStore } = await load("store/memory-store.ts");
    const { encodeValue } = await load("task/values.ts");
    this.#payload = encodeValue(PAYLOAD, "input");
    this.#codec = await load("protocol/wire/frame.ts") as unknown as Codec;
    for (let at = 0; at < nodeCount; at++) {
      const settings = nodeSettings({
        name: `n${at}`,
        partitions: Number(values.partitions),
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
    this.isCounting = false;
    for (let round = 0; round < 8000; round++) this.#turn(1);
    this.isCounting = true;
  }

  #count(name: string, more = 1): void {
    if (this.isCounting) this.counts[name] = (this.counts[name] ?? 0) + more;
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
      this.#turn(0.5);
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
      case "send": {
        const to = this.#indexById.get(effect.to)!;
        for (const message of effect.messages) {
          this.#count(`sent: ${message.type}`);
          if (message.type === "append") this.#count("entries sent", message.entries.length);
          if (message.type === "grant") this.#count("granted to others", message.tasks.length);
        }
        for (const frame of this.#codec!.encodeFrame(effect.messages)) {
          this.#count("frames");
          this.#count("bytes", frame.byteLength);
          for (const message of this.#codec!.decodeFrame(frame)) {
            this.#count("messages");
            this.#inboxes[to]!.push({ type: "message", from: `n${at}`, message } as Input);
          }
        }
        return;
      }
      case "start": {
        const { p, task: { id, fence } } = effect;
        if (this.isCounting) this.startsBy[at]!++;
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

const NULL_BYTES = new Uint8Array([0xf6]);
const clusters: EngineCluster[] = [];
for (const argument of positionals) {
  const [name = "", directory = "."] = argument.split("=");
  const cluster = new EngineCluster(name);
  await cluster.open(directory);
  clusters.push(cluster);
}
for (let round = 0; round < 10; round++) for (const cluster of clusters) cluster.produce(taskCount);
const endProfile = values.profile === undefined ? null : await startProfile();
for (const cluster of clusters) {
  for (const key of Object.keys(cluster.counts)) cluster.counts[key] = 0;
  cluster.startsBy.fill(0);
}
for (let round = 0; round < rounds; round++) {
  for (let at = 0; at < clusters.length; at++) {
    const cluster = clusters[(at + round) % clusters.length]!;
    const beforeUs = ownCpuUs();
    cluster.produce(taskCount);
    cluster.runs.push((ownCpuUs() - beforeUs) / taskCount);
  }
}
if (endProfile) await endProfile(values.profile!);
const json: Record<string, unknown> = {};
for (const { name, runs, counts, startsBy } of clusters) {
  const ratio = median(runs.map((us, round) => us / clusters[0]!.runs[round]!));
  const low = (each: readonly number[]): number =>
    [...each].sort((a, b) => a - b)[Math.floor(each.length / 5)]!;
  console.log(
    `${name.padEnd(10)} CPU ${median(runs).toFixed(1)} µs a task (least ${
      Math.min(...runs).toFixed(1)
    }); ratio ${ratio.toFixed(3)} in ${runs.length} pairs; started ${startsBy.join(" ")}; load ${
      loadavg()[0]!.toFixed(1)
    }`,
  );
  const per = Object.entries(counts).map(([key, value]) => [key, value / (taskCount * rounds)] as const);
  json[name] = { runs, per };
  console.log(
    per.filter(([, value]) => value >= 0.001).sort((a, b) => b[1] - a[1])
      .map(([key, value]) => `${key} ${value.toFixed(3)}`).join(", "),
  );
}
void writeFileSync;
