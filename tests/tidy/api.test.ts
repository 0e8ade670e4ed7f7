/** docs/api.md is what the code says. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { apiPage } from "./api.ts";

const PAGE = join(import.meta.dirname, "../../docs/api.md");

test("docs/api.md is up to date: UPDATE=1 makes it", () => {
  const page = apiPage();
  if (process.env["UPDATE"] === "1") writeFileSync(PAGE, page);
  expect(readFileSync(PAGE, "utf8")).toBe(page);
  // every name that mod.ts exports
  const names = readFileSync(join(import.meta.dirname, "../exports.txt"), "utf8").trim().split("\n");
  for (const name of names) expect(page).toContain(`### ${name}\n`);
});
