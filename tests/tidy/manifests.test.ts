/** The rules about manifests, exports and dependencies find each difference. */
import { expect, test } from "bun:test";
import {
  dependencyViolations,
  exportNamesOf,
  type Manifest,
  manifestViolations,
  publicModuleViolations,
} from "./manifests.ts";
import { parse, report, type Source } from "./source.ts";

const NPM: Manifest = {
  name: "stolos",
  version: "1.2.3",
  license: "Apache-2.0",
  exports: {
    ".": { types: "./dist/mod.d.ts", default: "./dist/mod.js" },
    "./package.json": "./package.json",
  },
  dependencies: { used: "^1.0.0" },
  devDependencies: { tool: "^1.0.0" },
};
const DENO: Manifest = {
  ...NPM,
  name: "@stolos/stolos",
  exports: { ".": "./mod.ts" },
  imports: { used: "npm:used@^1.0.0" },
};

async function one(path: string, text: string): Promise<Source> {
  return (await parse({ [path]: text }))[0]!;
}

test("manifests that agree pass, with and without a scope", () => {
  expect(manifestViolations(NPM, DENO)).toEqual([]);
  expect(manifestViolations(NPM, { ...DENO, name: "stolos" })).toEqual([]);
});

test("an alias of package.json is the same package for Deno", () => {
  const alias = { used: "npm:its-name@^2.0.0" };
  expect(manifestViolations({ ...NPM, dependencies: alias }, { ...DENO, imports: alias })).toEqual([]);
});

test.each([
  { version: "1.2.4" },
  { exports: { ".": "./main.ts" } },
  { name: "@stolos/other" },
  {
    license: "MIT",
  },
  { imports: { used: "npm:used@^2.0.0" } },
  { imports: {} },
])(
  "a manifest with %p is found",
  (change) => expect(manifestViolations(NPM, { ...DENO, ...change })).toHaveLength(1),
);

test("the exports of a module are its names as exported, types too", async () => {
  const source = await one(
    "mod.ts",
    'export { b, type A, c as d } from "./x.ts";\nexport type { E } from "./y.ts";',
  );
  expect(exportNamesOf(source)).toEqual(["A", "E", "b", "d"]);
});

test("an export that is not listed, a listed one that is gone, and a star are found", async () => {
  const source = await one("mod.ts", 'export { a, b } from "./x.ts";\nexport * from "./y.ts";');
  const found = publicModuleViolations(source, ["b", "c"]).map(({ message }) => message);
  expect(found).toEqual([
    "mod.ts names what it exports, no export *",
    "* is exported, but not in tests/exports.txt",
    "a is exported, but not in tests/exports.txt",
    "c is in tests/exports.txt, but not exported",
  ]);
});

test("dependencies that are used and documented pass", async () => {
  const sources = [
    await one("src/a.ts", 'import { x } from "used/part";\nimport "node:fs";'),
    await one("tests/a.ts", 'import "tool";\nimport "bun:test";'),
  ];
  const page = "| what | why |\n|---|---|\n| `used` | a |\n| `tool` | b |\n";
  expect(dependencyViolations({ npm: NPM, sources, page })).toEqual([]);
});

test("unused, undeclared, undocumented and outdated dependencies are found", async () => {
  const sources = [await one("src/a.ts", '/** A. */\nimport "tool";\nimport "unknown";')];
  const page = "| `used` | a |\n| `gone` | b |\n";
  expect(report(dependencyViolations({ npm: NPM, sources, page })).split("\n")).toEqual([
    "src/a.ts:2: tool is not a dependency in package.json",
    "src/a.ts:3: unknown is not a dependency in package.json",
    "package.json:1: nothing imports the dependency used",
    "docs/dependencies.md:1: no line for tool",
    "docs/dependencies.md:1: gone is no dependency any more",
  ]);
});
