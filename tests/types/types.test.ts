/** The files of this folder are the tests: what must compile does, and what must not does not, says tsc. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Files of claims. */
const FILES = ["submit.ts"];
const ROOT = join(import.meta.dirname, "../..");

/** What tsc says of the files, with these options beside the project's. */
function checked(files: readonly string[], compilerOptions: Readonly<Record<string, boolean>> = {}): string {
  const base = join(ROOT, "node_modules/.cache");
  mkdirSync(base, { recursive: true });
  const directory = mkdtempSync(join(base, "types-"));
  try {
    const config = { extends: join(ROOT, "tsconfig.json"), compilerOptions, include: files };
    writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(config));
    return spawnSync("tsc", ["-p", directory], { encoding: "utf8" }).stdout;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("what must compile does, and what must not does not", () => {
  expect(checked(FILES.map((file) => join(import.meta.dirname, file)))).toBe("");
});

test("a program that imports the sources may be checked by looser and by stricter options than ours", () => {
  const sources = ["mod.ts", "src/testing/kit.ts"].map((file) => join(ROOT, file));
  const loose = ["strict", "exactOptionalPropertyTypes", "noUncheckedIndexedAccess"];
  const unused = ["noUnusedLocals", "noUnusedParameters", "noImplicitReturns"];
  const strict = [...unused, "noPropertyAccessFromIndexSignature", "noFallthroughCasesInSwitch"];
  const set = (names: readonly string[], value: boolean): Record<string, boolean> =>
    Object.fromEntries(names.map((name) => [name, value]));
  expect([checked(sources, set(loose, false)), checked(sources, set(strict, true))]).toEqual(["", ""]);
});
