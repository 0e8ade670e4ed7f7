/**
 * A program that is bundled, with all that starts a thread: a store in `state`, a handler in a thread, and a
 * client beside the node. Prints a line of JSON for each task, and "stopped". It waits in a function: a
 * CommonJS bundle has no top-level await.
 */
import { connectClient, createNode, defineTask, sqliteStore } from "../../mod.ts";

const namespace = `bundled-${process.pid}`;
const greet = defineTask<string, string>({ name: "greet" });
const factoring = defineTask<bigint, bigint>({ name: "factoring" });

/** What a bundler makes of this module says where it is; as CommonJS it does not know. */
const factor = (import.meta.url as string | undefined) === undefined
  ? "factor.js"
  : new URL("./factor.ts", import.meta.url);

async function main(): Promise<void> {
  const node = await createNode({ namespace, mdns: false, store: sqliteStore("state") });
  node.handle(greet, (task) => `hello ${task.input}`);
  node.handle(factoring, factor, { isolation: "thread" });
  await node.ready();
  console.log("node", JSON.stringify(await (await node.client.submit(greet, "node")).done()));
  const factored = await (await node.client.submit(factoring, 91n)).done();
  console.log("thread", factored.state === "completed" ? String(factored.result) : factored.state);
  const client = await connectClient({ namespace, join: node.addresses, mdns: false });
  console.log("client", JSON.stringify(await (await client.submit(greet, "client")).done()));
  await client[Symbol.asyncDispose]();
  await node.stop();
  console.log("stopped");
}

main().then(() => process.exit(), (error: Error) => {
  console.log(`failed: ${error.message}`);
  process.exit(1);
});
