/**
 * Show: all tasks that failed are retried by two clients at once, through two members. Each is retried once.
 * --tasks 2000.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Client, connectClient } from "../../mod.ts";
import { optionOf } from "../sim/options.ts";
import { Cluster } from "../support/cluster.ts";
import { eventually, runShow, seconds } from "../support/drill.ts";
import { flaky, switchIn } from "../support/list-handlers.ts";

const TASK_COUNT = Number(optionOf("tasks", "2000"));
const CALL_MS = 120_000;
const PATIENCE_MS = 600_000;

/** How often each task has started since the switch is on, and under which attempt. */
function startsIn(directory: string): ReadonlyMap<string, readonly string[]> {
  const starts = new Map<string, string[]>();
  for (const name of readdirSync(directory).filter((each) => each.endsWith(".starts"))) {
    for (const line of readFileSync(join(directory, name), "utf8").split("\n")) {
      const [id = "", attempt = "", state = ""] = line.split(" ");
      if (state === "on") starts.set(id, [...starts.get(id) ?? [], attempt]);
    }
  }
  return starts;
}

async function countOf(client: Client, state: "failed" | "completed"): Promise<number> {
  let count = 0;
  for await (const _ of client.list({ name: "flaky", states: [state] })) count++;
  return count;
}

await runShow(`${TASK_COUNT} failed tasks, retried by two clients at once`, async (report, directory) => {
  await using cluster = await Cluster.start({
    namespace: `show-retry-${process.pid}`,
    runtimes: ["node", "bun", "deno"],
    args: [
      ...["--handlers", join(import.meta.dirname, "../support/list-handlers.ts")],
      ...["--capacity", "1000", "--lease-ttl", "20s"],
    ],
    env: { STOLOS_BEATS: directory },
  });
  const addresses = await Promise.all(cluster.peers.map((peer) => peer.addresses()));
  const connect = (at: number): Promise<Client & AsyncDisposable> =>
    connectClient({
      namespace: cluster.namespace,
      join: [...addresses[at]!],
      mdns: false,
      timeoutMs: CALL_MS,
    });
  await using one = await connect(0);
  await using other = await connect(1);
  const items = Array.from({ length: TASK_COUNT }, (_, at) => ({ id: `f${at}`, input: null }));
  await one.submitMany(flaky, items, { attempts: 1, timeoutMs: CALL_MS });
  const haveFailed = async (): Promise<boolean> => await countOf(one, "failed") === TASK_COUNT;
  report.check("all have failed", await eventually(haveFailed, PATIENCE_MS, 500));
  writeFileSync(switchIn(directory), "");

  const startMs = performance.now();
  const [mine, theirs] = await Promise.all([one, other].map((client) => client.retryAll({ name: "flaky" })));
  report.say(`two clients at once: ${seconds(performance.now() - startMs)}`);
  const [a, b] = [mine!, theirs!];
  report.check(
    "what the one did not retry the other did",
    a.done + b.done === TASK_COUNT,
    `${a.done} and ${b.done} retried, ${a.skipped} and ${b.skipped} skipped`,
  );
  const haveCompleted = async (): Promise<boolean> => await countOf(other, "completed") === TASK_COUNT;
  report.check("all complete", await eventually(haveCompleted, PATIENCE_MS, 500));
  const starts = startsIn(directory);
  const wrong = [...starts].filter(([, attempts]) => attempts.join() !== "1");
  report.check(
    "each has started once since then, as its first attempt",
    starts.size === TASK_COUNT && wrong.length === 0,
    `${starts.size} have started, ${wrong.length} of them not like that`,
  );
  const again = await one.retryAll({ name: "flaky" });
  report.check("there is nothing left to retry", again.done === 0, `${again.done}`);
});
