/**
 * A node of its own with handlers in threads, next to handlers in its loop: tries all that may happen to a
 * thread and prints one JSON line of what it saw.
 */
import { createNode, defineTask } from "../../mod.ts";
import type { AttemptInfo, LoopBlockedInfo, Outcome } from "../../mod.ts";
import type { Instruction } from "./thread-handler.ts";

const LEASE_TTL_MS = 1000;
const BEAT_TIMEOUT_MS = 700;
const module = new URL("./thread-handler.ts", import.meta.url);

const instructed = defineTask<Instruction, unknown>({ name: "instructed" });
const watched = defineTask<Instruction, unknown>({ name: "watched" });
const block = defineTask<null, number>({ name: "block" });
const tick = defineTask<null, string>({ name: "tick" });

const node = await createNode({ coordinator: "embedded", partitions: 4, leaseTtlMs: LEASE_TTL_MS });
node.handle(instructed, module, { isolation: "thread", graceMs: 200 });
node.handle(watched, module, { isolation: "thread", graceMs: 200, beatTimeoutMs: BEAT_TIMEOUT_MS });
node.handle(tick, (_task, ctx) => {
  const { promise, reject } = Promise.withResolvers<never>();
  ctx.signal.addEventListener("abort", () => reject(ctx.signal.reason), { once: true });
  return promise;
});
node.handle(block, (_task, ctx) => {
  const endMs = performance.now() + 2 * LEASE_TTL_MS;
  while (ctx.attempt === 1 && performance.now() < endMs);
  return ctx.attempt;
});
const events: (readonly [string, AttemptInfo])[] = [];
for (const type of ["task:start", "task:error", "task:lost", "task:released"] as const) {
  node.addEventListener(type, ({ detail }) => events.push([type, detail]));
}
await node.ready();

async function outcomeOf(how: string, value?: unknown): Promise<Outcome<unknown>> {
  const handle = await node.client.submit(instructed, { how, value }, { id: how, attempts: 1 });
  return await handle.done({ signal: AbortSignal.timeout(60_000) });
}

const ticks = ["a", "b", "c"];
for (const id of ticks) await node.client.submit(tick, null, { id });
const seen: Record<string, unknown> = {};
const value = { big: 5n, at: new Date(7), bytes: Uint8Array.of(1, 2) };
const echo = await outcomeOf("echo", value);
const { value: back } = (echo.state === "completed" ? echo.result : {}) as { value?: typeof value };
seen["echo"] = back && [String(back.big), back.at.getTime(), [...back.bytes]];
for (const how of ["throw", "uncaught", "exit", "renewals", "spin-until-renewed"]) {
  const outcome = await outcomeOf(how);
  seen[how] = outcome.state === "failed" ? outcome.error : outcome.state;
}
// a loop without end, twice as long as a lease: first until it is missed, then until it is asked to stop
const stuck = await node.client.submit(watched, { how: "spin" }, { id: "stuck", attempts: 1 });
const outcome = await stuck.done({ signal: AbortSignal.timeout(60_000) });
seen["stuck"] = outcome.state === "failed" ? outcome.error : outcome.state;
const isRunning = new Promise<void>((resolve) =>
  node.addEventListener("task:start", ({ detail }) => detail.task === "spin" && resolve())
);
await node.client.submit(instructed, { how: "spin" }, { id: "spin" });
await isRunning;
await new Promise((resolve) => setTimeout(resolve, 2 * LEASE_TTL_MS));
seen["lost"] = events.filter(([type]) => type === "task:lost").map(([, { task }]) => task);
seen["state"] = node.state;
seen["ticks"] = await Promise.all(ticks.map(async (id) => {
  const info = await node.client.get(id);
  return [info?.state, info?.attempt];
}));
// the same in the loop costs the node its leases
const blocked = Promise.withResolvers<LoopBlockedInfo>();
node.addEventListener("loop:blocked", ({ detail }) => {
  if (detail.blockedMs > LEASE_TTL_MS) blocked.resolve(detail);
});
// whether what it returned still counted is not the same each time: nobody else was there to take it over
await (await node.client.submit(block, null, { id: "block" })).done({ signal: AbortSignal.timeout(60_000) });
const { tasks } = await blocked.promise;
seen["blocked"] = [tasks[0], tasks.slice(1).sort()];
const lost = new Set(events.flatMap(([type, { task }]) => type === "task:lost" ? [task] : []));
seen["lapsed"] = ticks.filter((id) => lost.has(id));
// whoever lost its lease has the margin to stop before it begins again
const isRunningAgain = (id: string): boolean =>
  events.findLast(([, { task }]) => task === id)?.[0] === "task:start";
while (![...ticks, "spin"].every(isRunningAgain)) await new Promise((resolve) => setTimeout(resolve, 10));
await node.drain();
seen["released"] = events.filter(([type]) => type === "task:released").map(([, { task }]) => task).sort();
await node.stop();
console.log(JSON.stringify(seen));
process.exit(0);
