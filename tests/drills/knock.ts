/**
 * Strangers knock at a peer with a secret, by the thousand: a friend is served meanwhile, and memory is flat.
 *
 *   --connections N   strangers (3000)
 *   --rate N          so many of them a second (500)
 *   --clients N       friends that come and go, afterwards (0)
 *   --runtime R       of the peer: node, bun or deno (node)
 *   --within MS       a friend is to be served (1000)
 */
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { parseArgs } from "node:util";
import { connectClient } from "../../mod.ts";
import { commandOn, PeerProcess, type Runtime } from "../../examples/demo/peer-process.ts";
import { delay, type Report, runShow } from "../support/drill.ts";

const { values } = parseArgs({
  options: {
    runtime: { type: "string", default: "node" },
    connections: { type: "string", default: "3000" },
    clients: { type: "string", default: "0" },
    rate: { type: "string", default: "500" },
    within: { type: "string", default: "1000" },
  },
});
const { runtime } = values;
const [connections, clients] = [Number(values.connections), Number(values.clients)];
const [rate, withinMs] = [Number(values.rate), Number(values.within)];

const CALL_EVERY_MS = 500;
/** What this machine takes for a call by itself is seen first. */
const CALM_MS = 5000;
const CLIENTS_AT_ONCE = 2;
/** Until then the runtime grows to what it needs, and so much it may grow. */
const WARM_AFTER = 10_000;
const WARM_MB_MAX = 256;
/** What garbage collection may leave lying about later. */
const GROWTH_MB_MAX = 48;

class Door implements AsyncDisposable {
  readonly #peer: PeerProcess;
  readonly #secret = randomBytes(32).toString("base64");
  readonly #namespace = `knock-${process.pid}`;
  readonly samplesMb: number[] = [];

  constructor(directory: string) {
    const file = join(directory, "secret");
    writeFileSync(file, this.#secret);
    const args = ["--namespace", this.#namespace, "--no-mdns", "--secret-file", file];
    this.#peer = new PeerProcess({ runtime: runtime as Runtime, args });
  }

  async port(): Promise<number> {
    await this.#peer.ready();
    const [address = ""] = await this.#peer.addresses();
    return Number(/\/tcp\/(\d+)/.exec(address)?.[1]);
  }

  get isOpen(): boolean {
    return this.#peer.isRunning;
  }

  get exited(): Promise<void> {
    return this.#peer.exited;
  }

  /** How long it took a friend to connect and to be answered. */
  async call(): Promise<number> {
    const startMs = performance.now();
    const join = await this.#peer.addresses();
    await using client = await connectClient({ namespace: this.#namespace, join, secret: this.#secret });
    await client.nodes();
    return performance.now() - startMs;
  }

  get memoryMb(): number {
    const { stdout } = spawnSync("ps", ["-o", "rss=", "-p", String(this.#peer.child.pid)]);
    return Math.round(Number(stdout) / 1024);
  }

  get refusals(): readonly string[] {
    const reasons = this.#peer.events.flatMap(({ event, reason = "" }) =>
      event === "peer:rejected" ? [reason] : []
    );
    return [...new Set(reasons)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#peer.stop();
  }
}

/** Calls, and notes the memory, until `over`. */
async function watch(door: Door, over: Promise<unknown>): Promise<readonly number[]> {
  const callsMs: number[] = [];
  let isOver = false;
  over.finally(() => isOver = true);
  while (!isOver && door.isOpen) {
    callsMs.push(await door.call().catch(() => Infinity));
    door.samplesMb.push(door.memoryMb);
    await Promise.race([over, delay(CALL_EVERY_MS)]);
  }
  return callsMs;
}

async function strangers(door: Door, port: number): Promise<unknown> {
  const args = [port, connections, rate].map(String);
  const [command = "", ...rest] = commandOn("node", "tests/support/knockers.ts", args);
  const child = spawn(command, rest, { stdio: ["ignore", "pipe", "inherit"] });
  void door.exited.then(() => child.kill());
  const [said] = await Promise.all([text(child.stdout), once(child, "close")]);
  return said === "" ? "the peer has ended" : JSON.parse(said);
}

async function friends(door: Door): Promise<unknown> {
  let [begun, failed] = [0, 0];
  const comeAndGo = async (): Promise<void> => {
    while (begun++ < clients && door.isOpen) await door.call().catch(() => failed++);
  };
  await Promise.all(Array.from({ length: CLIENTS_AT_ONCE }, comeAndGo));
  return { served: clients - failed, failed };
}

const mean = (values: readonly number[]): number =>
  Math.round(values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length));

function checkMemory(report: Report, { samplesMb }: Door, count: number): void {
  const step = Math.max(1, Math.floor(samplesMb.length / 12));
  report.say(`MB while it went on: ${samplesMb.filter((_, at) => at % step === 0).join(" ")}`);
  const [start, end] = [samplesMb[0]!, samplesMb.at(-1)!];
  report.check(
    `memory grows by ${WARM_MB_MAX} MB at most`,
    end - start <= WARM_MB_MAX,
    `${start} MB to ${end} MB`,
  );
  const warm = samplesMb.slice(Math.ceil(samplesMb.length * WARM_AFTER / count));
  if (warm.length < samplesMb.length / 4) return;
  const quarter = Math.ceil(warm.length / 4);
  const [early, late] = [mean(warm.slice(0, quarter)), mean(warm.slice(-quarter))];
  report.check(
    `memory is flat after ${WARM_AFTER} of them`,
    late - early <= GROWTH_MB_MAX,
    `${early} MB to ${late} MB`,
  );
}

function summaryOf(callsMs: readonly number[]): string {
  const sorted = callsMs.toSorted((a, b) => a - b);
  const at = (share: number): string => `${Math.round(sorted[Math.ceil(sorted.length * share) - 1]!)} ms`;
  const late = callsMs.filter((ms) => ms > withinMs).length;
  return `${sorted.length} calls, half within ${at(0.5)}, 99 of 100 within ${at(0.99)}, all within ${
    at(1)
  }, ` +
    `${late} took longer than ${withinMs} ms`;
}

interface Coming {
  readonly who: string;
  readonly count: number;
  readonly come: () => Promise<unknown>;
}

async function goThrough(report: Report, door: Door, { who, count, come }: Coming): Promise<void> {
  if (count === 0) return;
  const coming = come();
  door.samplesMb.length = 0;
  const callsMs = await watch(door, coming);
  report.say(`${who}: ${JSON.stringify(await coming)}`);
  const isServed = callsMs.every((ms) => ms <= withinMs);
  report.check(
    `a friend is served within ${withinMs} ms while they come and go`,
    isServed,
    summaryOf(callsMs),
  );
  checkMemory(report, door, count);
}

await runShow(
  `${connections} strangers and ${clients} clients at a ${runtime} peer`,
  async (report, directory) => {
    await using door = new Door(directory);
    const port = await door.port();
    const calm = await watch(door, delay(CALM_MS));
    report.say(`before, when nobody else is there: ${summaryOf(calm)}; ${door.memoryMb} MB`);
    await goThrough(report, door, {
      who: "strangers",
      count: connections,
      come: () => strangers(door, port),
    });
    await goThrough(report, door, { who: "clients", count: clients, come: () => friends(door) });
    report.check("the peer lives", door.isOpen);
    report.check("a friend is served afterwards", await door.call() <= withinMs);
    for (const reason of door.refusals) report.say(`the peer: ${reason}`);
    report.say(`${door.memoryMb} MB after`);
  },
);
