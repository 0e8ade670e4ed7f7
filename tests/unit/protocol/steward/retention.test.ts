/** Claims about for how long an id counts. */
import { expect, test } from "bun:test";
import { EngineBench } from "../../../support/engine-bench.ts";

/** One partition that remembers two finished tasks: "a" is forgotten 3 s after it was first sent. */
function forgetful(): EngineBench {
  const bench = new EngineBench([{ name: "n" }], 1, { finishedPerPartitionMax: 2 });
  for (const id of ["a", "b", "c"]) {
    bench.submit(id);
    bench.run(500);
    bench.settle(id);
    bench.run(500);
  }
  bench.answers.length = 0;
  return bench;
}

test("a repeat that was first sent before what is remembered is refused", () => {
  const bench = forgetful();
  bench.submit("a", null, "h", false, 3000);
  bench.run(500);
  expect(bench.answers).toEqual(["tooOld"]);
  expect(bench.whereIs("a")).toBe("");
});

test("what says that it is new is a new task, also right after something was forgotten", () => {
  const bench = forgetful();
  bench.submit("a");
  bench.submit("d");
  bench.run(500);
  expect(bench.answers).toEqual(["created", "created"]);
});

test("a repeat that is younger than what is remembered is recorded", () => {
  const bench = forgetful();
  bench.run(60_000);
  bench.submit("d", null, "h", false, 50_000);
  bench.run(500);
  expect(bench.answers).toEqual(["created"]);
});

test("an age that makes no sense is an old one, and changes nothing for others", () => {
  const bench = forgetful();
  bench.submit("d", null, "h", false, 1e300);
  bench.submit("e");
  bench.run(500);
  expect(bench.answers).toEqual(["tooOld", "created"]);
});
