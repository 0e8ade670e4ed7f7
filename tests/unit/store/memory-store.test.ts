/** The store without a memory. */
import { expect, test } from "bun:test";
import { memoryStore } from "../../../src/store/memory-store.ts";

test("a memory store calls back before append returns", () => {
  let isDurable = false;
  memoryStore().append([], () => isDurable = true);
  expect(isDurable).toBe(true);
});

test("a memory store keeps nothing: every start is a new identity", async () => {
  const store = memoryStore();
  store.append([{ type: "founding", founding: "f", members: [] }], () => {});
  await store.close();
  expect({ records: store.load(), boot: store.boot }).toEqual({ records: [], boot: 1 });
});
