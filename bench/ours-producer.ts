/** What the producing node of our side does: hands in work and waits for its end. */
import type { Client, TaskHandle } from "../mod.ts";
import { nowMs, sleep } from "./clock.ts";
import { type Latency, latencyOf } from "./latency.ts";
import { inParallel, PAYLOAD } from "./load.ts";
import { held, noop, stamp } from "./tasks.ts";

const HOLD_BULK = 1000;
/** Paced submits go in so often. */
const PACE_MS = 20;
const MINUTE_MS = 60_000;

async function ended(handle: TaskHandle<unknown>): Promise<void> {
  const { state } = await handle.done();
  if (state !== "completed") throw new Error(`Cannot measure: task ${handle.id} ${state}`);
}

export interface Amount {
  readonly count: number;
  readonly bulk: number;
  readonly inFlightMax: number;
}

/** Submits until every outcome is seen; in ms. */
export async function produce(client: Client, { count, bulk, inFlightMax }: Amount): Promise<number> {
  const startedMs = performance.now();
  if (bulk === 1) await oneByOne(client, count, inFlightMax);
  else await inBulks(client, { count, bulk, inFlightMax });
  return performance.now() - startedMs;
}

async function oneByOne(client: Client, count: number, unansweredMax: number): Promise<void> {
  let left = count;
  const all = Promise.withResolvers<void>();
  const over = (): void => {
    if (--left === 0) all.resolve();
  };
  await inParallel(count, unansweredMax, async () => {
    ended(await client.submit(noop, PAYLOAD)).then(over, all.reject);
  });
  if (left > 0) await all.promise;
}

async function inBulks(client: Client, { count, bulk, inFlightMax }: Amount): Promise<void> {
  let inFlight = 0;
  let room = Promise.withResolvers<void>();
  const submit = async (size: number): Promise<void> => {
    const inputs = Array.from({ length: size }, () => ({ input: PAYLOAD }));
    const handles = await client.submitMany(noop, inputs);
    await Promise.all(handles.map(async (handle) => {
      await ended(handle);
      inFlight--;
      room.resolve();
    }));
  };
  const bulks: Promise<void>[] = [];
  for (let left = count; left > 0; left -= bulk) {
    const size = Math.min(bulk, left);
    while (inFlight + size > inFlightMax) {
      room = Promise.withResolvers();
      await room.promise;
    }
    inFlight += size;
    bulks.push(submit(size));
  }
  await Promise.all(bulks);
}

/** One at a time: until it is recorded, until its handler runs, and until its end is seen. */
export interface Singles {
  readonly recorded: Latency;
  readonly started: Latency;
  readonly done: Latency;
}

export async function single(client: Client, count: number): Promise<Singles> {
  const [recorded, started, done]: [number[], number[], number[]] = [[], [], []];
  for (let at = 0; at < count; at++) {
    const beginMs = nowMs();
    const handle = await client.submit(stamp, PAYLOAD);
    recorded.push(nowMs() - beginMs);
    const outcome = await handle.done();
    done.push(nowMs() - beginMs);
    if (outcome.state !== "completed") throw new Error(`Cannot measure: a task ${outcome.state}`);
    started.push(outcome.result - beginMs);
    // idle again: what the last one left to do is not the next one's delay
    await sleep(5);
  }
  return { recorded: latencyOf(recorded), started: latencyOf(started), done: latencyOf(done) };
}

/** Submits tasks that do not end; in ms until all are recorded. */
export async function hold(client: Client, { count }: { readonly count: number }): Promise<number> {
  const startedMs = performance.now();
  for (let left = count; left > 0; left -= HOLD_BULK) {
    await client.submitMany(held, Array.from({ length: Math.min(HOLD_BULK, left) }, () => ({ input: null })));
  }
  return performance.now() - startedMs;
}

/** One minute of a paced run: submit to end seen, and what had not ended when it was over. */
export interface PacedMinute {
  readonly endedCount: number;
  readonly done: Latency;
  readonly inFlightCount: number;
}

/** Submits at that rate for so long. */
export async function pace(
  client: Client,
  { ratePerS, seconds }: { readonly ratePerS: number; readonly seconds: number },
): Promise<readonly PacedMinute[]> {
  const minutes: PacedMinute[] = [];
  const open = new Set<Promise<void>>();
  let inFlightCount = 0;
  let times: number[] = [];
  const submit = async (size: number): Promise<void> => {
    const beginMs = performance.now();
    inFlightCount += size;
    const handles = await client.submitMany(noop, Array.from({ length: size }, () => ({ input: PAYLOAD })));
    await Promise.all(handles.map(async (handle) => {
      await ended(handle);
      inFlightCount--;
      times.push(performance.now() - beginMs);
    }));
  };
  const startedMs = performance.now();
  let submittedCount = 0;
  let minuteEndMs = MINUTE_MS;
  for (let atMs = 0; atMs < seconds * 1000; atMs = performance.now() - startedMs) {
    const size = Math.floor(ratePerS * atMs / 1000) - submittedCount;
    submittedCount += size;
    if (size > 0) {
      const submitted: Promise<void> = submit(size).finally(() => open.delete(submitted));
      open.add(submitted);
    }
    await sleep(PACE_MS);
    if (performance.now() - startedMs < minuteEndMs) continue;
    minuteEndMs += MINUTE_MS;
    minutes.push({ endedCount: times.length, done: latencyOf(times), inFlightCount });
    times = [];
  }
  await Promise.all(open);
  return minutes;
}
