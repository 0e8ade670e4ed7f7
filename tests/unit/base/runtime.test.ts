/** Which runtimes are refused, and in which words. */
import { expect, test } from "bun:test";
import { runtimeRefusal } from "../../../src/base/runtime.ts";

test("a runtime is refused below the lowest version on which everything works", () => {
  expect(runtimeRefusal({ node: "20.11.0" })).toBe("stolos needs Node 24 or newer; this is Node 20.11.0");
  expect(runtimeRefusal({ node: "24.3.0", bun: "1.3.14" }))
    .toBe("stolos needs Bun 1.4 or newer; this is Bun 1.3.14");
  expect(runtimeRefusal({ node: "24.2.0", deno: "2.7.14" }))
    .toBe("stolos needs Deno 2.8 or newer; this is Deno 2.7.14");
});

test("a runtime is judged by its own version, not by that of the Node which it is like", () => {
  const good = [{ node: "24.0.0" }, { node: "22.9.0", deno: "2.8.0" }, { node: "22.9.0", bun: "1.4.0" }];
  expect([...good, { deno: "3.0.1" }].map(runtimeRefusal)).toEqual([null, null, null, null]);
});
