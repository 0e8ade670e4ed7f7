/** A balancer of your own in a simulated cluster: docs/balancing.md. Run it with `bun test`. */
import { expect, test } from "bun:test";
import { defineTask } from "../../mod.ts";
import { simulate } from "../../src/testing/kit.ts";
import { atMost } from "./at-most.ts";

const render = defineTask<null>({ name: "render" });

test("no node renders more than two at a time, and all is rendered", async () => {
  await using cluster = simulate({ options: () => ({ balancer: atMost(2, "render") }) });
  const running = [0, 0, 0];
  let most = 0;
  for (const [no, node] of cluster.nodes.entries()) {
    node.handle(render, async (_task, ctx) => {
      most = Math.max(most, ++running[no]!);
      await cluster.delay(1000, ctx.signal);
      running[no]!--;
    });
  }
  const handles = await Promise.all(
    Array.from({ length: 9 }, (_, n) => cluster.submit(render, null, { id: `r${n}` })),
  );
  await cluster.until(Promise.all(handles.map((handle) => handle.done())));
  expect(most).toBe(2);
});
