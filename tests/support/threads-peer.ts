/** A node with a handler in a thread that never lets go: prints the id of the process that it runs in. */
import { createNode, defineTask } from "../../mod.ts";
import type { Instruction } from "./thread-handler.ts";

const instructed = defineTask<Instruction, { readonly thread: string }>({ name: "instructed" });
const node = await createNode({ coordinator: "embedded", partitions: 1, leaseTtlMs: 1000 });
const module = new URL("./thread-handler.ts", import.meta.url);
node.handle(instructed, module, { isolation: "thread" });
// the thread is taken again for the second
const outcome = await (await node.client.submit(instructed, { how: "thread" })).done();
node.addEventListener("task:start", () => {
  const thread = outcome.state === "completed" ? outcome.result?.thread : "";
  console.log(`spins in ${thread?.split(" ")[0]}`);
});
await node.client.submit(instructed, { how: "spin" });
