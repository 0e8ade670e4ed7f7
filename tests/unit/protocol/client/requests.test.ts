/** What a node says of the requests that it sends again. */
import { expect, test } from "bun:test";
import { EngineBench } from "../../../support/engine-bench.ts";

test("the age of a submit that is sent again counts the time for which its machine was suspended", () => {
  const bench = new EngineBench([{ name: "a" }, { name: "b" }, { name: "c" }], 16);
  const agesMs = (): number[] =>
    bench.sent.flatMap((message) => message.type === "submit" ? message.items.map(({ ageMs }) => ageMs) : []);
  bench.loses = (message) => message.type === "submit";
  for (let no = 0; no < 16; no++) bench.submit(`t${no}`);
  bench.run(10);
  expect(new Set(agesMs())).toEqual(new Set([0]));
  bench.sent.length = 0;
  bench.sleptMs.set("a", 3_600_000);
  bench.run(2000);
  expect(agesMs().length).toBeGreaterThan(0);
  expect(Math.min(...agesMs())).toBeGreaterThanOrEqual(3_600_000);
});
