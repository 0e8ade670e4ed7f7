/** The files of this folder are the tests: what must compile does, and what must not does not, says tsc. */
import { expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Files of claims. */
const FILES = ["submit.ts"];
const ROOT = join(import.meta.dirname, "../..");

test("what must compile does, and what must not does not", () => {
  const base = join(ROOT, "node_modules/.cache");
  mkdirSync(base, { recursive: true });
  const directory = mkdtempSync(join(base, "types-"));
  try {
    const include = FILES.map((file) => join(import.meta.dirname, file));
    const config = { extends: join(ROOT, "tsconfig.json"), include };
    writeFileSync(join(directory, "tsconfig.json"), JSON.stringify(config));
    const { stdout } = spawnSync("tsc", ["-p", directory], { encoding: "utf8" });
    expect(stdout).toBe("");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
