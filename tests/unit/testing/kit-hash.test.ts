/** Determinism of the test kit: what a seed decides does not depend on when or where it runs. */
import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { hashOf } from "../../support/kit-run.ts";

const SEEDS = [1, 2, 3];
const RUNTIMES: readonly (readonly [string, ...string[]])[] = [["bun"], ["deno", "run", "-A"], ["node"]];

async function hashesHere(): Promise<string[]> {
  const lines: string[] = [];
  for (const seed of SEEDS) lines.push(`seed ${seed}: ${await hashOf(seed)}`);
  return lines;
}

const hashes = await hashesHere();

test("the same seed gives the same run twice, another seed another run", async () => {
  expect(await hashesHere()).toEqual(hashes);
  expect(new Set(hashes.map((line) => line.split(": ")[1])).size).toBe(SEEDS.length);
});

for (const [program, ...before] of RUNTIMES) {
  test(`the same seed gives the same run on ${program}`, () => {
    const script = fileURLToPath(new URL("../../support/kit-run.ts", import.meta.url));
    const bin = fileURLToPath(new URL("../../../node_modules/.bin/", import.meta.url));
    const text = execFileSync(bin + program, [...before, script, ...SEEDS.map(String)], { encoding: "utf8" });
    expect(text.trim().split("\n")).toEqual(hashes);
  });
}
