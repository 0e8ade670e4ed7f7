/** One node of the benchmark's cluster, told what to do by its parent over IPC. Nothing here but the library. */
import { createNode, defineTask } from "../mod.ts";

const noop = defineTask<string, null>({ name: "noop" });
const [namespace = "bench", join = ""] = process.argv.slice(2);
const node = await createNode({
  namespace,
  listen: ["/ip4/127.0.0.1/tcp/0"],
  join: join === "" ? [] : [join],
  mdns: false,
  expect: 3,
  capacity: 100,
});
node.handle(noop, () => null);
process.send!({ type: "listening", address: node.addresses[0] });
await node.ready();
process.send!({ type: "ready" });

/** Submits in bulks, so many tasks in flight at the most, and waits for every outcome. */
async function produce(count: number, bulk: number, windowMax: number): Promise<number> {
  const payload = "x".repeat(100);
  const startedMs = performance.now();
  let left = count;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      const size = Math.min(bulk, left);
      left -= size;
      const inputs = Array.from({ length: size }, () => ({ input: payload }));
      const handles = await node.client.submitMany(noop, inputs);
      await Promise.all(handles.map((handle) => handle.done()));
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.floor(windowMax / bulk)) }, lane));
  return performance.now() - startedMs;
}

process.on("message", async (message: { type: string; count: number; bulk: number; windowMax: number }) => {
  if (message.type === "produce") {
    const tookMs = await produce(message.count, message.bulk, message.windowMax);
    process.send!({ type: "produced", tookMs });
  } else if (message.type === "cpu") {
    const { user, system } = process.cpuUsage();
    process.send!({ type: "cpu", cpuUs: user + system });
  } else if (message.type === "stop") {
    await node.stop({ now: true });
    process.exit(0);
  }
});
