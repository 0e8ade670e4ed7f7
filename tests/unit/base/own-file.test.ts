/** Where the files are that are started and not imported. In a bundle: tests/e2e/bundle.test.ts. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { isSingleBinary, ownFile, threadsFile } from "../../../src/base/own-file.ts";

test.each(["src/stolos-threads.ts", "src/cli/exec/leash.ts"])("%s is a file of ours", (path) => {
  expect(existsSync(ownFile(path)!)).toBe(true);
});

test("as sources, threads are started with the source, and the runtime with a file", () => {
  expect(threadsFile().href).toBe(new URL("../../../src/stolos-threads.ts", import.meta.url).href);
  expect(isSingleBinary()).toBe(false);
});
