/** Where a project gets this software from. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { originOf } from "../../../../src/cli/project/origin.ts";

const ROOT = join(import.meta.dirname, "../../../..");

test("a checkout is named as the project sees it", () => {
  expect(originOf(join(ROOT, "../my-tasks"))).toEqual({
    type: "checkout",
    path: `../${ROOT.split("/").at(-1)}`,
  });
});

test.each([
  "file:///app/node_modules/stolos/dist/src/cli/project/origin.js",
  "file:///$bunfs/root/src/cli/project/origin.ts",
  pathToFileURL(join(ROOT, "dist/src/cli/project/origin.js")).href,
  "https://jsr.example/@stolos/stolos/0.1.0/src/cli/project/origin.ts",
])("of %p it comes from a registry", (url) => {
  expect(originOf("/projects/my-tasks", url)).toEqual({ type: "registry" });
});
