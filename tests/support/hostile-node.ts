/**
 * A node of its own whose program throws wherever it can: handlers, in the loop and in threads, and every
 * callback and listener. Prints one JSON line of what became of the tasks and of the errors. Nothing of it
 * may end the process, which has no handlers for what nobody caught.
 */
import { setTimeout as delay } from "node:timers/promises";
import { createNode, defineTask } from "../../mod.ts";
import type { Context, TaskDefinition } from "../../mod.ts";
import { HOSTILE } from "./hostile-handlers.ts";

const LEASE_TTL_MS = 1000;
const module = new URL("./hostile-handlers.ts", import.meta.url);
const callbacks = new URL("./hostile-callbacks.ts", import.meta.url);

const inLoop = defineTask<string, unknown>({ name: "in the loop" });
const inThread = defineTask<string, unknown>({ name: "in a thread" });
const calledInLoop = defineTask<string, unknown>({ name: "callbacks in the loop" });
const calledInThread = defineTask<string, unknown>({ name: "callbacks in a thread" });
const asked = defineTask<string, unknown>({ name: "asked" });
const checked = defineTask<string, unknown>({ name: "checked" });

const fail = (message: string) => (): never => {
  throw new Error(message);
};
const reject = (message: string) => (): Promise<never> => Promise.reject(new Error(message));

const node = await createNode({
  coordinator: "embedded",
  partitions: 4,
  leaseTtlMs: LEASE_TTL_MS,
  log: reject("log"),
  logLevel: "debug",
  balancer: { canClaim: ({ id }) => id !== "refused once" || refuse(), balance: fail("balance") },
});
let refusedCount = 0;
function refuse(): true {
  if (refusedCount++ > 0) return true;
  throw Object.assign(new Error("x"), { message: { claim: 1 } });
}

const errors: string[] = [];
node.addEventListener("error", ({ detail }) => {
  errors.push(`${detail.source}${detail.task === undefined ? "" : ` of ${detail.task}`}: ${detail.reason}`);
});
node.addEventListener("balancer:error", ({ detail }) => errors.push(`balancer: ${detail.call}`));
const once = { once: true };
node.addEventListener("task:start", fail("listener"), once);
node.addEventListener("task:done", reject("later"), once);
node.addEventListener("task:error", { handleEvent: fail("object") } as unknown as () => void, once);

node.handle(inLoop, ({ input }) => HOSTILE[input]?.run());
node.handle(inThread, module, { isolation: "thread" });
node.handle(calledInLoop, async (task, ctx: Context) => {
  const { default: run } = await import(callbacks.href) as typeof import("./hostile-callbacks.ts");
  return await run(task, ctx);
});
node.handle(calledInThread, callbacks, { isolation: "thread", graceMs: 500 });
node.handle(asked, fail("thrown"), {
  onError: ({ id }) => id === "asked: rejects" ? reject("policy")() as never : fail("policy")(),
});
node.handle(
  { ...checked, input: { "~standard": { version: 1, vendor: "test", validate: fail("validate") } } },
  () => 1,
);
await node.ready();

const seen: Record<string, unknown> = {};
const stacks: string[] = [];
const idOf = (how: string, { name }: { readonly name: string }): string => `${how}, ${name}`;

/** Runs it once: its state and its only error, which has a stack where an Error was thrown. */
async function runOnce(
  definition: TaskDefinition<string, unknown>,
  how: string,
  id = idOf(how, definition),
): Promise<void> {
  const handle = await node.client.submit(definition, how, { id, attempts: 1 });
  if (how.includes("abort")) {
    while ((await node.client.get(id))?.progress !== "listens") await delay(10);
    await node.client.command(id, { type: "kill" });
  }
  await handle.done({ signal: AbortSignal.timeout(60_000) });
  const info = await node.client.get(id);
  const [error, ...others] = info?.errors ?? [];
  seen[id] = [info?.state, error?.message ?? null, error?.cause ?? null, others.length];
  if (error?.stack) stacks.push(error.stack);
}

for (const definition of [inLoop, inThread]) {
  for (const how of Object.keys(HOSTILE)) await runOnce(definition, how);
}
const CALLBACKS = [
  "onDeadline",
  "onDeadline rejects",
  "checkpoint",
  "onHandOff",
  "abort",
  "abort rejects",
  "onabort",
];
for (const definition of [calledInLoop, calledInThread]) {
  for (const how of CALLBACKS) await runOnce(definition, how);
}
await runOnce(calledInThread, "floating", "floating");
await runOnce(asked, "", "asked: throws");
await runOnce(asked, "", "asked: rejects");
await runOnce(checked, "", "checked");
await runOnce(inLoop, "then calls back and throws", "refused once");
node.balance();
seen["state"] = node.state;
seen["stacks"] = [
  stacks.length > 20,
  stacks.every((stack) => stack.length <= 4096),
  stacks.some((stack) => stack.includes("hostile-handlers")),
];
await node.stop();
seen["errors"] = errors.sort();
console.log(JSON.stringify(seen));
process.exit(0);
