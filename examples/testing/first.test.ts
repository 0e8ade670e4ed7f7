/** The first simulated test; docs/testing.md begins with it. */
import { expect, test } from "bun:test";
import { defineTask } from "../../mod.ts";
import { simulate } from "../../src/testing/kit.ts";

const greet = defineTask<{ name: string }, string>({ name: "greet" });

test("whoever is to be greeted is greeted, even if a node crashes over it", async () => {
  await using cluster = simulate({ nodes: 3, seed: 1 });
  cluster.handle(greet, async (task, ctx) => {
    await cluster.delay(30_000, ctx.signal);
    return `hello ${task.input.name}`;
  });
  const handle = await cluster.submit(greet, { name: "ann" }, { id: "greet-ann" });
  await cluster.advance(10_000);
  cluster.crash(cluster.runs("greet-ann")[0]!.node);
  expect(await cluster.until(handle.done())).toEqual({ state: "completed", result: "hello ann" });
  expect(cluster.runs("greet-ann").map(({ end }) => end)).toEqual(["crashed", "returned"]);
});
