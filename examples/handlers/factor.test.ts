/** A handler in a thread, as docs/handlers.md has it. Run it with `bun test`. */
import { expect, test } from "bun:test";
import { createNode, defineTask } from "../../mod.ts";

const factoring = defineTask<bigint, bigint>({ name: "factor" });
const PRIME = 1_000_003n;

test("a factor is found in a thread while the node does other things", async () => {
  await using node = await createNode({ coordinator: "embedded" });
  node.handle(factoring, new URL("./factor.ts", import.meta.url), {
    isolation: "thread",
    beatTimeoutMs: 30_000,
    graceMs: 1000,
  });
  const numbers = [91n, PRIME, PRIME * PRIME];
  const handles = await node.client.submitMany(factoring, numbers.map((input) => ({ input })));
  const outcomes = await Promise.all(handles.map((handle) => handle.done()));
  expect(outcomes).toEqual([7n, PRIME, PRIME].map((result) => ({ state: "completed", result })));
});
