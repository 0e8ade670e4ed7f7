/** `deno publish` with its check of types. Without it, among what is packed: tests/e2e/packed.test.ts. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "../..");

test("deno publish has no complaint, of types either", () => {
  const args = ["publish", "--dry-run", "--allow-dirty", "--quiet"];
  const { status, stderr } = spawnSync("deno", args, { cwd: ROOT, encoding: "utf8" });
  expect([status, status === 0 ? "" : stderr]).toEqual([0, ""]);
});
