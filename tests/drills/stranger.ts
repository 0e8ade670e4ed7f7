/**
 * A stranger without the secret does all that it can to a cluster of three peers, one on each runtime, that
 * runs 300 tasks: floods, garbage, handshakes that stall, repeat a friend's or are of another secret, huge
 * frames, drips, connections held and ended at each step; and it lies on their local network. Nothing may be
 * lost or started again, friends are served, a node joins meanwhile. First the same is seen without it.
 *
 *   --seconds N   of the stranger (300)
 *   --calm N      seconds without it before (a fifth of that, 10 at least)
 *   --rate N      connections that it makes a second, to all three together (300)
 *   --within MS   a friend is to be served (1000)
 *   --loopback    no hosts of their own (Linux, root): it has the address of the friends, and lies to nobody
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { commandOn, PeerProcess, type Runtime } from "../../examples/demo/peer-process.ts";
import { readAttempts, tally } from "../../examples/demo/tally.ts";
import { type Client, connectClient } from "../../mod.ts";
import { lasting } from "../support/beat-handlers.ts";
import { delay, eventually, type Report, runShow, seconds } from "../support/drill.ts";
import { freePort } from "../support/free-port.ts";
import { WireTap } from "../support/intruders.ts";
import { whyNoNetworks } from "../support/named-hosts.ts";
import { TestNetwork } from "../support/netns.ts";
import { some } from "../support/steady-load.ts";
import type { StrangerOptions } from "../support/stranger.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "300" },
    calm: { type: "string" },
    rate: { type: "string", default: "300" },
    within: { type: "string", default: "1000" },
    loopback: { type: "boolean", default: false },
  },
});
const stormMs = Number(values.seconds) * 1000;
const quietMs = values.calm === undefined ? Math.max(10_000, stormMs / 5) : Number(values.calm) * 1000;
const withinMs = Number(values.within);
const isRouted = !values.loopback && whyNoNetworks() === "";

const RUNTIMES: readonly Runtime[] = ["node", "bun", "deno"];
const TASK_COUNT = 300;
const HANDLERS = join(import.meta.dirname, "../support/beat-handlers.ts");
const SAMPLE_EVERY_MS = 1000;
const CALL_TIMEOUT_MS = 10_000;
const JOIN_MS_MAX = 15_000;
const FINISH_MS = 30_000;
/** What it held must be gone soon after it has. */
const AFTER_MS = 10_000;
const GROWTH_MB_MAX = 256;
const DESCRIPTORS_LEFT_MAX = 16;
/** Of /proc: in hundredths of a second. */
const TICKS_PER_SECOND = 100;

/** Where a peer is. */
interface Place {
  readonly prefix: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly http: string;
}

/** What a process uses. */
interface Usage {
  readonly mb: number;
  readonly descriptors: number;
  readonly cpuSeconds: number;
  /** How long its main thread was ready to run, and others had the cores. */
  readonly waitSeconds: number;
}

// ---- the cluster ------------------------------------------------------------------------------------------

class Town implements AsyncDisposable {
  readonly secret = randomBytes(32).toString("base64");
  readonly peers: PeerProcess[] = [];
  readonly #namespace = `stranger-${process.pid}`;
  readonly #network = isRouted ? new TestNetwork(RUNTIMES.length + 2) : null;
  readonly #places: Place[] = [];
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    writeFileSync(join(directory, "secret"), this.secret);
  }

  /** One more peer. Without handlers it runs none of the tasks. */
  async add(runtime: Runtime, more: readonly string[] = []): Promise<PeerProcess> {
    const at = this.peers.length;
    const near = this.#network?.hosts[at];
    const host = near?.address ?? "127.0.0.1";
    const port = await freePort();
    const place = { prefix: near?.prefix ?? [], host, port, http: `${host}:${await freePort()}` };
    const joins = this.#places.flatMap((each) => ["--join", addressOf(each)]);
    const own = ["--name", `${runtime}-${at}`, "--listen", addressOf(place), "--http", place.http];
    const safe = ["--namespace", this.#namespace, "--secret-file", join(this.#directory, "secret")];
    const net = isRouted ? [] : ["--no-mdns"];
    const peer = new PeerProcess({
      runtime,
      prefix: place.prefix,
      env: { STOLOS_BEATS: this.#directory },
      args: [...own, ...safe, ...net, ...joins, "--expect", String(RUNTIMES.length), ...more],
    });
    this.#places.push(place);
    this.peers.push(peer);
    return peer;
  }

  get places(): readonly Place[] {
    return this.#places;
  }

  /** Of the stranger; null: that of everybody. */
  get strangerHost(): { readonly prefix: readonly string[]; readonly address: string } | null {
    return this.#network?.hosts.at(-1) ?? null;
  }

  async client(joins: readonly string[]): Promise<Client & AsyncDisposable> {
    const { secret } = this;
    return await connectClient({
      namespace: this.#namespace,
      join: joins,
      secret,
      mdns: false,
      timeoutMs: CALL_TIMEOUT_MS,
    });
  }

  /** To how many others each peer has a connection. */
  async connectedCounts(): Promise<number[]> {
    return await Promise.all(this.#places.map(async ({ http }) => {
      const metrics = await fetch(`http://${http}/metrics`).then((answer) => answer.text(), () => "");
      return Number(/^stolos_connected_members (\d+)/m.exec(metrics)?.[1] ?? -1);
    }));
  }

  get usages(): Usage[] {
    return this.peers.map(({ child }) => usageOf(child.pid));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.peers.map((peer) => peer[Symbol.asyncDispose]()));
    this.#network?.[Symbol.dispose]();
  }
}

const addressOf = ({ host, port }: Pick<Place, "host" | "port">): string => `/ip4/${host}/tcp/${port}`;

function usageOf(pid: number | undefined): Usage {
  try {
    const rss = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    const [, waitNs] = readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ");
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /, "").split(" ");
    return {
      mb: Math.round(Number(rss) / 1024),
      descriptors: readdirSync(`/proc/${pid}/fd`).length,
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      waitSeconds: Number(waitNs) / 1e9,
    };
  } catch {
    return { mb: 0, descriptors: 0, cpuSeconds: 0, waitSeconds: 0 };
  }
}

// ---- friends ----------------------------------------------------------------------------------------------

/** What friends see, a sample a second. Infinity: not served. */
interface Samples {
  /** Somebody new connects to one of the peers in turn, and asks. */
  readonly callsMs: number[];
  /** Somebody who has been there from the start asks. */
  readonly asksMs: number[];
  readonly errors: Map<string, number>;
  /** The most of each peer. */
  readonly most: { mb: number; descriptors: number }[];
}

/** Each sample begins in its second, whether or not the one before is over. */
async function sample(town: Town, resident: Client, over: Promise<unknown>): Promise<Samples> {
  const most = RUNTIMES.map(() => ({ mb: 0, descriptors: 0 }));
  const samples: Samples = { callsMs: [], asksMs: [], errors: new Map(), most };
  const timed = async (into: number[], what: () => Promise<unknown>): Promise<void> => {
    const startMs = performance.now();
    try {
      await what();
      into.push(performance.now() - startMs);
    } catch (error) {
      into.push(Infinity);
      const message = error instanceof Error ? error.message : String(error);
      samples.errors.set(message, (samples.errors.get(message) ?? 0) + 1);
    }
  };
  let isOver = false;
  over.finally(() => isOver = true);
  const pending: Promise<void>[] = [];
  for (let turn = 0; !isOver; turn++) {
    const address = addressOf(town.places[turn % RUNTIMES.length]!);
    pending.push(timed(samples.callsMs, async () => {
      await using client = await town.client([address]);
      if (await client.get(`task-${turn % TASK_COUNT}`) === null) throw new Error("a task is not known");
    }));
    pending.push(timed(samples.asksMs, () => resident.get(`task-${turn % TASK_COUNT}`)));
    town.usages.slice(0, RUNTIMES.length).forEach(({ mb, descriptors }, at) => {
      most[at] = {
        mb: Math.max(most[at]!.mb, mb),
        descriptors: Math.max(most[at]!.descriptors, descriptors),
      };
    });
    await delay(SAMPLE_EVERY_MS);
  }
  await Promise.all(pending);
  return samples;
}

function summaryOf(allMs: readonly number[]): string {
  const sorted = allMs.toSorted((a, b) => a - b);
  const at = (share: number): string => `${Math.round(sorted[Math.ceil(sorted.length * share) - 1]!)} ms`;
  const late = allMs.filter((ms) => ms > withinMs).length;
  return `${sorted.length} samples, p50 ${at(0.5)}, p99 ${at(0.99)}, max ${
    at(1)
  }, ${late} over ${withinMs} ms`;
}

/** How long the friends took, what the peers used, and how busy the machine was. */
async function phase(
  report: Report,
  town: Town,
  resident: Client,
  { name, over }: { readonly name: string; readonly over: Promise<unknown> },
): Promise<Samples> {
  const [before, startMs] = [town.usages, performance.now()];
  const samples = await sample(town, resident, over);
  const tookMs = performance.now() - startMs;
  report.say(`${name}, a friend that connects: ${summaryOf(samples.callsMs)}`);
  report.say(`${name}, a friend that is there: ${summaryOf(samples.asksMs)}`);
  for (const [message, count] of samples.errors) report.say(`  ${count} failed: ${message.slice(0, 200)}`);
  const shares = town.usages.map(({ cpuSeconds, waitSeconds }, at) => {
    const [used, waited] = [
      cpuSeconds - (before[at]?.cpuSeconds ?? 0),
      waitSeconds - (before[at]?.waitSeconds ?? 0),
    ];
    const percent = (of: number): string => `${Math.round(of / tookMs * 100_000)} %`;
    return `${town.peers[at]!.runtime} ran ${percent(used)}, waited ${percent(waited)}`;
  });
  report.say(`${name}, for a core: ${shares.join("; ")}; load of the machine ${loadavg()[0]!.toFixed(1)}`);
  return samples;
}

// ---- the stranger -----------------------------------------------------------------------------------------

/** What a friend sends when it connects, as whoever is on the way would record it. */
async function recordFriend(town: Town): Promise<string[]> {
  await using tap = await WireTap.before(addressOf(town.places[0]!));
  {
    await using client = await town.client([tap.address]);
    await client.nodes();
  }
  return tap.heard.map((piece) => piece.toString("base64"));
}

async function bringStranger(town: Town, recorded: readonly string[]): Promise<Record<string, unknown>> {
  const own = town.strangerHost;
  const options: StrangerOptions = {
    targets: town.places.slice(0, RUNTIMES.length),
    seconds: stormMs / 1000,
    perSecond: Number(values.rate),
    recorded,
    address: own?.address ?? null,
  };
  const run = commandOn("node", "tests/support/stranger.ts", [JSON.stringify(options)]);
  const [command = "", ...args] = [...own?.prefix ?? [], ...run];
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "inherit"] });
  return JSON.parse(await text(child.stdout) || "{}") as Record<string, unknown>;
}

/** In the middle of it a node joins, and is connected to all others. */
async function joinMeanwhile(report: Report, town: Town): Promise<void> {
  await delay(stormMs / 2);
  const startMs = performance.now();
  const peer = await town.add("node");
  const isReady = await peer.ready(JOIN_MS_MAX).then(() => true, () => false);
  report.check("a node joins meanwhile", isReady, seconds(performance.now() - startMs));
  const count = RUNTIMES.length;
  let counts: readonly number[] = [];
  const areConnected = async (): Promise<boolean> => {
    counts = await town.connectedCounts();
    return counts.every((each) => each === count);
  };
  const isWhole = await eventually(areConnected, JOIN_MS_MAX, 200);
  report.check(
    "all members are connected with it",
    isWhole,
    `${counts.join(" ")} after ${seconds(performance.now() - startMs)}`,
  );
}

// ---- judgement --------------------------------------------------------------------------------------------

/** Those that were late without the stranger, too, are the machine's. */
function checkServed(report: Report, who: string, allMs: readonly number[], calmMs: readonly number[]): void {
  const late = (of: readonly number[]): number => of.filter((ms) => ms > withinMs).length;
  report.check(
    `a friend that ${who} is served within ${withinMs} ms`,
    late(allMs) === 0,
    `${late(allMs)} of ${allMs.length} were not; without the stranger ${late(calmMs)} of ${calmMs.length}`,
  );
}

function checkUsages(report: Report, before: readonly Usage[], most: Samples["most"], after: Usage[]): void {
  before.forEach((was, at) => {
    const [is, top] = [after[at]!, most[at]!];
    const runtime = RUNTIMES[at]!;
    report.check(
      `${runtime} gives back what it held: descriptors before, at most, after`,
      is.descriptors - was.descriptors <= DESCRIPTORS_LEFT_MAX,
      `${was.descriptors}, ${top.descriptors}, ${is.descriptors}`,
    );
    report.check(
      `${runtime} grows by ${GROWTH_MB_MAX} MB at most: MB before, at most, after`,
      is.mb - was.mb <= GROWTH_MB_MAX,
      `${was.mb}, ${top.mb}, ${is.mb}`,
    );
  });
}

/** All tasks come to their end, in the attempt that they were in. */
async function finish(report: Report, directory: string, client: Client, ids: readonly string[]) {
  writeFileSync(join(directory, "finish"), "");
  await eventually(() => tally(ids, readAttempts(directory)).lost.length === 0, FINISH_MS, 200);
  const { lost, overlapped, restarted } = tally(ids, readAttempts(directory));
  let open: string[] = [];
  await eventually(
    async () => {
      const states = new Map<string, string>();
      for await (const { id, state } of client.list()) states.set(id, state);
      open = ids.filter((id) => states.get(id) !== "completed");
      return open.length === 0;
    },
    FINISH_MS,
    500,
  );
  report.check("no task was lost", lost.length + open.length === 0, some([...lost, ...open]));
  report.check("no lease lapsed: each task was started once", restarted === 0, `${restarted} were not`);
  report.check("no task was ever live twice at once", overlapped.length === 0, some(overlapped));
}

function tell(report: Report, town: Town, { kinds, ...seen }: Record<string, unknown>): void {
  report.say(`the stranger: ${JSON.stringify(seen)}`);
  for (const [kind, count] of Object.entries(kinds ?? {})) {
    report.say(`  ${String(count).padStart(7)} ${kind}`);
  }
  const reasons = new Map<string, number>();
  for (const { event, reason = "" } of town.peers.flatMap(({ events }) => events)) {
    if (event === "peer:rejected") reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  }
  for (const [reason, count] of reasons) report.say(`the peers, ${count} times: ${reason}`);
}

await runShow(
  `a stranger for ${stormMs / 1000} s, ${isRouted ? "on hosts" : "on loopback"}`,
  async (report, directory) => {
    await using town = new Town(directory);
    for (const runtime of RUNTIMES) await town.add(runtime, ["--handlers", HANDLERS, "--capacity", "400"]);
    await Promise.all(town.peers.map((peer) => peer.ready()));
    await using resident = await town.client(town.places.map(addressOf));
    const ids = Array.from({ length: TASK_COUNT }, (_, at) => `task-${at}`);
    await resident.submitMany(lasting, ids.map((id) => ({ id, input: {} })));
    const isRunning = (): boolean => readAttempts(directory).length >= ids.length;
    report.check(`all ${TASK_COUNT} tasks run`, await eventually(isRunning, JOIN_MS_MAX));
    const recorded = await recordFriend(town);
    const calm = await phase(report, town, resident, { name: "without", over: delay(quietMs) });
    const before = town.usages;

    const stranger = bringStranger(town, recorded);
    const joining = joinMeanwhile(report, town);
    const during = await phase(report, town, resident, { name: "beside it", over: stranger });
    await joining;
    tell(report, town, await stranger);
    checkServed(report, "connects", during.callsMs, calm.callsMs);
    checkServed(report, "is there", during.asksMs, calm.asksMs);
    report.check("all peers live", town.peers.every(({ isRunning }) => isRunning));
    await delay(AFTER_MS);
    checkUsages(report, before, during.most, town.usages);
    await finish(report, directory, resident, ids);
  },
);
