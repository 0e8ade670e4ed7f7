/** One node of the measured cluster, told what to do over IPC. Nothing here but the library. */
import { createNode, defineTask, sqliteStore } from "../mod.ts";
import { ownCpuUs } from "./cpu.ts";
import { type Latency, latencyOf } from "./latency.ts";
import { startProfile } from "./profiler.ts";

interface Question {
  readonly type: "produce" | "single" | "cpu" | "profile" | "profiled" | "stop";
  readonly count: number;
  readonly bulk: number;
  readonly inFlightMax: number;
  readonly file: string;
}

const PROFILE_SETTLE_MS = 2000;
const noop = defineTask<string, null>({ name: "noop" });
const [namespace = "bench", join = "", data = ""] = process.argv.slice(2);
process.on("disconnect", () => process.exit(1));
const node = await createNode({
  namespace,
  listen: ["/ip4/127.0.0.1/tcp/0"],
  join: join === "" ? [] : [join],
  mdns: false,
  expect: 3,
  capacity: 100,
  coordinator: "mesh",
  ...(data === "" ? {} : { store: sqliteStore(data) }),
});
node.handle(noop, () => null);
let endProfile: ((file: string) => Promise<void>) | null = null;

async function answer(question: Question): Promise<void> {
  switch (question.type) {
    case "produce":
      return reply({ type: "produced", tookMs: await produce(question) });
    case "single":
      return reply({ type: "singled", ...await single(question.count) });
    case "cpu":
      return reply({ type: "cpu", cpuUs: ownCpuUs() });
    case "profile":
      endProfile = await startProfile();
      // it holds up the loop when it starts, for up to a second
      await new Promise((resolve) => setTimeout(resolve, PROFILE_SETTLE_MS));
      return reply({ type: "profiling" });
    case "profiled":
      await endProfile?.(question.file);
      return reply({ type: "written" });
    case "stop":
      await node.stop({ now: true });
      process.exit(0);
  }
}

/** Submits in bulks, at most `inFlightMax` tasks without an outcome, until every outcome is seen; in ms. */
async function produce({ count, bulk, inFlightMax }: Question): Promise<number> {
  const payload = "x".repeat(100);
  let inFlight = 0;
  let room = Promise.withResolvers<void>();
  const submit = async (size: number): Promise<void> => {
    const handles = await node.client.submitMany(
      noop,
      Array.from({ length: size }, () => ({ input: payload })),
    );
    await Promise.all(handles.map(async (handle) => {
      const { state } = await handle.done();
      if (state !== "completed") throw new Error(`Cannot measure: task ${handle.id} ${state}`);
      inFlight--;
      room.resolve();
    }));
  };
  const startedMs = performance.now();
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
  return performance.now() - startedMs;
}

/** One at a time: how long until it is recorded, and until its end is seen. */
async function single(count: number): Promise<{ readonly recorded: Latency; readonly done: Latency }> {
  const payload = "x".repeat(100);
  const [recorded, done]: [number[], number[]] = [[], []];
  for (let at = 0; at < count; at++) {
    const startedMs = performance.now();
    const handle = await node.client.submit(noop, payload);
    recorded.push(performance.now() - startedMs);
    await handle.done();
    done.push(performance.now() - startedMs);
  }
  return { recorded: latencyOf(recorded), done: latencyOf(done) };
}

function reply(message: Readonly<Record<string, unknown>>): void {
  // without a parent there is nothing to measure for
  process.send!(message, (error: Error | null) => error && process.exit(1));
}

process.on("message", (question: Question) => void answer(question));
reply({ type: "listening", address: node.addresses[0] });
await node.ready();
reply({ type: "ready" });
