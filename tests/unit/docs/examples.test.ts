/**
 * The code in the pages: excerpts are in the example that they are from, word for word, and everything else
 * passes the type check. Whole programs are run by tests/e2e/packed.test.ts.
 */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { allBlocks, type Block } from "../../support/doc-blocks.ts";

const ROOT = join(import.meta.dirname, "../../..");
/** Pages whose code is that of examples. */
const EXCERPTS: Readonly<Record<string, string>> = {
  "docs/fencing.md": "examples/fence/*.ts",
  "docs/testing.md": "examples/testing/*.ts",
};

const sources = new Map(
  Object.values(EXCERPTS).map((pattern) => [
    pattern,
    globSync(pattern, { cwd: ROOT }).map((file) => readFileSync(join(ROOT, file), "utf8")),
  ]),
);

function isExcerpt({ page, code }: Block): boolean {
  const files = sources.get(EXCERPTS[page] ?? "") ?? [];
  return files.some((text) => text.includes(code.trim()));
}

test("all pages together have examples", () => {
  expect(allBlocks().length).toBeGreaterThan(15);
});

test("what is no excerpt passes the type check", () => {
  const base = join(ROOT, "node_modules/.cache");
  mkdirSync(base, { recursive: true });
  const directory = mkdtempSync(join(base, "docs-"));
  try {
    const blocks = allBlocks().filter((block) => !isExcerpt(block));
    blocks.forEach(({ page, line, code }) => {
      const name = `${page.replaceAll(/[/.]/g, "-")}-${line}.ts`;
      writeFileSync(join(directory, name), `${code}\nexport {};\n`);
    });
    const paths = {
      "stolos": [join(ROOT, "mod.ts")],
      "stolos/testing": [join(ROOT, "src/testing/kit.ts")],
      "stolos/threads": [join(ROOT, "src/stolos-threads.ts")],
    };
    const compilerOptions = { paths, declaration: false, isolatedDeclarations: false };
    writeFileSync(
      join(directory, "tsconfig.json"),
      JSON.stringify({
        extends: join(ROOT, "tsconfig.json"),
        compilerOptions,
        include: ["*.ts", join(ROOT, "tests/support/doc-fragments.ts")],
      }),
    );
    const { stdout } = spawnSync("tsc", ["-p", directory], { encoding: "utf8" });
    expect(stdout).toBe("");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
