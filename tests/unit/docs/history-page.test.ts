/** What keeps old bugs away, as docs/history.md says: broken protocols that are caught, and tests. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MUTANTS } from "../../sim/broken/index.ts";

const ROOT = join(import.meta.dirname, "../../..");
const page = readFileSync(join(ROOT, "docs/history.md"), "utf8");
const named = Array.from(page.matchAll(/`([a-z]+(?:-[a-z]+)+)`/g), (match) => match[1]!);

test("every broken protocol that the history names is there, and has a seed that catches it", () => {
  expect(named.length).toBeGreaterThan(20);
  const caught = MUTANTS.filter(({ seed }) => seed > 0).map(({ name }) => name);
  expect(named.filter((name) => !caught.includes(name))).toEqual([]);
});

test("every file that the history names is there", () => {
  const files = Array.from(page.matchAll(/`((?:tests|src)\/[\w./-]+\.ts)`/g), (match) => match[1]!);
  expect(files.length).toBeGreaterThan(5);
  expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});
