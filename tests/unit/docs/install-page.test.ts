/**
 * docs/install.md has the ways of tests/support/ways.ts, each with its files and table: `UPDATE=1` writes the
 * tables.
 */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tableOf, WAYS } from "../../support/ways.ts";

const PAGE = join(import.meta.dirname, "../../../docs/install.md");
const TABLE = /^\| on \| command \| outcome \|\n(?:\|.*(?:\n|$))+/m;

/** The page in parts, each from one heading of a way to the next. */
function partsOf(page: string): readonly string[] {
  return page.split(/^(?=##+ )/m);
}

function partOf(title: string): string {
  return partsOf(readFileSync(PAGE, "utf8")).find((part) => part.startsWith(`### ${title}\n`)) ?? "";
}

if (process.env["UPDATE"] === "1") {
  const parts = partsOf(readFileSync(PAGE, "utf8")).map((part) => {
    const way = WAYS.find(({ title }) => part.startsWith(`### ${title}\n`));
    return way ? part.replace(TABLE, () => `${tableOf(way)}\n`) : part;
  });
  writeFileSync(PAGE, parts.join(""));
}

test.each(WAYS.map((way) => [way.title, way] as const))("%p: the page has its table and files", (_, way) => {
  const part = partOf(way.title);
  expect(TABLE.exec(part)?.[0].trimEnd()).toBe(tableOf(way));
  const page = readFileSync(PAGE, "utf8");
  for (const text of Object.values(way.files ?? {})) {
    expect(page).toContain(`\`\`\`json\n${text}\n\`\`\``);
  }
  for (const command of way.setUp ?? []) {
    if (command.includes(".tgz") || command === "bun install") expect(page).toContain(`\`${command}\``);
  }
});

test("the page has no table of a way that is not tried", () => {
  const parts = partsOf(readFileSync(PAGE, "utf8")).filter((part) => TABLE.test(part));
  expect(parts.map((part) => /^### (.*)$/m.exec(part)?.[1])).toEqual(WAYS.map(({ title }) => title));
});

test("no two lines of a table are for the same command on the same runtime", () => {
  const keys = WAYS.flatMap(({ title, cells }) =>
    cells.map(({ on, command }) => `${title} ${on} ${command}`)
  );
  expect(new Set(keys).size).toBe(keys.length);
});
