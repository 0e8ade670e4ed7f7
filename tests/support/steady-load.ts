/**
 * A steady load of submits of `beat`, short ones with a long one now and then, as long as a drill lasts; then
 * the reckoning: what was acknowledged must be completed once, and nothing may have run twice at a time.
 */
import { readAttempts, tally } from "../../examples/demo/tally.ts";
import { connectClient, NoQuorumError, StoppedError, UnknownOutcomeError } from "../../mod.ts";
import type { Client } from "../../mod.ts";
import { beat } from "./beat-handlers.ts";
import type { Cluster } from "./cluster.ts";
import { delay, eventually, seconds } from "./drill.ts";
import type { Report } from "./drill.ts";

const LONG_EVERY = 25;
const SHORT_MS = 100;
const LONG_MS = 3000;
/** A submit whose outcome is open is repeated with its id for so long. */
const REPEAT_MS = 60_000;

export interface SteadyLoadOptions {
  readonly perSecond: number;
  /** @default 3000 */
  readonly longMs?: number;
  /** Of the ids. @default "load" */
  readonly prefix?: string;
}

export class SteadyLoad {
  readonly acked: string[] = [];
  /** Submits that had to be repeated, by the first error. */
  readonly repeated: Map<string, number> = new Map();
  readonly failed: string[] = [];
  readonly #options: SteadyLoadOptions;
  readonly #client: Client & AsyncDisposable;
  readonly #open: Set<Promise<void>> = new Set();
  readonly #running: Promise<void>;
  #isStopping = false;
  #hasGivenUp = false;
  #ackMsMax = 0;

  constructor(client: Client & AsyncDisposable, options: SteadyLoadOptions) {
    this.#client = client;
    this.#options = options;
    this.#running = this.#run();
  }

  static async start(cluster: Cluster, options: SteadyLoadOptions): Promise<SteadyLoad> {
    return new SteadyLoad(await connectClient(await cluster.reach()), options);
  }

  /** The longest time that a submit took since the last call. */
  takeAckMsMax(): number {
    const ms = this.#ackMsMax;
    this.#ackMsMax = 0;
    return ms;
  }

  /** What is not acknowledged yet is not repeated. */
  giveUp(): void {
    this.#hasGivenUp = true;
  }

  /** Submits no more; resolves when it is known of each submit what became of it. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#running;
    await Promise.all(this.#open);
    await this.#client[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    const startMs = performance.now();
    for (let n = 0; !this.#isStopping; n++) {
      const submit = this.#submit(`${this.#options.prefix ?? "load"}-${n}`, n % LONG_EVERY === 0);
      this.#open.add(submit);
      submit.finally(() => this.#open.delete(submit));
      await delay(Math.max(0, startMs + (n + 1) * 1000 / this.#options.perSecond - performance.now()));
    }
  }

  async #submit(id: string, isLong: boolean): Promise<void> {
    const startMs = performance.now();
    const input = { ms: isLong ? this.#options.longMs ?? LONG_MS : SHORT_MS };
    while (!this.#hasGivenUp && performance.now() - startMs < REPEAT_MS) {
      try {
        await this.#client.submit(beat, input, { id });
        this.acked.push(id);
        this.#ackMsMax = Math.max(this.#ackMsMax, performance.now() - startMs);
        return;
      } catch (error) {
        const isOpen = error instanceof NoQuorumError || error instanceof UnknownOutcomeError ||
          error instanceof StoppedError;
        const name = error instanceof Error ? error.name : String(error);
        this.repeated.set(name, (this.repeated.get(name) ?? 0) + 1);
        if (!isOpen) this.failed.push(`${id}: ${error}`);
        await delay(100);
      }
    }
    this.failed.push(`${id}: not acknowledged in ${seconds(REPEAT_MS)}`);
  }
}

/** The states that the cluster knows, by id. */
export async function statesIn(cluster: Cluster): Promise<Map<string, string>> {
  await using client = await connectClient(await cluster.reach());
  const states = new Map<string, string>();
  for await (const { id, state } of client.list()) states.set(id, state);
  return states;
}

/** The same of some ids, where not every partition may answer. */
async function statesOf(cluster: Cluster, ids: readonly string[]): Promise<Map<string, string>> {
  await using client = await connectClient(await cluster.reach());
  const infos = await Promise.all(ids.map((id) => client.get(id)));
  return new Map(infos.flatMap((info) => info ? [[info.id, info.state]] : []));
}

/**
 * Waits for the end of what was acknowledged, then compares it with what ran and with what was recorded.
 * `dumb`: partitions that answer no more; the ids are of others.
 */
export async function reckon(
  report: Report,
  cluster: Cluster,
  directory: string,
  ids: readonly string[],
  dumb: ReadonlySet<number> = new Set(),
): Promise<void> {
  let open: string[] = [];
  await eventually(
    async () => {
      const states = await (dumb.size === 0 ? statesIn(cluster) : statesOf(cluster, ids));
      open = ids.filter((id) => states.get(id) !== "completed");
      return open.length === 0;
    },
    60_000,
    500,
  );
  report.check(`all ${ids.length} acknowledged submits are completed`, open.length === 0, some(open));
  const { overlapped, lost, restarted } = tally(ids, readAttempts(directory));
  report.check("every task came to its end", lost.length === 0, some(lost));
  report.check("no task was ever live twice at once", overlapped.length === 0, some(overlapped));
  const doneCount = new Map<string, number>();
  for (const { event, task } of cluster.peers.flatMap((peer) => peer.events)) {
    if (event === "task:done" && task !== undefined) doneCount.set(task, (doneCount.get(task) ?? 0) + 1);
  }
  const twice = ids.filter((id) => (doneCount.get(id) ?? 0) > 1);
  const never = ids.filter((id) => !doneCount.has(id));
  report.check("no task was recorded as done twice", twice.length === 0, some(twice));
  report.say(`${restarted} tasks were started again; of ${never.length} no living peer said "task:done"`);
}

export function some(ids: readonly string[]): string {
  if (ids.length === 0) return "";
  const rest = ids.length > 8 ? ` and ${ids.length - 8} more` : "";
  return `${ids.slice(0, 8).join(" ")}${rest}`;
}
