/**
 * Show: a handler that never lets go, on a peer of each runtime in turn. In a thread it costs the other tasks
 * of its peer nothing; in the peer's loop it costs that peer all its leases, and an event says so.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { PeerEvent } from "../../examples/demo/peer-process.ts";
import { readAttempts, tally } from "../../examples/demo/tally.ts";
import { connectClient } from "../../mod.ts";
import type { Client } from "../../mod.ts";
import { lasting } from "../support/beat-handlers.ts";
import { blockOn, SPIN_BEAT_MS, spinOn } from "../support/blocking-handlers.ts";
import { Cluster } from "../support/cluster.ts";
import { eventually, runShow, seconds } from "../support/drill.ts";
import type { Report } from "../support/drill.ts";

const LEASE_MS = 2000;
const BLOCK_MS = 2.5 * LEASE_MS;
const TASK_COUNT = 30;
const RUNTIMES = ["node", "bun", "deno"] as const;

type Said = PeerEvent & { readonly blockedMs?: number; readonly tasks?: readonly string[] };
/** What all peers said, with who said it. */
const events: { readonly peer: number; readonly event: Said }[] = [];

await runShow("a handler that never lets go, in a thread and in the loop", async (report, directory) => {
  await using cluster = await Cluster.start({
    namespace: `show-blocked-${process.pid}`,
    runtimes: RUNTIMES,
    args: [
      ...["--handlers", join(import.meta.dirname, "../support/blocking-handlers.ts")],
      ...["--lease-ttl", `${LEASE_MS}ms`],
    ],
    directory,
    env: { STOLOS_BEATS: directory },
    onEvent: (peer, event) => void events.push({ peer, event: { ...event } }),
  });
  await using client = await connectClient(await cluster.reach());
  const specs = Array.from({ length: TASK_COUNT }, (_, index) => ({ id: `lasting-${index}`, input: {} }));
  const ids = (await client.submitMany(lasting, specs)).map(({ id }) => id);
  await eventually(() => readAttempts(directory).length >= TASK_COUNT, 10_000);

  await inThreads(report, client);
  report.check("all peers are up", cluster.running.length === RUNTIMES.length);
  await inTheLoop(report, client);
  report.check("all peers are up", cluster.running.length === RUNTIMES.length);

  writeFileSync(join(directory, "finish"), "");
  await eventually(() => tally(ids, readAttempts(directory)).lost.length === 0, 30_000, 200);
  const { lost, overlapped } = tally(ids, readAttempts(directory));
  report.check("no task was lost", lost.length === 0, lost.join(" "));
  report.check("no task that obeys ran twice at once", overlapped.length === 0, overlapped.join(" "));
});

/** Beside what each peer runs, one after another. */
async function inThreads(report: Report, client: Client): Promise<void> {
  for (const [peer, runtime] of RUNTIMES.entries()) {
    const since = events.length;
    const held = heldBy(peer, since);
    report.say(`${runtime}: a loop without end in a thread, beside ${held.size} tasks`);
    const startMs = performance.now();
    const handle = await client.submit(spinOn(runtime), { how: "spin" }, { attempts: 1 });
    const outcome = await handle.done({ signal: AbortSignal.timeout(30_000) });
    const error = outcome.state === "failed" ? outcome.error : outcome.state;
    const took = seconds(performance.now() - startMs);
    report.check("it was ended", error === `no beat for ${SPIN_BEAT_MS} ms`, `${error}, after ${took}`);
    const lost = lostOf(peer, since);
    report.check(
      "no other task of the peer lost its lease",
      held.size > 0 && lost.size === 0,
      `${lost.size}`,
    );
  }
}

async function inTheLoop(report: Report, client: Client): Promise<void> {
  for (const [peer, runtime] of RUNTIMES.entries()) {
    const since = events.length;
    const held = heldBy(peer, since);
    report.say(`${runtime}: a handler blocks the loop for ${seconds(BLOCK_MS)}, beside ${held.size} tasks`);
    const handle = await client.submit(blockOn(runtime), { ms: BLOCK_MS });
    const outcome = await handle.done({ signal: AbortSignal.timeout(60_000) });
    const said = (): Said | undefined =>
      events.slice(since).find(({ peer: who, event: { event, blockedMs = 0 } }) =>
        who === peer && event === "loop:blocked" && blockedMs > LEASE_MS
      )?.event;
    const isTold = (): boolean => said() !== undefined && areAllIn(held, lostOf(peer, since));
    await eventually(isTold, 10_000);
    const { blockedMs, tasks = [] } = said() ?? {};
    report.check("loop:blocked says for how long", blockedMs !== undefined, `${blockedMs} ms`);
    report.check("and names the task", tasks[0] === handle.id, `first of ${tasks.length}`);
    const lost = lostOf(peer, since);
    report.check("all leases of the peer ended", held.size > 0 && areAllIn(held, lost), `${lost.size}`);
    const result = outcome.state === "completed" ? outcome.result : outcome.state;
    report.check("a later attempt completed the task", Number(result) > 1, `attempt ${result}`);
  }
}

function areAllIn(some: ReadonlySet<string>, all: ReadonlySet<string>): boolean {
  return [...some].every((each) => all.has(each));
}

/** Lasting tasks that the peer ran when so many events had come. */
function heldBy(peer: number, until: number): Set<string> {
  const held = new Set<string>();
  for (const { peer: who, event: { event, task = "" } } of events.slice(0, until)) {
    if (who !== peer || !task.startsWith("lasting-")) continue;
    if (event === "task:start") held.add(task);
    else if (/^task:(done|error|lost|released)$/.test(event)) held.delete(task);
  }
  return held;
}

/** Lasting tasks that the peer lost, or gave back because their leases ended soon, after so many events. */
function lostOf(peer: number, since: number): Set<string> {
  const ended = events.slice(since).filter(({ peer: who, event: { event, task } }) =>
    who === peer && task?.startsWith("lasting-") && /^task:(lost|released)$/.test(event)
  );
  return new Set(ended.map(({ event }) => event.task ?? ""));
}
