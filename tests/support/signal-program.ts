/**
 * A program with a node that handles signals, for library-signals.test.ts: runs one task that takes as many
 * milliseconds to end after its signal as the first argument says. With `own` as the second one it listens to
 * SIGTERM itself, and ends with exit code 7 half a second after the node has stopped.
 */
import { createNode, defineTask } from "../../mod.ts";

const [endsAfterMs, who] = process.argv.slice(2);
const slow = defineTask<null>({ name: "slow" });
const say = (text: string): void => console.log(text);

const node = await createNode({ handleSignals: true, drainTimeoutMs: 4000 });
for (const type of ["draining", "task:start", "task:released", "stopped"] as const) {
  node.addEventListener(type, () => say(type));
}
node.handle(slow, async (_task, ctx) => {
  await new Promise((resolve) => ctx.signal.addEventListener("abort", resolve, { once: true }));
  await new Promise((resolve) => setTimeout(resolve, Number(endsAfterMs)));
  throw ctx.signal.reason;
});
if (who === "own") {
  process.on("SIGTERM", () => say("heard"));
  node.addEventListener("stopped", () => setTimeout(() => process.exit(7), 500));
}
await node.ready({ timeoutMs: 60_000 });
await node.client.submit(slow, null);
