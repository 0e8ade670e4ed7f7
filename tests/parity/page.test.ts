/** docs/parity.md names, for each row, a test that is there. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { DEFECTS } from "./defect-list.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Rows of the tables: what, the names of tests, their files. */
function rows(): string[][] {
  const page = readFileSync(`${ROOT}docs/parity.md`, "utf8");
  return page.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| what |"))
    .map((line) => line.slice(2, -2).split(" | "));
}

/** The words of a test's name, wherever a template puts something in between. */
function hasTest(file: string, name: string): boolean {
  const source = readFileSync(`${ROOT}${file}`, "utf8").replaceAll('\\"', '"');
  return source.includes(name);
}

test("every row of the parity page names a test that is there, and no row is empty", () => {
  const missing: string[] = [];
  for (const [what = "", names = "", files = ""] of rows()) {
    const paths = files.split(" · ").map((path) => path.replaceAll("`", ""));
    names.split(" · ").forEach((name, at) => {
      if (name === "" || !hasTest(paths[at] ?? paths[0]!, name)) missing.push(`${what}: ${name}`);
    });
  }
  expect(missing).toEqual([]);
  expect(rows().length).toBeGreaterThan(70);
});

test("each of the eighteen defects can be put back, and is tried by a test that is there", () => {
  expect(DEFECTS.map(({ no }) => no)).toEqual(Array.from({ length: 18 }, (_, at) => at + 1));
  for (const { edits, test, name } of DEFECTS) {
    expect(hasTest(test, name)).toBe(true);
    for (const { file, find } of edits) {
      expect({ file, count: readFileSync(`${ROOT}${file}`, "utf8").split(find).length - 1 }).toEqual({
        file,
        count: 1,
      });
    }
  }
});
