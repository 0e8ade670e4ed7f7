/** Both stores pass the one suite. */
import { memoryStore } from "../../src/store/memory-store.ts";
import { DurableFixture } from "../support/store-fixture.ts";
import { storeConformance } from "./store.ts";

storeConformance("the memory store", () => ({
  next: memoryStore,
  crash: null,
  [Symbol.asyncDispose]: () => Promise.resolve(),
}));

storeConformance("the SQLite store", () => new DurableFixture());
