/**
 * What a seed decides does not depend on where it runs. That it does not depend on when is shown by the
 * swarm, which runs one seed of each profile twice.
 */
import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { simulate } from "../../src/simulator/simulate.ts";

const PROFILES = ["general", "crashy", "snapshots", "reconfiguration"];
const LAST_SEED = 1;

const hashesHere = PROFILES.flatMap((profile) =>
  Array.from({ length: LAST_SEED }, (_, at) => simulate(at + 1, profile, { trace: true, keep: 0 }).hash)
);

function hashesOn(command: readonly string[]): readonly string[] {
  const script = fileURLToPath(new URL("./main.ts", import.meta.url));
  const bin = fileURLToPath(new URL("../../node_modules/.bin/", import.meta.url));
  const [program, ...before] = command;
  const own = ["--seeds", `1-${LAST_SEED}`, "--profile", PROFILES.join(), "--hash"];
  const text = execFileSync(bin + program!, [...before, script, ...own], { encoding: "utf8" });
  return Array.from(text.matchAll(/^\d+ ([0-9a-f]{16})$/gm), ([, hash]) => hash!);
}

const RUNTIMES: readonly (readonly [string, readonly string[]])[] = [
  ["bun", ["bun"]],
  ["deno", ["deno", "run", "-A"]],
  ["node", ["node"]],
];

for (const [name, command] of RUNTIMES) {
  test(`the same seed gives the same run on ${name}`, () => {
    expect(hashesOn(command)).toEqual(hashesHere);
  });
}
