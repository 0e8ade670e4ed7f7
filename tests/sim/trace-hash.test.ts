/** Determinism: what a seed decides does not depend on when or where it runs. */
import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { PROFILES } from "../../src/simulator/profiles.ts";
import { simulate } from "../../src/simulator/simulate.ts";

const SEEDS = [1, 2, 3];

function hashesHere(profile: string): string {
  return SEEDS.map((seed) => `${seed} ${simulate(seed, profile, { trace: true, keep: 0 }).hash}`).join("\n");
}

function hashesOn(command: readonly string[], profile: string): string {
  const script = fileURLToPath(new URL("./main.ts", import.meta.url));
  const bin = fileURLToPath(new URL("../../node_modules/.bin/", import.meta.url));
  const [program, ...before] = command;
  const range = `${SEEDS[0]}-${SEEDS.at(-1)}`;
  const own = ["--seeds", range, "--profile", profile, "--hash"];
  const text = execFileSync(bin + program!, [...before, script, ...own], { encoding: "utf8" });
  return text.split("\n").filter((line) => /^\d+ [0-9a-f]{16}$/.test(line)).join("\n");
}

test("the same seed gives the same run twice", () => {
  for (const profile of PROFILES) expect(hashesHere(profile)).toBe(hashesHere(profile));
}, 120_000);

const RUNTIMES: readonly (readonly [string, readonly string[]])[] = [
  ["bun", ["bun"]],
  ["deno", ["deno", "run", "-A"]],
  ["node", ["node"]],
];

for (const [name, command] of RUNTIMES) {
  test(`the same seed gives the same run on ${name}`, () => {
    for (const profile of ["general", "crashy", "snapshots", "reconfiguration"]) {
      expect(hashesOn(command, profile)).toBe(hashesHere(profile));
    }
  }, 120_000);
}
